"""A lane whose carrier, lease or database misbehaves: nothing is stuck, nothing is sent twice, everything ends in time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest
from psycopg import OperationalError
from psycopg.rows import TupleRow

from tests.contexts.lane_bed import Bed, Carrier, run_lane
from tests.poll import until
from tocsin.kit.db import Statement
from tocsin.messaging import Open, Text, Work
from tocsin.messaging.model import Claimed
from tocsin.queue import Item
from tocsin.traffic import Outcome, OutcomeKind, Priority, Product, Submission
from tocsin.workers.hold import Hold

ACCEPTED, UNKNOWN, TEMPORARY = (
    int(kind) for kind in (OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN, OutcomeKind.TEMPORARY)
)


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    await made.close()


def outcomes(bed: Bed) -> Counter[int]:
    return Counter(row[0] for row in bed.rows("SELECT outcome FROM submission"))


async def test_everything_that_waits_is_sent_once_and_leaves_the_lane(bed: Bed) -> None:
    ids = bed.accept(330) + bed.accept(40, account_id=2, parts=3)
    carrier = Carrier()
    async with run_lane(bed, carrier):
        await until(lambda: bed.waiting() == 0)
    assert Counter(s.message_id for s in carrier.got) == Counter(ids[:330] + ids[330:] * 3)
    assert outcomes(bed) == {ACCEPTED: 330 + 120}
    assert carrier.closed


async def test_a_link_that_breaks_in_a_submit_leaves_its_messages_unknown_and_the_lane_goes_on(bed: Bed) -> None:
    bed.accept(20)
    carrier = Carrier()
    carrier.breaks = True
    async with run_lane(bed, carrier, unknown_policy="leave"):
        await until(lambda: outcomes(bed) == {UNKNOWN: 20})
        await until(lambda: bed.waiting() == 0)
        assert bed.one("SELECT sum(cardinality(ids)) FROM receipt_watch")  # their receipts are waited for
        carrier.breaks = False
        bed.accept(30)
        await until(lambda: outcomes(bed) == {UNKNOWN: 20, ACCEPTED: 30})


async def test_a_link_that_breaks_is_tried_again_where_the_policy_says_so(bed: Bed) -> None:
    bed.accept(5)
    carrier = Carrier()
    carrier.breaks = True
    async with run_lane(bed, carrier, unknown_policy="resend"):
        await until(lambda: bed.one("SELECT count(*) FROM lane_item WHERE attempt = 2 AND due IS NOT NULL") > 0)
        assert bed.waiting() == 5


async def test_a_link_that_hangs_in_its_close_does_not_hold_up_the_end(bed: Bed) -> None:
    bed.accept(10)
    carrier = Carrier(answer=None)
    carrier.close_hangs = True
    begun = time.monotonic()
    async with run_lane(bed, carrier, unknown_policy="leave"):
        await until(lambda: len(carrier.got) == 10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    assert outcomes(bed) == {UNKNOWN: 10}  # written down: nobody sends them a second time
    assert bed.waiting() == 0


async def test_a_submit_that_waits_for_room_does_not_hold_up_the_end(bed: Bed) -> None:
    bed.accept(10)
    carrier = Carrier(answer=None)
    carrier.waits = True
    async with run_lane(bed, carrier, unknown_policy="leave"):
        await until(lambda: len(carrier.got) == 10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    assert outcomes(bed) == {UNKNOWN: 10}


async def test_at_the_end_what_was_not_sent_goes_back_as_it_was(bed: Bed) -> None:
    """A slow channel has claimed what it may not send yet: it is free again, and that was no attempt."""
    ids = bed.accept(40, parts=5)
    carrier = Carrier()
    async with run_lane(bed, carrier, rate=10):
        await until(lambda: bool(carrier.got))
    sent = {s.message_id for s in carrier.got}
    assert 0 < len(sent) < 40
    left = bed.rows("SELECT owner, attempt, unnest(ids) FROM lane_item")
    whole = [row for row in left if row[0] is None and row[1] == 1]
    assert len(whole) >= len(ids) - len(sent)
    assert {row[0] for row in left} == {None}


async def test_no_more_is_handed_over_than_a_kill_may_double(bed: Bed) -> None:
    bed.accept(1000, parts=2)
    carrier = Carrier(answer=None)
    async with run_lane(bed, carrier, window=1_000_000, unknown_policy="leave"):
        await until(lambda: len(carrier.got) == 250)
        carrier.reply(carrier.got[:100], OutcomeKind.ACCEPTED)
        await until(lambda: len(carrier.got) == 350)
        assert outcomes(bed) == {ACCEPTED: 100}
    assert len(carrier.got) == 350


async def test_a_window_bounds_what_is_under_way(bed: Bed) -> None:
    bed.accept(100)
    carrier = Carrier(answer=None)
    async with run_lane(bed, carrier, window=7, unknown_policy="leave"):
        await until(lambda: len(carrier.got) == 7)
        carrier.reply(carrier.got[:3], OutcomeKind.ACCEPTED)
        await until(lambda: len(carrier.got) == 10)
        assert bed.one("SELECT coalesce(sum(cardinality(ids)), 0) FROM lane_item WHERE owner IS NOT NULL") <= 14


async def test_a_code_is_not_stuck_behind_a_campaign_on_a_slow_channel(bed: Bed) -> None:
    bed.accept(500)
    carrier = Carrier()
    async with run_lane(bed, carrier, rate=40):
        await until(lambda: len(carrier.got) >= 3)
        before = len(carrier.got)
        [code] = bed.accept(1, account_id=9, priority=0)
        await until(lambda: any(s.message_id == code for s in carrier.got))
        place = next(i for i, s in enumerate(carrier.got) if s.message_id == code)
    assert place - before <= 20  # half a second; an undivided item would put it behind up to 50


async def test_answers_are_written_once_though_the_answer_to_the_commit_is_lost(bed: Bed) -> None:
    """The write of a retry is committed, the connection breaks, the write is repeated: one retry, not two."""
    bed.accept(4)
    carrier = Carrier(answer=None)
    async with run_lane(bed, carrier) as running:
        await until(lambda: len(carrier.got) == 4)
        session = running.lane.recorder._session
        batch = session.batch

        async def commit_and_lose(statements: Sequence[Statement]) -> list[list[TupleRow]]:
            session.batch = batch  # type: ignore[method-assign]
            await batch(statements)
            session.break_off()
            raise OperationalError("the connection was cut between COMMIT and its answer")

        session.batch = commit_and_lose  # type: ignore[method-assign]
        carrier.reply(carrier.got, OutcomeKind.TEMPORARY)
        await until(lambda: not running.lane.hold.items)
    assert bed.rows("SELECT attempt, cardinality(ids) FROM lane_item") == [(2, 4)]
    assert outcomes(bed) == {TEMPORARY: 4}


async def test_a_lane_whose_lease_is_over_sends_nothing(bed: Bed) -> None:
    carrier = Carrier()
    async with run_lane(bed, carrier, lease_s=0.5) as running:
        lease = running.lane._hands.lease
        await until(lambda: not lease.held)
        bed.accept(10)
        late = time.monotonic() + 0.6  # two looks into the lane
        await until(lambda: time.monotonic() > late or carrier.got)
        assert carrier.got == []
        await lease.renew()
        await until(lambda: len(carrier.got) == 10)


def make_work(item_id: int, ids: list[bytes], parts: int = 1) -> Work:
    work = Work()
    for message_id in ids:
        message = Claimed(message_id, item_id, 1, 2, 1, 1, 1, "62812", 10007, parts, 0, 1)
        work.open.append(Open(message, Text("", "", 2, 0.0, None), set(range(1, parts + 1))))
        work.submissions += [
            Submission(message_id, 1, part, parts, Product.SMS, Priority.MARKETING, "62812", "", "", False, 0.0)
            for part in range(1, parts + 1)
        ]
    return work


def accept(work: Work, first: int, last: int) -> list[Outcome]:
    return [Outcome(s.message_id, 1, s.part, OutcomeKind.ACCEPTED, 1.0, "x") for s in work.submissions[first:last]]


def test_an_item_of_which_a_part_was_put_back_is_shrunk_and_released_with_its_last_answer() -> None:
    hold, ids = Hold(), [bytes([i]) * 16 for i in range(4)]
    hold.claim([Item(5, 1, 2, 1, ids)])
    work = make_work(5, ids)
    hold.take(work)
    hold.hand(2)
    hold.answer(accept(work, 0, 1))
    first = hold.collect()
    settled = hold.settle(first)
    assert (settled.done, settled.release, settled.shrink) == ([], [], {5: ids[:1]})
    hold.put_back(work.submissions[2:], 1.0)  # while that is being written
    hold.forget(first, settled)
    assert hold.unrecorded == 1
    hold.answer(accept(work, 1, 2))
    second = hold.collect()
    settled = hold.settle(second)
    assert (settled.done, settled.release, settled.shrink) == ([], [5], {5: ids[1:2]})
    hold.forget(second, settled)
    assert hold.items == {}
    assert hold.unrecorded == 0
    assert hold.empty.is_set()


def test_what_is_put_back_while_the_last_answers_are_being_written_is_released_after_it() -> None:
    hold, ids = Hold(), [bytes([i]) * 16 for i in range(2)]
    hold.claim([Item(5, 1, 2, 1, ids)])
    work = make_work(5, ids)
    hold.take(work)
    hold.hand(1)
    hold.answer(accept(work, 0, 1))
    answers = hold.collect()
    settled = hold.settle(answers)
    hold.put_back(work.submissions[1:], 1.0)
    hold.forget(answers, settled)
    rest = hold.collect()
    assert hold.settle(rest).release == [5]
    hold.forget(rest, hold.settle(rest))
    assert hold.items == {}


def test_an_item_that_is_claimed_again_before_its_release_is_known_stays_in_hand() -> None:
    """The claim's answer was read before that of the write that had set it free."""
    hold, ids = Hold(), [bytes([i]) * 16 for i in range(2)]
    item = Item(5, 1, 2, 1, ids)
    hold.claim([item])
    work = make_work(5, ids)
    hold.take(work)
    hold.put_back(work.submissions, 1.0)
    release = hold.collect()
    settled = hold.settle(release)
    assert (settled.release, settled.written) == ([5], False)
    hold.claim([item])
    assert hold.settle(release).written  # so nobody writes it a second time, where an answer was lost
    hold.forget(release, settled)
    assert hold.items == {5: set(ids)}
    again = make_work(5, ids)
    hold.take(again)
    hold.hand(1)
    hold.answer(accept(again, 0, 1))
    answers = hold.collect()
    assert hold.settle(answers).done == []  # the other one is still under way
    hold.forget(answers, hold.settle(answers))
    assert hold.items == {5: {ids[1]}}


def test_a_message_of_which_one_part_went_out_is_not_put_back_but_fails_for_the_rest() -> None:
    hold, ids = Hold(), [b"a" * 16]
    hold.claim([Item(5, 1, 2, 1, ids)])
    work = make_work(5, ids, parts=3)
    hold.take(work)
    hold.hand(1)
    hold.put_back(work.submissions[1:], 1.0)
    hold.answer(accept(work, 0, 1))
    answers = hold.collect()
    assert Counter(outcome.kind for outcome in answers.outcomes) == {OutcomeKind.TEMPORARY: 2, OutcomeKind.ACCEPTED: 1}
    assert len(answers.complete) == 1
    hold.forget(answers, hold.settle(answers))
    assert (hold.items, hold.unrecorded) == ({}, 0)


def test_late_and_doubled_answers_count_once() -> None:
    hold, ids = Hold(), [b"a" * 16]
    hold.claim([Item(5, 1, 2, 1, ids)])
    work = make_work(5, ids)
    hold.take(work)
    hold.hand(1)
    hold.answer(accept(work, 0, 1) * 2)
    answers = hold.collect()
    hold.forget(answers, hold.settle(answers))
    hold.answer(accept(work, 0, 1))
    assert hold.unrecorded == 0
    assert not hold.collect()
