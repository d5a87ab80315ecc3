"""What an end leaves besides its report: roll-ups, rows to push, by the newest that is known of the account. See desk.py."""

from __future__ import annotations

import pytest

from tests.contexts.desk import (
    FUNDS,
    GENTLE,
    TWO_PARTS,
    Desk,
    overdue,
    receipt,
)
from tocsin import messaging, webhooks
from tocsin.traffic import OutcomeKind, Reason


async def test_roll_ups_follow_a_message_to_another_channel(desk: Desk) -> None:
    account = await desk.add_account(plan=GENTLE)
    ids = await desk.accept(account, 5, content=TWO_PARTS)
    await desk.submit(ids, OutcomeKind.TEMPORARY)
    names = await desk.submit(ids, attempt=2, channel=desk.other, timeout_s=0)
    delivered, failed, midway = names[:2], names[2:4], names[4:6]
    receipts = [
        *map(receipt, delivered),
        *(receipt(n, Reason.UNDELIVERED) for n in failed),
        receipt(midway[0], Reason.SENDING),
    ]
    await desk.receive(*receipts, channel=desk.other)
    await desk.check()
    await overdue(desk)
    await desk.check()
    await desk.receive(*map(receipt, names), channel=desk.other)
    await desk.check()
    assert desk.one("SELECT sum(messages) FROM rollup WHERE status = 1 AND channel_id = %s", desk.other) == 4
    assert desk.one("SELECT sum(messages) FROM rollup WHERE channel_id = %s", desk.channel) == 0


async def test_roll_ups_of_refused_and_expired_numbers(desk: Desk) -> None:
    account = await desk.add_account()
    ids = await desk.accept(account, [*desk.take_numbers(2), "12", "+4915112345678"])
    assert len(ids) == 4
    await desk.check()
    await desk.submit(ids[:1])
    desk.conn.execute("UPDATE batch SET expires_at = now() - interval '1 second'")
    await desk.write([], {}, messaging.Verdicts(ends=(await desk.claim(ids[1:2])).ends))
    assert desk.state(ids[1]) == (1, 2, Reason.EXPIRED, 0, False)
    await desk.check()


async def test_nothing_waits_for_an_account_without_an_endpoint(desk: Desk) -> None:
    silent, other = await desk.add_account("silent", kinds=()), await desk.add_account("other", kinds=("sms", "mms"))
    one, two = [*await desk.accept(silent), *await desk.accept(other)]
    await desk.receive(*map(receipt, await desk.submit([one, two])))
    assert desk.reason(one) is desk.reason(two) is Reason.SUCCESS
    assert [row[0] for row in desk.pushed()] == [two.hex()]
    kinds = desk.conn.execute("SELECT e.kind, e.account_id FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id")
    assert kinds.fetchall() == [("sms", other.id)]


def set_url(desk: Desk, account_id: int) -> None:
    webhooks.set_endpoint(desk.conn, account_id, "sms", "http://127.0.0.1/new", str)


def change_plan(desk: Desk, account_id: int) -> None:
    desk.conn.execute(
        "UPDATE account SET plan_id = (SELECT id FROM plan WHERE name = 'gentle') WHERE id = %s", (account_id,)
    )


@pytest.mark.parametrize("way", ["receipt", "refused", "number"])
async def test_a_url_that_was_set_just_now_gets_the_report(desk: Desk, way: str) -> None:
    """This process has not renewed its memory since; the message is quicker than its next look."""
    account = await desk.add_account(kinds=())
    (one,) = await desk.accept(account)
    set_url(desk, account.id)
    change_plan(desk, account.id)
    if way == "refused":
        await desk.books.look(desk.session)
        await desk.submit([one], OutcomeKind.PERMANENT)
    elif way == "number":
        await desk.submit([one], OutcomeKind.UNKNOWN)
        await desk.receive(receipt("x", Reason.UNDELIVERED, desk.phone(one)))
    else:
        await desk.receive(receipt((await desk.submit([one]))[0], Reason.UNDELIVERED))
    assert len(desk.pushed(one)) == 1
    assert desk.balance(account) == FUNDS


async def test_the_memory_is_renewed_only_where_something_changed(desk: Desk) -> None:
    account = await desk.add_account()
    ids = await desk.accept(account, 2)
    names = await desk.submit(ids)
    await desk.receive(receipt(names[0]))
    fresh_s = desk.reference.age_s()
    await desk.receive(receipt(names[1]))
    assert desk.reference.age_s() > fresh_s
