"""Receipts on a real database: what is written, what it costs, what is pushed. See desk.py."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from tests.contexts.desk import (
    CHARGING,
    FUNDS,
    GENTLE,
    PLANS,
    PRICE,
    THREE_PARTS,
    TWO_PARTS,
    Desk,
    overdue,
    receipt,
    wait_for_lockers,
)
from tocsin import billing, messaging, webhooks
from tocsin.kit import clock, pgbin
from tocsin.kit.db import Session
from tocsin.messaging import submit
from tocsin.messaging.ends import write_ends
from tocsin.traffic import OutcomeKind, Reason, Receipt

# --- one part, one attempt


async def test_delivered(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one])
    received = await desk.receive(receipt(name))
    assert (len(received.ends), received.unmatched) == (1, 0)
    assert desk.state(one) == (1, 1, Reason.SUCCESS, PRICE, False)
    handed = desk.one("SELECT floor(extract(epoch FROM at))::bigint FROM submission")
    batch_no = desk.one("SELECT batch_no FROM batch")
    assert desk.pushed() == [
        [one.hex(), desk.phone(one), webhooks.time_text(handed), 1, "success", str(batch_no), "1", "0.1"]
    ]
    assert desk.balance(account) == FUNDS - PRICE
    await desk.check()


@PLANS
@pytest.mark.parametrize("reason", [Reason.UNDELIVERED, Reason.NUMBER_ERROR, Reason.EXPIRED, Reason.BLACKLISTED])
async def test_failed_at_the_carrier_is_charged_or_refunded_by_the_plan(desk: Desk, plan: str, reason: Reason) -> None:
    account = await desk.add_account(plan=plan)
    (one,) = await desk.accept(account)
    await desk.receive(receipt((await desk.submit([one]))[0], reason))
    fee = PRICE if plan == CHARGING else 0
    assert desk.state(one) == (1, reason.end.status, reason, fee, False)
    assert desk.pushed(one)[0][3:5] == list(reason.end)
    assert desk.pushed(one)[0][7] == webhooks.fee_text(fee)
    assert desk.balance(account) == FUNDS - fee
    assert desk.one("SELECT count(*) FROM ledger WHERE kind = 'refund'") == (plan == GENTLE)
    await desk.check()


@PLANS
async def test_what_was_never_handed_over_is_always_refunded(desk: Desk, plan: str) -> None:
    account = await desk.add_account(plan=plan)
    refused, tired = await desk.accept(account, 2)
    await desk.submit([refused], OutcomeKind.PERMANENT, reason=Reason.BLACKLISTED)
    await desk.submit([tired], OutcomeKind.TEMPORARY, attempt=8)
    assert desk.state(refused) == (1, 5, Reason.BLACKLISTED, 0, False)
    assert desk.state(tired) == (1, 2, Reason.SEND_FAILED, 0, False)
    assert [row[7] for row in desk.pushed()] == ["0", "0"]
    assert desk.balance(account) == FUNDS
    await desk.check()


async def test_a_refund_returns_to_the_pot_that_paid(desk: Desk) -> None:
    account = await desk.add_account(plan=GENTLE)
    billing.give(desk.conn, account.id, 3 * PRICE // 2)
    ids = await desk.accept(account, 2)
    wallet = billing.read_wallet(desk.conn, account.id)
    assert (wallet.balance_micros, wallet.gift_micros) == (FUNDS - PRICE // 2, 0)
    names = await desk.submit(ids)
    await desk.receive(*(receipt(name, Reason.UNDELIVERED) for name in names))
    wallet = billing.read_wallet(desk.conn, account.id)
    assert (wallet.balance_micros, wallet.gift_micros) == (FUNDS, 3 * PRICE // 2)
    await desk.check()


# --- doubles


async def test_doubled_receipts_are_harmless(desk: Desk) -> None:
    account = await desk.add_account(plan=GENTLE)
    good, bad = await desk.accept(account, 2)
    names = await desk.submit([good, bad])
    both = [receipt(names[0]), receipt(names[1], Reason.UNDELIVERED)]
    await desk.receive(*both, *both)
    again = await desk.receive(*both)
    assert (again.ends, again.unmatched) == ([], 0)
    assert desk.count("report") == len(desk.pushed()) == 2
    assert desk.balance(account) == FUNDS - PRICE
    await desk.check()


@pytest.mark.parametrize("reason", [Reason.SUCCESS, Reason.UNDELIVERED])
async def test_the_same_receipts_in_two_processes_at_once(desk: Desk, second: Session, reason: Reason) -> None:
    account = await desk.add_account(plan=GENTLE)
    ids = await desk.accept(account, 90)
    receipts = [receipt(name, reason) for name in await desk.submit(ids)]
    results = await asyncio.gather(
        desk.receive(*receipts), desk.receive(*reversed(receipts), session=second), return_exceptions=True
    )
    assert [isinstance(result, messaging.Received) for result in results] == [True, True]
    assert desk.count("report") == len(desk.pushed()) == 90
    assert desk.balance(account) == FUNDS - (90 * PRICE if reason is Reason.SUCCESS else 0)
    await desk.check()


async def test_two_accounts_refunds_from_two_processes(desk: Desk, second: Session) -> None:
    """Wallets are locked in one order, whoever's message comes first."""
    first, other = await desk.add_account("one", plan=GENTLE), await desk.add_account("two", plan=GENTLE)
    mine, theirs = await desk.accept(first, 40), await desk.accept(other, 40)
    a, b = await desk.submit(mine), await desk.submit(theirs)
    lost = Reason.UNDELIVERED
    await asyncio.gather(
        desk.receive(*(receipt(name, lost) for name in a[:20] + b[:20])),
        desk.receive(*(receipt(name, lost) for name in b[20:] + a[20:]), session=second),
    )
    assert desk.balance(first) == desk.balance(other) == FUNDS
    await desk.check()


async def test_reports_are_written_in_one_order_everywhere(desk: Desk) -> None:
    """Else two processes with the same messages would wait for each other crosswise, a second long each time."""
    account = await desk.add_account()
    ids = await desk.accept(account, 20)
    at = clock.now_s()
    messages = [entry.message for entry in (await desk.claim(ids[::-1])).open]
    ends = [submit.end_of(message, Reason.REJECTED, desk.channel, at, handed_at=at) for message in reversed(messages)]
    ends = ends[10:] + ends[:10]
    (reports, *_) = write_ends(ends, desk.books)
    assert isinstance(reports.params, tuple)
    assert reports.params[0] == pgbin.uuids(sorted(ids))


# --- several parts


async def test_all_parts_must_be_delivered(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    names = await desk.submit([one])
    for name in (names[2], names[0]):
        assert (await desk.receive(receipt(name))).ends == []
    assert desk.state(one) is None
    await desk.receive(receipt(names[1]))
    assert desk.state(one) == (1, 1, Reason.SUCCESS, 3 * PRICE, False)
    assert desk.pushed(one)[0][6:] == ["3", "0.3"]
    await desk.check()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_parts_in_two_transactions_at_once(desk: Desk, second: Session, order: tuple[int, int]) -> None:
    """Both wait for the message's lock together, so neither can have seen the other's part before."""
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=TWO_PARTS)
    names = await desk.submit([one])
    with psycopg.connect(desk.dsn) as blocker:
        blocker.execute("SELECT 1 FROM message FOR UPDATE")
        tasks = [asyncio.create_task(desk.receive(receipt(names[order[0]])))]
        await wait_for_lockers(desk, 1)
        tasks.append(asyncio.create_task(desk.receive(receipt(names[order[1]]), session=second)))
        await wait_for_lockers(desk, 2)
        blocker.rollback()
        ends = [end for task in tasks for end in (await task).ends]
    assert [end.reason for end in ends] == [Reason.SUCCESS]
    assert len(desk.pushed(one)) == desk.count("report") == 1
    await desk.check()


async def test_many_messages_of_two_parts_from_two_processes(desk: Desk, second: Session) -> None:
    account = await desk.add_account()
    ids = await desk.accept(account, 40, content=TWO_PARTS)
    names = await desk.submit(ids)
    firsts, seconds = [receipt(n) for n in names[::2]], [receipt(n) for n in reversed(names[1::2])]
    await asyncio.gather(desk.receive(*firsts), desk.receive(*seconds, session=second))
    assert desk.count("report") == len(desk.pushed()) == 40
    assert all(desk.reason(each) is Reason.SUCCESS for each in ids)
    await desk.check()


@PLANS
async def test_the_last_part_fails(desk: Desk, plan: str) -> None:
    account = await desk.add_account(plan=plan)
    (one,) = await desk.accept(account, content=TWO_PARTS)
    names = await desk.submit([one])
    await desk.receive(receipt(names[0]), receipt(names[1], Reason.UNDELIVERED))
    fee = 2 * PRICE if plan == CHARGING else 0
    assert desk.state(one) == (1, 2, Reason.UNDELIVERED, fee, False)
    await desk.check()


async def test_a_part_that_fails_ends_the_message_whatever_comes_behind(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=TWO_PARTS)
    names = await desk.submit([one])
    await desk.receive(receipt(names[0], Reason.NUMBER_ERROR))
    await desk.receive(receipt(names[1], Reason.UNDELIVERED))
    assert desk.state(one) == (1, -9, Reason.NUMBER_ERROR, 2 * PRICE, False)
    assert len(desk.pushed()) == 1


# --- lifecycle


async def test_intermediate_then_final(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one])
    for _ in range(3):
        await desk.receive(receipt(name, Reason.SENDING))
    assert desk.state(one) == (1, 0, Reason.SENDING, PRICE, False)
    assert desk.pushed() == []
    await desk.receive(receipt(name))
    assert desk.state(one) == (2, 1, Reason.SUCCESS, PRICE, False)
    assert len(desk.pushed()) == 1
    await desk.receive(receipt(name, Reason.SENDING))
    assert desk.reason(one) is Reason.SUCCESS
    await desk.check()


async def test_intermediate_and_final_in_one_batch(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one])
    await desk.receive(receipt(name), receipt(name, Reason.SENDING))
    assert desk.state(one) == (1, 1, Reason.SUCCESS, PRICE, False)


@pytest.mark.parametrize(
    ("first", "then"), [(Reason.UNDELIVERED, Reason.SUCCESS), (Reason.SUCCESS, Reason.UNDELIVERED)]
)
async def test_the_first_final_state_wins(desk: Desk, first: Reason, then: Reason) -> None:
    account = await desk.add_account(plan=GENTLE)
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one])
    await desk.receive(receipt(name, first))
    before = desk.balance(account)
    await desk.receive(receipt(name, then))
    assert desk.reason(one) is first
    assert (desk.count("report"), len(desk.pushed()), desk.balance(account)) == (1, 1, before)
    await desk.check()


async def test_an_end_at_submit_after_an_intermediate_receipt(desk: Desk) -> None:
    """Part 1 is on its way and says so; part 2 is refused. The end is version 2, though judge knows of no report."""
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=TWO_PARTS)
    (name, _) = await desk.submit([one])
    await desk.receive(receipt(name, Reason.SENDING))
    (message,) = [entry.message for entry in (await desk.claim([one])).open]
    at = clock.now_s()
    end = submit.end_of(message, Reason.REJECTED, desk.channel, at, handed_at=at)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await desk.write([], {}, messaging.Verdicts(ends=[end]))
    await desk.write([], {}, messaging.Verdicts(ends=await messaging.renew_ends(desk.session, [end])))
    assert desk.state(one) == (2, 2, Reason.REJECTED, 2 * PRICE, False)
    assert await messaging.renew_ends(desk.session, [end]) == []
    await desk.check()


async def test_everything_at_once_adds_up(desk: Desk, second: Session) -> None:
    """Two plans, one and two parts, every kind of end, in two processes; then the books are checked."""
    rich, gentle = await desk.add_account("rich"), await desk.add_account("gentle", plan=GENTLE)
    singles = [*await desk.accept(rich, 30), *await desk.accept(gentle, 30)]
    doubles = [*await desk.accept(rich, 10, content=TWO_PARTS), *await desk.accept(gentle, 10, content=TWO_PARTS)]
    names = await desk.submit([*singles, *doubles], timeout_s=0)
    ends = [Reason.SUCCESS, Reason.UNDELIVERED, Reason.NUMBER_ERROR, Reason.SENDING, None]
    receipts: list[Receipt] = []
    for i, name in enumerate(names):
        reason = ends[i % 5]
        if reason is not None:
            receipts.append(receipt(name, reason))
    await asyncio.gather(desk.receive(*receipts[::-1]), desk.receive(*receipts[::2], session=second))
    await desk.check()
    while await overdue(desk):
        pass
    await desk.check()
    await asyncio.gather(
        desk.receive(*map(receipt, names)), desk.receive(*map(receipt, reversed(names)), session=second)
    )
    await desk.check()
    final = "SELECT count(DISTINCT message_id) FROM report WHERE status <> 0"
    assert desk.one(final) == 80
    assert len({row[0] for row in desk.pushed()}) == 80
    fees = desk.one(
        "SELECT sum(fee_micros) FROM (SELECT DISTINCT ON (message_id) fee_micros FROM report ORDER BY message_id, version DESC) r"
    )
    assert 2 * FUNDS - desk.balance(rich) - desk.balance(gentle) == fees
