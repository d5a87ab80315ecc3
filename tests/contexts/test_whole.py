"""A long SMS over a carrier that cuts it itself: one submission (part 0), one receipt, and charged in parts as ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tests.contexts.desk import FUNDS, PRICE, THREE_PARTS, Desk, overdue, receipt
from tests.contexts.lane_bed import Bed, Carrier, run_lane
from tests.poll import until
from tocsin.messaging import Verdicts
from tocsin.traffic import OutcomeKind, Reason


@pytest.fixture
def whole(desk: Desk) -> Desk:
    desk.whole = True
    return desk


async def test_it_goes_as_one_and_is_delivered_by_one_receipt(whole: Desk) -> None:
    account = await whole.add_account()
    (one,) = await whole.accept(account, content=THREE_PARTS)
    (sent,) = (await whole.claim([one])).submissions
    assert (sent.part, sent.parts, sent.text, sent.country_id) == (0, 3, THREE_PARTS, 10007)
    (name,) = await whole.submit([one])
    await whole.receive(receipt(name))
    assert whole.state(one) == (1, 1, Reason.SUCCESS, 3 * PRICE, False)
    assert whole.pushed(one)[0][6:] == ["3", "0.3"]
    assert whole.balance(account) == FUNDS - 3 * PRICE
    await whole.check()


async def test_one_failed_receipt_ends_it_and_an_intermediate_one_does_not(whole: Desk) -> None:
    account = await whole.add_account()
    (one,) = await whole.accept(account, content=THREE_PARTS)
    (name,) = await whole.submit([one])
    await whole.receive(receipt(name, Reason.SENDING))
    assert whole.reason(one) is Reason.SENDING
    await whole.receive(receipt(name, Reason.UNDELIVERED))
    assert whole.reason(one) is Reason.UNDELIVERED
    await whole.receive(receipt(name))
    assert whole.reason(one) is Reason.UNDELIVERED
    await whole.check()


async def test_a_short_one_is_as_ever(whole: Desk) -> None:
    account = await whole.add_account()
    (one,) = await whole.accept(account)
    (sent,) = (await whole.claim([one])).submissions
    assert (sent.part, sent.parts, sent.text) == (1, 1, "hello")


async def test_a_lost_answer_is_matched_by_the_number(whole: Desk) -> None:
    account = await whole.add_account()
    (one,) = await whole.accept(account, content=THREE_PARTS)
    await whole.submit([one], OutcomeKind.UNKNOWN)
    assert (await whole.claim([one], attempt=2)).submissions == []
    await whole.receive(receipt("never heard of", phone=whole.phone(one)))
    assert whole.state(one) == (1, 1, Reason.SUCCESS, 3 * PRICE, False)
    await whole.check()


async def test_another_one_to_the_number_that_was_taken_whole_does_not_stand_in_the_way(whole: Desk) -> None:
    """It is with the carrier with all it has: the strange receipt cannot be of a submission that is yet to be answered."""
    account = await whole.add_account()
    (phone,) = whole.take_numbers(1)
    (first,) = await whole.accept(account, [phone], content=THREE_PARTS)
    (lost,) = await whole.accept(account, [phone], content=THREE_PARTS)
    await whole.submit([first])
    await whole.submit([lost], OutcomeKind.UNKNOWN)
    await whole.receive(receipt("never heard of", phone=phone))
    assert (whole.reason(first), whole.reason(lost)) == (None, Reason.SUCCESS)
    await whole.check()


@pytest.mark.parametrize("begun_whole", [True, False])
async def test_as_it_began_it_goes_on(desk: Desk, *, begun_whole: bool) -> None:
    """Whatever the channel's setting says meanwhile: of a message that was cut the rest must not be the whole."""
    desk.whole = begun_whole
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    work = await desk.claim([one])
    outcome = desk.answer(work.submissions[0], OutcomeKind.UNKNOWN)
    await desk.write([outcome], {one: desk.phone(one)}, Verdicts())
    desk.whole = not begun_whole
    again = await desk.claim([one], attempt=2)
    assert [sent.part for sent in again.submissions] == ([] if begun_whole else [2, 3])


async def test_it_waits_for_its_receipt_and_ends_without(whole: Desk) -> None:
    account = await whole.add_account()
    (one,) = await whole.accept(account, content=THREE_PARTS)
    (name,) = await whole.submit([one], timeout_s=0.0)
    await overdue(whole)
    assert whole.reason(one) is Reason.NO_RECEIPT
    await whole.receive(receipt(name))
    assert whole.reason(one) is Reason.SUCCESS
    await whole.check()


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    await made.close()


async def test_a_lane_hands_it_over_once(bed: Bed) -> None:
    ids = bed.accept(30) + bed.accept(40, parts=3)
    carrier = Carrier()
    carrier.whole = True
    async with run_lane(bed, carrier):
        await until(lambda: bed.waiting() == 0)
    assert Counter(s.message_id for s in carrier.got) == Counter(ids)
    assert Counter(s.part for s in carrier.got) == {1: 30, 0: 40}
    assert {len(s.text) for s in carrier.got if s.part == 0} == {3 * 153}
