"""Batches that are paused, resumed and cancelled, and their sums: exact whoever else is at work. See desk.py."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.contexts.desk import FUNDS, PRICE, Desk, receipt, wait_for_lockers
from tocsin import billing, messaging, queue
from tocsin.accounts import Account
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.messaging import BatchAsk, BatchRow, BatchState, Progress
from tocsin.queue import Item
from tocsin.traffic import Outcome, OutcomeKind, Reason

MANY = 120
MONEY = 10_000 * PRICE


@pytest.fixture
async def account(desk: Desk) -> Account:
    made = await desk.add_account()
    with desk.conn.transaction():
        billing.recharge(desk.conn, made.id, MONEY - FUNDS)
    return made


@pytest.fixture
def other(desk: Desk) -> Iterator[psycopg.Connection[TupleRow]]:
    """What the console or an operator works on."""
    with psycopg.connect(desk.dsn, autocommit=True) as conn:
        yield conn


def batch_of(desk: Desk, ids: Sequence[bytes]) -> int:
    return int(desk.one("SELECT batch_no FROM message WHERE id = %s", ids[0].hex()))


def look(desk: Desk, account: Account, ids: Sequence[bytes]) -> BatchRow:
    found = messaging.find_batch(desk.conn, account.id, batch_of(desk, ids))
    assert found is not None
    return found


def counts(progress: Progress) -> tuple[int, int, int, int, int]:
    return progress.delivered, progress.failed, progress.under_way, progress.submitted, progress.waiting


def ready(desk: Desk) -> list[bytes]:
    """What a claim would find."""
    rows = desk.conn.execute("SELECT unnest(ids) FROM lane_item WHERE owner IS NULL AND due IS NULL")
    return sorted(row[0].bytes for row in rows)


def held(desk: Desk) -> list[bytes]:
    return sorted(
        row[0].bytes for row in desk.conn.execute("SELECT unnest(ids) FROM lane_item WHERE held_batch IS NOT NULL")
    )


async def claim(desk: Desk, most: int, owner: int = 7) -> list[Item]:
    return await queue.claim(desk.session, desk.channel, owner, 60.0, (most, (0, 0, 0), (0, 0, 0)))


async def load(desk: Desk, items: Sequence[Item]) -> messaging.Work:
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    return await messaging.load_work(desk.session, items, messaging.Texts(), channel, desk.ground.guards, clock.now_s())


async def write_down(desk: Desk, items: Sequence[Item], work: messaging.Work, session: Session | None = None) -> None:
    """What a recorder does with a claim whose messages were all taken or set aside."""
    at = clock.now_s()
    outcomes = [
        Outcome(sent.message_id, sent.attempt, sent.part, OutcomeKind.ACCEPTED, at, sent.message_id.hex())
        for sent in work.submissions
    ]
    for entry in work.open:
        entry.answers = [outcome for outcome in outcomes if outcome.message_id == entry.message.id]
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    verdicts = messaging.judge(work.open, channel, lambda _m, _t, _c: desk.other)
    held = [queue.hold(work.later)] if work.later else []
    statements = [queue.finish(7, [item.id for item in items]), *held]
    statements += messaging.record(desk.channel, (outcomes, {}), verdicts, desk.books, 60.0)
    await (session or desk.session).batch(statements)


async def end(desk: Desk, session: Session | None = None) -> int:
    return await messaging.end_stopped(session or desk.session, desk.books, clock.now_s())


def check_sums(desk: Desk) -> None:
    """The sums that are kept are what the messages say."""
    for (batch_no,) in desk.conn.execute("SELECT batch_no FROM batch WHERE good + bad > 50").fetchall():
        query = messaging.store.QUERIES
        kept = [row[:5] for row in desk.conn.execute(query["batch_sums"], {"batches": [batch_no]})]
        assert kept == [row[:5] for row in desk.conn.execute(query["batch_counts"], ([batch_no],))]
        desk.conn.execute("SELECT batch_sum_again(%s)", (batch_no,))
        assert kept == [row[:5] for row in desk.conn.execute(query["batch_sums"], {"batches": [batch_no]})]


async def test_a_paused_batch_waits_and_a_resumed_one_goes(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    ids, free = await desk.accept(account, MANY), await desk.accept(account, 3)
    batch_no = batch_of(desk, ids)
    assert messaging.pause_batch(other, account.id, batch_no) == MANY
    assert messaging.pause_batch(other, account.id, batch_no) is None, "it is paused already"
    assert look(desk, account, ids).state is BatchState.PAUSED
    assert ready(desk) == sorted(free)
    assert [i for item in await claim(desk, 500) for i in item.ids] == free
    assert await queue.promote(desk.session) == 0
    assert messaging.resume_batch(other, account.id, batch_no) == MANY
    assert messaging.resume_batch(other, account.id, batch_no) is None
    assert ready(desk) == sorted(ids)
    assert held(desk) == []
    assert look(desk, account, ids).state is BatchState.UNDER_WAY


async def test_an_item_of_several_batches_is_divided(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    mine, yours = await desk.accept(account, 2), await desk.accept(account, 3)
    desk.conn.execute("DELETE FROM lane_item")
    mixed = [yours[0], mine[0], yours[1], mine[1], yours[2]]
    await desk.session.batch([queue.add([queue.Retry(desk.channel, 1, account.id, 1, 0.0, mixed)])])
    await queue.promote(desk.session)
    assert messaging.pause_batch(other, account.id, batch_of(desk, mine)) == 2
    assert held(desk) == sorted(mine)
    assert ready(desk) == sorted(yours)


async def test_of_what_is_claimed_some_leaves_and_the_rest_is_set_aside(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    ids = await desk.accept(account, MANY)
    batch_no = batch_of(desk, ids)
    first = await claim(desk, 50)
    work = await load(desk, first)  # it was read before: it leaves
    second = await claim(desk, 50)
    assert messaging.pause_batch(other, account.id, batch_no) == MANY - 100
    late = await load(desk, second)
    assert (len(work.submissions), len(late.submissions), len(late.held)) == (50, 0, 50)
    await write_down(desk, first, work)
    await write_down(desk, second, late)
    assert held(desk) == sorted(ids[50:])
    assert ready(desk) == []
    row = look(desk, account, ids)
    assert (row.state, counts(row.progress)) == (BatchState.PAUSED, (0, 0, MANY, 50, 70))
    assert messaging.resume_batch(other, account.id, batch_no) == 70
    again = await claim(desk, 500)
    await write_down(desk, again, await load(desk, again))
    await desk.receive(*[receipt(each.hex()) for each in ids])
    row = look(desk, account, ids)
    assert (row.state, counts(row.progress)) == (BatchState.DONE, (MANY, 0, 0, MANY, 0))
    assert desk.balance(account) == MONEY - MANY * PRICE
    check_sums(desk)
    await desk.check()


async def test_who_resumes_waits_for_who_sets_aside(
    desk: Desk, second: Session, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    """Else its messages would be held for a batch that is not stopped, for ever."""
    ids = await desk.accept(account, 50)
    batch_no = batch_of(desk, ids)
    items = await claim(desk, 50)
    messaging.pause_batch(other, account.id, batch_no)
    work = await load(desk, items)
    async with second.transaction():
        await second.send([queue.finish(7, [item.id for item in items]), queue.hold(work.later)])
        resuming = asyncio.create_task(
            asyncio.to_thread(_in_transaction, other, messaging.resume_batch, account.id, batch_no)
        )
        await wait_for_lockers(desk, 1)
    assert await resuming == 50
    assert ready(desk) == sorted(ids)
    assert held(desk) == []


def _in_transaction(conn: psycopg.Connection[TupleRow], use: Any, *words: Any) -> Any:
    with conn.transaction():
        return use(conn, *words)


async def test_what_is_set_aside_behind_a_resume_is_free(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    ids = await desk.accept(account, 50)
    items = await claim(desk, 50)
    messaging.pause_batch(other, account.id, batch_of(desk, ids))
    work = await load(desk, items)
    messaging.resume_batch(other, account.id, batch_of(desk, ids))
    await write_down(desk, items, work)
    assert ready(desk) == sorted(ids)


async def test_what_was_in_other_hands_is_held_by_the_job(
    desk: Desk, second: Session, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    """A fail-over, a promotion: nobody may ever claim from that lane."""
    ids = await desk.accept(account, MANY)
    batch_no = batch_of(desk, ids)
    async with second.transaction():
        await second.run(b"SELECT 1 FROM lane_item FOR UPDATE")
        assert messaging.cancel_batch(other, account.id, batch_no) == 0
    assert await end(desk) == 3
    assert {desk.reason(each) for each in ids} == {Reason.CANCELLED}
    assert desk.count("lane_item") == 0


async def test_cancel_ends_what_has_not_left_and_gives_its_money_back(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    ids = await desk.accept(account, MANY)
    batch_no = batch_of(desk, ids)
    first = await claim(desk, 50)
    work = await load(desk, first)
    messaging.pause_batch(other, account.id, batch_no)
    assert messaging.cancel_batch(other, account.id, batch_no) == MANY - 50
    assert messaging.cancel_batch(other, account.id, batch_no) is None
    assert messaging.resume_batch(other, account.id, batch_no) is None, "it is for good"
    await write_down(desk, first, work)
    while await end(desk):
        pass
    await desk.receive(*[receipt(each.hex()) for each in ids[:50]])
    assert {desk.reason(each) for each in ids[50:]} == {Reason.CANCELLED}
    assert [row[3:5] for row in desk.pushed(ids[-1])] == [[2, "cancelled"]]
    row = look(desk, account, ids)
    assert (row.state, counts(row.progress)) == (BatchState.CANCELLED, (50, MANY - 50, 0, 50, 0))
    assert row.progress.fee_micros == 50 * PRICE
    assert desk.balance(account) == MONEY - 50 * PRICE
    assert desk.count("lane_item") == 0
    check_sums(desk)
    await desk.check()


async def test_two_workers_end_each_message_once(
    desk: Desk, second: Session, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    drafts = [await desk.accept(account, MANY) for _ in range(4)]
    for ids in drafts:
        messaging.cancel_batch(other, account.id, batch_of(desk, ids))

    async def work(session: Session) -> None:
        while desk.count("lane_item"):
            await end(desk, session)

    await asyncio.gather(work(desk.session), work(second))
    assert desk.count("report") == 4 * MANY
    assert desk.balance(account) == MONEY
    for ids in drafts:
        assert counts(look(desk, account, ids).progress) == (0, MANY, 0, 0, 0)
    check_sums(desk)
    await desk.check()


async def test_a_message_of_which_a_carrier_has_a_part_goes_on(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    ids = await desk.accept(account, 2, content="a" * 200)
    desk.conn.execute("DELETE FROM lane_item")
    work = await desk.claim(ids)
    begun, new = work.open
    begun.answers = [
        desk.answer(work.submissions[0], OutcomeKind.ACCEPTED),
        desk.answer(work.submissions[1], OutcomeKind.TEMPORARY),
    ]
    new.answers = [desk.answer(sent, OutcomeKind.TEMPORARY) for sent in work.submissions[2:]]
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    verdicts = messaging.judge([begun, new], channel, lambda _m, _t, _c: desk.channel)
    await desk.write([*begun.answers, *new.answers], {}, verdicts)
    await desk.session.batch([queue.add(messaging.merge_retries(verdicts.retries))])
    assert messaging.cancel_batch(other, account.id, batch_of(desk, ids)) == 1
    assert await end(desk) == 1
    assert [desk.reason(each) for each in ids] == [None, Reason.CANCELLED]
    desk.conn.execute("UPDATE lane_item SET due = NULL")
    (item,) = await claim(desk, 10)
    assert [sent.part for sent in (await load(desk, [item])).submissions] == [2]
    await desk.check()


async def test_another_accounts_batch_is_not_there(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    stranger = await desk.add_account("stranger")
    ids = await desk.accept(account, 60)
    batch_no = batch_of(desk, ids)
    assert messaging.find_batch(desk.conn, stranger.id, batch_no) is None
    assert messaging.read_content(desk.conn, stranger.id, batch_no) == ""
    assert messaging.page_batches(desk.conn, stranger.id, BatchAsk()) == ([], None)
    for use in (messaging.pause_batch, messaging.cancel_batch):
        assert use(other, stranger.id, batch_no) is None
    messaging.pause_batch(other, account.id, batch_no)
    assert messaging.resume_batch(other, stranger.id, batch_no) is None
    assert messaging.cancel_batch(other, stranger.id, batch_no) is None
    assert len(held(desk)) == 60
    assert messaging.resume_batch(other, None, batch_no) == 60, "the operator may"


async def test_a_scheduled_batch_is_cancelled_with_the_rest(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    numbers = ",".join(desk.take_numbers(60))
    ask = messaging.Ask(
        numbers=numbers,
        content="hello",
        code_id="10007",
        action="NOTIFICATION",
        send_time=str(int(clock.now_s()) + 900),
    )
    draft = messaging.check_send(ask, account, messaging.SMS, 1000, desk.ground)
    assert isinstance(draft, messaging.Draft)
    await desk.session.batch([messaging.accept_statement([draft])])
    assert look(desk, account, draft.ids).state is BatchState.SCHEDULED
    assert messaging.cancel_batch(other, account.id, draft.batch_no) == 60
    await messaging.move_due(desk.session, messaging.Terms(desk.books, desk.table), clock.now_s())
    assert counts(look(desk, account, draft.ids).progress) == (0, 60, 0, 0, 0)
    assert desk.balance(account) == MONEY


async def test_a_page_goes_by_key_and_filters(
    desk: Desk, account: Account, other: psycopg.Connection[TupleRow]
) -> None:
    made = [await desk.accept(account, n) for n in (1, 2, 60, 3)]
    numbers = [batch_of(desk, ids) for ids in made]
    messaging.pause_batch(other, account.id, numbers[2])

    def read(**ask: Any) -> tuple[list[int], int | None]:
        rows, after = messaging.page_batches(desk.conn, account.id, BatchAsk(**ask))
        return [row.batch.batch_no for row in rows], after

    newest = sorted(numbers, reverse=True)
    assert read() == (newest, None)
    assert read(limit=3) == (newest[:3], newest[2])
    assert read(limit=3, before=newest[2]) == (newest[3:], None)
    assert read(state=BatchState.PAUSED) == ([numbers[2]], None)
    assert len(read(state=BatchState.UNDER_WAY)[0]) == 3
    assert read(state=BatchState.DONE) == ([], None)
    assert read(product=5) == ([], None)


async def test_sums_follow_failures_refunds_and_late_receipts(desk: Desk) -> None:
    account = await desk.add_account(plan="gentle")
    ids = await desk.accept(account, [*desk.take_numbers(59), "123"])
    assert ids
    good = [row[0].bytes for row in desk.conn.execute("SELECT id FROM message WHERE status = 0 ORDER BY id")]
    names = await desk.submit(good[:40])
    await desk.submit(good[40:50], OutcomeKind.PERMANENT)
    await desk.receive(
        *[receipt(name) for name in names[:20]], *[receipt(name, Reason.NO_RECEIPT) for name in names[20:30]]
    )
    await desk.receive(*[receipt(name) for name in names[25:30]])
    row = look(desk, account, good)
    assert counts(row.progress) == (25, 15, 19, 40, 9)
    check_sums(desk)
    while await messaging.fold_batches(desk.session):
        pass
    assert desk.count("batch_delta") == 0
    assert counts(look(desk, account, good).progress) == (25, 15, 19, 40, 9)
