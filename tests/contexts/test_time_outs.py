"""Messages whose receipt never comes, or too late. See desk.py."""

from __future__ import annotations

import asyncio

from tests.contexts.desk import (
    CHARGING,
    FUNDS,
    GENTLE,
    PLANS,
    PRICE,
    TWO_PARTS,
    Desk,
    overdue,
    receipt,
)
from tocsin import messaging
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.traffic import OutcomeKind, Reason


@PLANS
async def test_no_receipt_in_time(desk: Desk, plan: str) -> None:
    account = await desk.add_account(plan=plan)
    silent, delivered, patient = await desk.accept(account, 3)
    names = await desk.submit([silent, delivered], timeout_s=0)
    await desk.submit([patient])
    await desk.receive(receipt(names[1]))
    assert await overdue(desk) > 0
    fee = PRICE if plan == CHARGING else 0
    assert desk.state(silent) == (1, 2, Reason.NO_RECEIPT, fee, False)
    assert desk.pushed(silent)[0][3:5] == [2, "no receipt"]
    assert (desk.reason(delivered), desk.state(patient)) == (Reason.SUCCESS, None)
    assert await overdue(desk) == 0
    assert desk.balance(account) == FUNDS - 2 * PRICE - fee
    await desk.check()


@PLANS
async def test_a_delivery_after_the_time_out(desk: Desk, plan: str) -> None:
    """It becomes 1, what was refunded is charged again (below zero if need be), and it is pushed again, behind the first."""
    account = await desk.add_account(plan=plan)
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one], timeout_s=0)
    await overdue(desk)
    left = desk.balance(account) // PRICE
    await desk.accept(account, left)
    assert desk.balance(account) == 0
    entries = desk.count("ledger")
    await desk.receive(receipt(name))
    assert desk.state(one) == (2, 1, Reason.SUCCESS, PRICE, True)
    assert [row[3:] for row in desk.pushed(one)] == [
        [2, "no receipt", desk.pushed(one)[0][5], "1", "0.1" if plan == CHARGING else "0"],
        [1, "success", desk.pushed(one)[0][5], "1", "0.1"],
    ]
    assert desk.balance(account) == (0 if plan == CHARGING else -PRICE)
    assert desk.count("ledger") == entries + (plan == GENTLE)
    await desk.receive(receipt(name))
    assert desk.count("report") == 2
    await desk.check()


async def test_a_failure_after_the_time_out_changes_nothing(desk: Desk) -> None:
    account = await desk.add_account(plan=GENTLE)
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one], timeout_s=0)
    await overdue(desk)
    await desk.receive(receipt(name, Reason.UNDELIVERED))
    assert desk.state(one) == (1, 2, Reason.NO_RECEIPT, 0, False)
    await desk.check()


async def test_a_lost_answer_times_out_and_is_delivered_after_all(desk: Desk) -> None:
    account = await desk.add_account(plan=GENTLE)
    (one,) = await desk.accept(account)
    await desk.submit([one], OutcomeKind.UNKNOWN, timeout_s=0)
    await overdue(desk)
    assert desk.state(one) == (1, 2, Reason.NO_RECEIPT, 0, False)
    await desk.receive(receipt("late", phone=desk.phone(one)))
    assert desk.state(one) == (2, 1, Reason.SUCCESS, PRICE, True)
    await desk.check()


async def test_parts_of_which_one_is_late(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=TWO_PARTS)
    names = await desk.submit([one], timeout_s=0)
    await desk.receive(receipt(names[0]))
    await overdue(desk)
    assert desk.reason(one) is Reason.NO_RECEIPT
    await desk.receive(receipt(names[1]))
    assert desk.state(one) == (2, 1, Reason.SUCCESS, 2 * PRICE, True)
    await desk.check()


async def test_a_time_out_after_an_intermediate_state(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    (name,) = await desk.submit([one], timeout_s=0)
    await desk.receive(receipt(name, Reason.SENDING))
    await overdue(desk)
    assert desk.state(one) == (2, 2, Reason.NO_RECEIPT, PRICE, False)
    await desk.check()


async def test_the_time_out_and_the_receipt_at_once(desk: Desk, second: Session) -> None:
    account = await desk.add_account(plan=GENTLE)
    ids = await desk.accept(account, 50)
    names = await desk.submit(ids, timeout_s=0)
    sweeping = messaging.end_overdue(second, desk.books, clock.now_s())
    await asyncio.gather(desk.receive(*(receipt(name) for name in names)), sweeping)
    await overdue(desk)
    assert all(desk.reason(each) is Reason.SUCCESS for each in ids)
    assert desk.balance(account) == FUNDS - 50 * PRICE
    await desk.check()


async def test_a_sweep_says_how_much_it_looked_at(desk: Desk) -> None:
    """Most watches hold only messages that ended long ago; they must not be taken fifty at a time, twice a second."""
    account = await desk.add_account()
    for _ in range(60):
        (one,) = await desk.accept(account)
        await desk.receive(receipt((await desk.submit([one], timeout_s=0))[0]))
    assert [await overdue(desk), await overdue(desk), await overdue(desk)] == [50, 10, 0]
    assert desk.count("report") == 60
