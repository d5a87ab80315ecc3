"""What is known of one message and of replies, as people see it: attempts, receipts, refunds, pushes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.contexts.desk import GENTLE, TWO_PARTS, Desk, receipt
from tests.contexts.test_replies import make_reply, take_replies
from tocsin import messaging, webhooks
from tocsin.kit import clock
from tocsin.messaging import replies
from tocsin.traffic import OutcomeKind, Reason


async def test_attempts_receipts_and_refund_in_order(desk: Desk) -> None:
    account, other = await desk.add_account("mine", plan=GENTLE), await desk.add_account("other")
    (message_id,) = await desk.accept(account, 1, TWO_PARTS)
    waiting = messaging.trace_message(desk.conn, account.id, message_id.hex())
    assert waiting is not None
    assert waiting.waits is not None
    assert not waiting.waits.claimed
    assert waiting.said.content == TWO_PARTS
    assert (waiting.submitted, waiting.receipts, waiting.reports) == ([], [], [])
    await desk.submit([message_id], OutcomeKind.TEMPORARY)
    first, second = await desk.submit([message_id], attempt=2)
    await desk.receive(receipt(first))
    await desk.receive(receipt(second, Reason.UNDELIVERED))
    trace = messaging.trace_message(desk.conn, account.id, message_id.hex())
    assert trace is not None
    assert [(each.attempt, each.part, each.outcome) for each in trace.submitted] == [
        (1, 1, OutcomeKind.TEMPORARY), (1, 2, OutcomeKind.TEMPORARY), (2, 1, OutcomeKind.ACCEPTED), (2, 2, OutcomeKind.ACCEPTED),
    ]  # fmt: skip
    assert [(each.part, each.reason) for each in trace.receipts] == [(1, Reason.SUCCESS), (2, Reason.UNDELIVERED)]
    assert [(each.reason, each.fee_micros, each.refund_micros) for each in trace.reports] == [
        (Reason.UNDELIVERED, 0, 200_000)
    ]
    assert trace.row.state is messaging.State.FAILED
    assert messaging.trace_message(desk.conn, other.id, message_id.hex()) is None
    assert messaging.trace_message(desk.conn, account.id, "0" * 32) is None


async def test_what_is_paused_waits_without_a_time(desk: Desk) -> None:
    account = await desk.add_account()
    (message_id,) = await desk.accept(account, 1)
    desk.conn.execute("UPDATE lane_item SET due = 'infinity' WHERE %s::uuid = ANY(ids)", (message_id.hex(),))
    trace = messaging.trace_message(desk.conn, account.id, message_id.hex())
    assert trace is not None
    assert trace.waits == messaging.Waits(None, 1, claimed=False, scheduled=False, paused=True)


async def test_an_answer_stands_with_its_message_and_in_the_list(desk: Desk) -> None:
    account, other = await desk.add_account("mine"), await desk.add_account("other")
    phones = desk.take_numbers(2)
    message_id, _ = await desk.accept(account, phones)
    await take_replies(desk, make_reply(phones[0], "Who is this?"))
    trace = messaging.trace_message(desk.conn, account.id, message_id.hex())
    assert trace is not None
    assert [each.content for each in trace.answered] == ["Who is this?"]
    found = messaging.list_replies(desk.conn, account.id, messaging.NEWEST_REPLY, ("", ""), 10)
    assert [(row.user_number, row.message_id) for row in found.rows] == [(phones[0], message_id.hex())]
    assert messaging.list_replies(desk.conn, other.id, messaging.NEWEST_REPLY, ("", ""), 10).rows == []


@pytest.mark.parametrize("stretch", [1, 2, 100])
async def test_replies_are_paged_by_key_whatever_fits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(replies, "_STRETCH", stretch)
    account = await desk.add_account()
    phones = desk.take_numbers(6)
    await desk.accept(account, phones)
    for turn, phone in enumerate(phones):
        await take_replies(desk, make_reply(phone, str(turn), "777" if turn % 2 else "12345"))

    def walk(numbers: tuple[str, str]) -> list[str]:
        seen, before = list[str](), messaging.NEWEST_REPLY
        while True:
            found = messaging.list_replies(desk.conn, account.id, before, numbers, 2)
            seen += [row.content for row in found.rows]
            if found.next is None:
                return seen
            before = found.next

    assert walk(("", "")) == ["5", "4", "3", "2", "1", "0"]
    assert walk(("", "777")) == ["5", "3", "1"]
    assert walk((phones[2], "")) == ["2"]
    assert walk(("49", "")) == []


async def test_pushes_of_a_report(desk: Desk) -> None:
    account, other = await desk.add_account("mine"), await desk.add_account("other", kinds=())
    ids = await desk.accept(account, 3)
    for name in await desk.submit(ids):
        await desk.receive(receipt(name))
    at = clock.now()
    rows = [(each.hex(), at) for each in ids]
    found = webhooks.trace_pushes(desk.conn, account.id, "sms", rows)
    assert found is not None
    assert [found.state_of(each.hex()) for each in ids] == ["waiting"] * 3
    endpoint_id = desk.one("SELECT id FROM endpoint WHERE account_id = %s", account.id)
    desk.conn.execute("UPDATE outbox SET aside = true WHERE %s::uuid = ANY(ids)", (ids[2].hex(),))
    desk.conn.execute("DELETE FROM outbox WHERE NOT aside")

    def attempt(message_id: bytes, after: timedelta, status: int | None) -> None:
        desk.conn.execute(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error)"
            " VALUES (%s, 1, 'msg_1', %s, 12, %s, 1, ARRAY[%s::uuid], '')",
            (endpoint_id, at + after, status, message_id.hex()),
        )

    long_ago = at - timedelta(days=1)
    attempt(ids[0], timedelta(seconds=1), 500)
    attempt(ids[0], timedelta(minutes=5) - timedelta(days=1), 200)
    attempt(ids[1], timedelta(seconds=2), None)
    found = webhooks.trace_pushes(desk.conn, account.id, "sms", [(ids[0].hex(), long_ago)])
    assert found is not None
    assert [(each.http_status, each.taken) for each in found.tries] == [(200, True)]
    assert found.state_of(ids[0].hex()) == "pushed"
    found = webhooks.trace_pushes(desk.conn, account.id, "sms", rows)
    assert found is not None
    assert [found.state_of(each.hex()) for each in ids] == ["tried", "tried", "aside"]
    assert webhooks.trace_pushes(desk.conn, other.id, "sms", rows) is None


async def test_the_search_for_pushes_ends_when_its_time_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.webhooks.trace.BUDGET_S", 0.06)  # a test of pages in this process may have raised it
    account = await desk.add_account()
    long_ago = datetime(2026, 1, 1, tzinfo=clock.UTC)
    found = webhooks.trace_pushes(desk.conn, account.id, "sms", [("0" * 32, long_ago)], iter(range(9)).__next__)
    assert found is not None
    assert not found.whole
    assert found.state_of("0" * 32) == ""
