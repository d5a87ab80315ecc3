"""What another attempt at a message sends, and what it leaves alone. See desk.py."""

from __future__ import annotations

import msgspec
import pytest

from tests.contexts.desk import (
    THREE_PARTS,
    Desk,
    receipt,
)
from tocsin import messaging, queue, routing
from tocsin.kit import clock
from tocsin.messaging import Ask, Draft
from tocsin.traffic import Outcome, OutcomeKind, Reason


async def sent_parts(desk: Desk, message_id: bytes, attempt: int) -> list[int]:
    return [sent.part for sent in (await desk.claim([message_id], attempt)).submissions]


async def test_a_policy_that_leaves_sends_nothing_twice(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    work = await desk.claim([one])
    kinds = [OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN, OutcomeKind.TEMPORARY]
    outcomes = [
        Outcome(one, 1, s.part, kind, clock.now_s(), "id" if kind is OutcomeKind.ACCEPTED else None)
        for s, kind in zip(work.submissions, kinds, strict=True)
    ]
    await desk.write(outcomes, {one: desk.phone(one)}, messaging.Verdicts())
    assert await sent_parts(desk, one, 2) == [3]
    (entry,) = (await desk.claim([one], 2)).open
    assert (entry.taken, entry.unknown) == (True, frozenset({2}))
    routing.set_channel(desk.conn, desk.table.channel(desk.channel).name, unknown_policy="resend")  # type: ignore[union-attr]
    await desk.reference.renew()
    assert await sent_parts(desk, one, 2) == [2, 3]
    await desk.write([msgspec.structs.replace(outcomes[0], part=3, carrier_id="other")], {}, messaging.Verdicts())
    assert await sent_parts(desk, one, 2) == [2]
    await desk.receive(receipt("learnt", phone=desk.phone(one)))
    assert await sent_parts(desk, one, 2) == []


async def test_another_attempt_of_what_ended_or_has_nothing_left_to_send_is_dropped(desk: Desk) -> None:
    account = await desk.add_account()
    ended, unknown = await desk.accept(account, 2)
    await desk.receive(receipt((await desk.submit([ended]))[0]))
    await desk.submit([unknown], OutcomeKind.UNKNOWN)
    work = await desk.claim([ended, unknown], 2)
    assert {message.id for message in work.dropped} == {ended, unknown}
    assert (work.open, work.submissions, work.ends) == ([], [], [])


async def test_what_a_dead_worker_wrote_down_is_not_sent_again(desk: Desk) -> None:
    """It died with one of three parts answered: whoever takes the item over sends the other two, as a new attempt."""
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    desk.conn.execute("UPDATE lane_item SET owner = %s, lease_end = now() - interval '1 second'", (2**40,))
    (first, *_) = (await desk.claim([one])).submissions
    await desk.write([Outcome(one, 1, first.part, OutcomeKind.ACCEPTED, clock.now_s(), "id")], {}, messaging.Verdicts())
    assert await queue.take_over(desk.session, 0.0) == 1
    assert desk.one("SELECT owner IS NULL AND lease_end IS NULL FROM lane_item") is True
    assert await sent_parts(desk, one, desk.one("SELECT attempt FROM lane_item")) == [2, 3]


@pytest.mark.parametrize("kind", [None, OutcomeKind.TEMPORARY, OutcomeKind.UNKNOWN])
async def test_expired_before_another_attempt(desk: Desk, kind: OutcomeKind | None) -> None:
    """Nobody has it: it ends. A carrier may have it: its receipt is waited for."""
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    if kind is not None:
        await desk.submit([one], kind)
    desk.conn.execute("UPDATE batch SET expires_at = now() - interval '1 second'")
    work = await desk.claim([one], 2)
    assert [message.id for message in work.dropped] == [one]
    assert [end.reason for end in work.ends] == ([] if kind is OutcomeKind.UNKNOWN else [Reason.EXPIRED])


async def test_only_an_sms_is_cut(desk: Desk) -> None:
    account = await desk.add_account()
    ask = Ask(numbers="6281230000001", content=THREE_PARTS, code_id="10007", title="hello")
    draft = messaging.check_send(ask, account, messaging.MMS, 1, desk.ground)
    assert isinstance(draft, Draft)
    await desk.session.batch([messaging.accept_statement([draft])])
    (sent,) = (await desk.claim(draft.ids)).submissions
    assert (sent.text, sent.part, sent.parts) == (THREE_PARTS, 1, 1)
