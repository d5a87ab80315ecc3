"""Scheduled messages when their time comes: moved once, looked at again, dropped when late, or cancelled. See desk.py."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.contexts.desk import FUNDS, OTHER, PRICE, Desk
from tocsin import accounts, billing, compliance, messaging, routing
from tocsin.accounts import Account
from tocsin.compliance import QuietRule
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.messaging import SMS, Ask, Draft, Terms
from tocsin.traffic import Product, Reason

HOUR = 3600
MONEY = FUNDS + 1000 * PRICE


@pytest.fixture
def terms(desk: Desk) -> Terms:
    return Terms(desk.books, desk.table)


async def add_account(desk: Desk, name: str = "acme") -> Account:
    """With MONEY."""
    account = await desk.add_account(name)
    with desk.conn.transaction():
        billing.recharge(desk.conn, account.id, MONEY - FUNDS)
    return account


async def schedule(desk: Desk, account: Account, count: int = 1, **changes: Any) -> Draft:
    """An accepted request whose time came a second ago; `wait_s`: or comes then."""
    wait_s = changes.pop("wait_s", -1.0)
    numbers = ",".join(desk.take_numbers(count))
    ask = Ask(
        **{"numbers": numbers, "content": "hello", "code_id": "10007", "action": "NOTIFICATION", **changes},
        send_time=str(int(clock.now_s()) + HOUR),
    )
    draft = messaging.check_send(ask, account, SMS, 1000, desk.ground)
    assert isinstance(draft, Draft), draft
    draft.due_at = clock.now_s() + wait_s
    await desk.session.batch([messaging.accept_statement([draft])])
    return draft


async def move(desk: Desk, terms: Terms, session: Session | None = None) -> int:
    return await messaging.move_due(session or desk.session, terms, clock.now_s())


def waiting(desk: Desk, table: str = "lane_item") -> list[bytes]:
    rows = desk.conn.execute(f"SELECT unnest(ids) FROM {table}".encode()).fetchall()
    return sorted(row[0].bytes for row in rows)


def reasons(desk: Desk, ids: Sequence[bytes]) -> set[Reason | None]:
    return {desk.reason(each) for each in ids}


async def test_what_is_due_moves_once_and_the_rest_waits(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    draft = await schedule(desk, account, 120)
    patient = await schedule(desk, account, wait_s=HOUR)
    assert await move(desk, terms) == 3
    assert waiting(desk) == sorted(draft.ids)
    assert waiting(desk, "schedule") == patient.ids
    assert await move(desk, terms) == 0
    rows = desk.conn.execute("SELECT channel_id, priority, account_id, cardinality(ids), due FROM lane_item ORDER BY 4")
    assert rows.fetchall() == [(desk.channel, 1, account.id, n, None) for n in (20, 50, 50)]
    assert desk.balance(account) == MONEY - 121 * PRICE
    assert desk.count("report") == 0
    work = await desk.claim(draft.ids)
    assert len(work.submissions) == 120
    await desk.check()


async def test_two_workers_at_once_move_each_message_once(desk: Desk, second: Session, terms: Terms) -> None:
    account = await add_account(desk)
    drafts = [await schedule(desk, account, 50) for _ in range(12)]

    async def work(session: Session) -> None:
        while await move(desk, terms, session):
            pass

    await asyncio.gather(work(desk.session), work(second))
    assert waiting(desk) == sorted(i for draft in drafts for i in draft.ids)
    assert desk.count("schedule") == 0
    await desk.check()


async def test_a_chunk_in_other_hands_holds_up_nobody(desk: Desk, second: Session, terms: Terms) -> None:
    account = await add_account(desk)
    held, free = await schedule(desk, account), await schedule(desk, account)
    async with second.transaction():
        await second.run(b"SELECT 1 FROM schedule WHERE batch_no = %s FOR UPDATE", (held.batch_no,))
        assert await move(desk, terms) == 1
        assert waiting(desk) == free.ids
    assert await move(desk, terms) == 1
    assert waiting(desk) == sorted(held.ids + free.ids)


@pytest.mark.parametrize("first", ["cancel", "move", "both"])
async def test_cancel_against_move(desk: Desk, second: Session, terms: Terms, first: str) -> None:
    """Each message either goes or is cancelled, and what is cancelled is refunded."""
    account = await add_account(desk)
    drafts = [await schedule(desk, account, 10) for _ in range(40 if first == "both" else 1)]

    async def cancel() -> int:
        done = 0
        for draft in drafts:
            found = await messaging.cancel_schedule(second, account.id, draft.batch_no, terms, clock.now_s())
            done += found.messages if found else 0
        return done

    if first == "both":
        moving = [move(desk, terms)]
        cancelled, *_ = await asyncio.gather(cancel(), *moving)
    else:
        if first == "move":
            await move(desk, terms)
        cancelled = await cancel()
    await move(desk, terms)
    ids = {i for draft in drafts for i in draft.ids}
    gone = set(waiting(desk))
    ended = {i for i in ids if desk.reason(i) is Reason.CANCELLED}
    assert gone | ended == ids
    assert gone & ended == set()
    assert len(ended) == cancelled
    assert {"cancel": cancelled == 10, "move": cancelled == 0, "both": True}[first]
    assert desk.balance(account) == MONEY - PRICE * len(gone)
    assert len(desk.pushed()) == cancelled
    await desk.check()


async def test_cancel_waits_for_a_move_that_is_under_way(desk: Desk, second: Session, terms: Terms) -> None:
    from tests.contexts.desk import wait_for_lockers

    account = await add_account(desk)
    draft = await schedule(desk, account, 2)
    async with desk.session.transaction():
        await desk.session.run(b"DELETE FROM schedule WHERE batch_no = %s", (draft.batch_no,))
        task = asyncio.create_task(messaging.cancel_schedule(second, account.id, draft.batch_no, terms, clock.now_s()))
        await wait_for_lockers(desk, 1)
    assert await task is None
    assert reasons(desk, draft.ids) == {None}


async def test_what_was_marked_by_who_died_then_is_ended_by_a_worker(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    draft = await schedule(desk, account, 3, wait_s=HOUR)
    assert messaging.mark_cancelled(desk.conn, draft.batch_no) == (3, 3 * PRICE)
    assert messaging.list_schedules(desk.conn, account.id, 10) == []
    assert await move(desk, terms) == 1
    assert reasons(desk, draft.ids) == {Reason.CANCELLED}
    assert [row[3:5] for row in desk.pushed(draft.ids[0])] == [[2, "cancelled"]]
    assert desk.balance(account) == MONEY
    assert waiting(desk) == []
    await desk.check()


async def test_a_late_one_goes_or_is_dropped(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    late, fresh = await schedule(desk, account, wait_s=-120.0), await schedule(desk, account)
    strict = Terms(desk.books, desk.table, late_s=60.0)
    assert await move(desk, strict) == 2
    assert desk.reason(late.ids[0]) is Reason.EXPIRED
    assert waiting(desk) == fresh.ids
    later = await schedule(desk, account, wait_s=-120.0)
    await move(desk, terms)
    assert waiting(desk) == sorted(fresh.ids + later.ids)
    assert desk.balance(account) == MONEY - 2 * PRICE
    await desk.check()


async def test_a_locked_account_sends_nothing_more(desk: Desk, terms: Terms) -> None:
    """Even if the lock is younger than this process's memory."""
    account, other = await add_account(desk), await add_account(desk, "other")
    draft, fine = await schedule(desk, account, 2), await schedule(desk, other)
    with desk.conn.transaction():
        accounts.set_account(desk.conn, account.name, locked=True)
    await move(desk, terms)
    assert reasons(desk, draft.ids) == {Reason.ACCOUNT_LOCKED}
    assert desk.pushed(draft.ids[0])[0][3:5] == [-13, "user locked"]
    assert waiting(desk) == fine.ids
    assert desk.balance(account) == MONEY
    await desk.check()


async def test_a_country_that_was_disabled(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    draft = await schedule(desk, account)
    routing.set_country(desk.conn, "10007", enabled=False)
    try:
        await desk.reference.renew()
        await move(desk, terms)
    finally:
        routing.set_country(desk.conn, "10007", enabled=True)
        await desk.reference.renew()
    assert reasons(desk, draft.ids) == {Reason.COUNTRY_ERROR}
    assert desk.balance(account) == MONEY
    await desk.check()


async def add_route(desk: Desk, account: Account) -> int:
    """Of the account's own, over OTHER."""
    rule = routing.RouteRule(0, account.id, None, int(Product.SMS), None, "", desk.other, 1)
    found = routing.add_route(desk.conn, rule)
    await desk.reference.renew()
    return found.id


async def test_a_route_that_is_gone_leaves_the_others(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    route_id = await add_route(desk, account)
    gone, kept = await schedule(desk, account), await schedule(desk, account, wait_s=HOUR)
    assert {*gone.channels, *kept.channels} == {desk.other}
    routing.remove_route(desk.conn, route_id)
    await desk.reference.renew()
    await move(desk, terms)
    assert waiting(desk) == gone.ids
    assert desk.one("SELECT channel_id FROM lane_item") == desk.channel
    assert desk.balance(account) == MONEY - 2 * PRICE
    await desk.check()


async def test_a_paused_channel_is_gone_round_only_where_there_is_another(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    await add_route(desk, account)
    draft = await schedule(desk, account)
    routing.set_channel(desk.conn, OTHER, paused=True)
    try:
        await desk.reference.renew()
        await move(desk, terms)
    finally:
        routing.set_channel(desk.conn, OTHER, paused=False)
        await desk.reference.renew()
    assert waiting(desk) == draft.ids
    assert desk.one("SELECT channel_id FROM lane_item") == desk.other


async def test_no_route_at_all(desk: Desk, terms: Terms) -> None:
    account = await add_account(desk)
    draft = await schedule(desk, account, 2)
    desk.conn.execute("UPDATE route SET product = 9 WHERE product = 1")
    try:
        await desk.reference.renew()
        await move(desk, terms)
    finally:
        desk.conn.execute("UPDATE route SET product = 1 WHERE product = 9")
        await desk.reference.renew()
    assert reasons(desk, draft.ids) == {Reason.NO_ROUTE}
    assert desk.pushed(draft.ids[0])[0][3:5] == [3, "channel not found"]
    assert desk.balance(account) == MONEY
    await desk.check()


async def test_lists_opt_outs_and_quiet_hours_are_looked_at_again(desk: Desk, terms: Terms) -> None:
    """What came on a list after the accept ends refunded; what quiet hours hold waits on in its lane; the rest goes."""
    account = await add_account(desk)
    plain = await schedule(desk, account, 3, action="MARKETING")
    assert await move(desk, Terms(desk.books, desk.table)) == 1
    assert waiting(desk) == sorted(plain.ids)
    desk.conn.execute("DELETE FROM lane_item")
    draft = await schedule(desk, account, 3, action="MARKETING")
    code = await schedule(desk, account, action="VERIFY")
    compliance.add_listed(desk.conn, account.id, draft.phones[0])
    compliance.add_opt_out(desk.conn, account.id, draft.phones[1])
    now_minute = int(clock.now_s()) // 60 + 7 * 60  # of Indonesia's west, which 62812 numbers are told by
    start, end = (now_minute - 60) % 1440, (now_minute + 180) % 1440
    compliance.set_quiet(desk.conn, QuietRule(account_id=account.id, country_id=0, start_minute=start, end_minute=end))
    try:
        await terms.guards.load(desk.session)
        await move(desk, terms)
    finally:
        for table in ("blacklist", "opt_out", "quiet_rule"):
            desk.conn.execute(f"DELETE FROM {table}".encode())
    assert reasons(desk, draft.ids[:2]) == {Reason.BLACKLISTED}
    assert desk.pushed(draft.ids[0])[0][3:5] == [5, "blacklist restriction"]
    rows = desk.conn.execute(
        "SELECT ids[1], due > now() FROM lane_item WHERE cardinality(ids) = 1 ORDER BY due IS NULL"
    )
    assert [(row[0].bytes, row[1]) for row in rows] == [(draft.ids[2], True), (code.ids[0], None)]
    assert desk.balance(account) == MONEY - 5 * PRICE
    await desk.check()


async def test_the_urgent_move_first(desk: Desk, terms: Terms) -> None:
    """Of what is due at one time."""
    account = await add_account(desk)
    at = clock.now_s() - 1
    campaign = [await schedule(desk, account, 1, action="MARKETING", wait_s=at - clock.now_s()) for _ in range(45)]
    code = await schedule(desk, account, action="VERIFY")
    desk.conn.execute("UPDATE schedule SET due = to_timestamp(%s)", (at,))
    assert await move(desk, terms) == 40
    assert code.ids[0] in waiting(desk)
    assert await move(desk, terms) == 6
    assert len(waiting(desk)) == len(campaign) + 1


async def test_the_validity_counts_from_the_time(desk: Desk, terms: Terms) -> None:
    """What was accepted long ago and came into its lane now is not old; what stands behind it and is expired ends."""
    account = await add_account(desk)
    draft = await schedule(desk, account, 60)
    await move(desk, terms)
    desk.conn.execute(
        "WITH gone AS (DELETE FROM lane_item RETURNING *) INSERT INTO lane_item (channel_id, priority, account_id, ids)"
        " SELECT channel_id, priority, account_id, ARRAY[i] FROM gone, unnest(ids) AS i"
    )
    (old,) = await desk.accept(account)
    desk.conn.execute("UPDATE batch SET expires_at = now() - interval '1 s' WHERE first_id = %s", (old.hex(),))
    assert await messaging.end_expired(desk.session, desk.books, 0.0, clock.now_s()) == 1
    assert desk.reason(old) is Reason.EXPIRED
    assert waiting(desk) == sorted(draft.ids)
    await desk.check()


async def test_a_partition_stays_while_a_schedule_refers_to_it(desk: Desk) -> None:
    """Messages of 60 days ago, kept for 45; and for 45 from their time on, once they are gone."""
    account = await add_account(desk)
    draft = await schedule(desk, account, wait_s=HOUR)
    day = "(now() - interval '60 days')"
    desk.conn.execute(f"SELECT partitions_ahead({day}, 0)".encode())
    table = desk.one(f"SELECT 'message_' || to_char({day} AT TIME ZONE 'UTC', 'YYYYMMDD')")
    desk.conn.execute(f"UPDATE schedule SET ids = ARRAY[uuid7_floor({day})]".encode())
    keep_s = 45 * 86_400.0
    await messaging.keep_partitions(desk.session, keep_s)
    assert desk.one("SELECT to_regclass(%s)::text", table) == table
    desk.conn.execute("DELETE FROM schedule WHERE batch_no = %s", (draft.batch_no,))
    desk.conn.execute(
        f"UPDATE batch SET due_at = now() - interval '44 days', first_id = uuid7_floor({day}) WHERE due_at IS NOT NULL".encode()
    )
    await messaging.keep_partitions(desk.session, keep_s)
    assert desk.one("SELECT to_regclass(%s)::text", table) == table
    desk.conn.execute(b"UPDATE batch SET due_at = now() - interval '46 days' WHERE due_at IS NOT NULL")
    await messaging.keep_partitions(desk.session, keep_s)
    assert desk.one("SELECT to_regclass(%s)::text", table) is None


async def test_a_reply_is_not_that_to_a_message_which_still_waits(desk: Desk) -> None:
    from tocsin.traffic import Inbound

    account, planner = await add_account(desk), await add_account(desk, "planner")
    (sent,) = await desk.accept(account)
    await desk.submit([sent])
    await schedule(desk, planner, numbers=desk.phone(sent), wait_s=HOUR)
    reply = Inbound(desk.phone(sent), "100", "yes", clock.now_s())
    answers = messaging.Answers(desk.ground, desk.books)
    await messaging.receive_replies(desk.session, desk.channel, [reply], answers, desk.ids)
    assert desk.one("SELECT account_id FROM uplink") == account.id
