"""Which submission a receipt means: early ones, strangers, ids that came twice, and answers that were lost. See desk.py."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg

from tests.contexts.desk import (
    FUNDS,
    GENTLE,
    PRICE,
    THREE_PARTS,
    TWO_PARTS,
    Desk,
    receipt,
    sweep,
    wait_for_lockers,
)
from tocsin import messaging, routing
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.traffic import OutcomeKind, Reason, Receipt

# --- matching


async def test_an_early_receipt_finds_its_submission_later(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    early = await desk.receive(receipt("early", phone=desk.phone(one)))
    assert early.unmatched == desk.count("unmatched_receipt") == 1
    assert await sweep(desk) == 0
    assert desk.state(one) is None
    await desk.submit([one], names=["early"])
    assert await sweep(desk) == 1
    assert desk.state(one) == (1, 1, Reason.SUCCESS, PRICE, False)
    assert desk.count("unmatched_receipt") == 0
    assert await sweep(desk) == 0
    await desk.check()


async def test_two_sweeps_at_once_match_an_early_receipt_once(desk: Desk, second: Session) -> None:
    account = await desk.add_account(plan=GENTLE)
    ids = await desk.accept(account, 30)
    names = [f"early{i}" for i in range(30)]
    await desk.receive(
        *(receipt(name, Reason.UNDELIVERED if i % 2 else Reason.SUCCESS) for i, name in enumerate(names))
    )
    await desk.submit(ids, names=names)
    await asyncio.gather(sweep(desk), messaging.match_again(second, desk.books, 3600.0, clock.now_s()))
    assert desk.count("unmatched_receipt") == 0
    assert desk.count("report") == len(desk.pushed()) == 30
    assert desk.balance(account) == FUNDS - 15 * PRICE
    await desk.check()


async def test_what_stays_unmatched_is_given_up_and_kept(desk: Desk) -> None:
    await desk.receive(receipt("stranger", phone="62811"))
    assert await messaging.match_again(desk.session, desk.books, 3600.0, clock.now_s()) == 0
    assert desk.one("SELECT given_up FROM unmatched_receipt") is False
    assert await messaging.match_again(desk.session, desk.books, 0.0, clock.now_s()) == 0
    assert desk.one("SELECT given_up FROM unmatched_receipt") is True
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], names=["stranger"])
    assert await sweep(desk) == 0


async def test_what_will_never_match_holds_up_nothing(desk: Desk) -> None:
    """More hopeless ones than a page holds, old ones and new ones; each of the old has its turn."""
    strangers = [receipt(f"old{i}", phone=f"7{i}") for i in range(20)]
    await desk.receive(*strangers)
    desk.conn.execute("UPDATE unmatched_receipt SET received_at = now() - interval '10 minutes'")
    account = await desk.add_account()
    buried, fresh, old = await desk.accept(account, 3)
    await desk.receive(receipt("buried"))
    await desk.receive(*[receipt(f"new{i}", phone=f"8{i}") for i in range(1100)])
    await desk.receive(receipt("fresh"))
    await desk.submit([buried, fresh, old], names=["buried", "fresh", "old7"])
    assert await sweep(desk) >= 2
    assert desk.reason(fresh) is desk.reason(buried) is Reason.SUCCESS
    desk.conn.execute("UPDATE unmatched_receipt SET received_at = now() - interval '10 minutes'")
    now_s = clock.now_s()
    for turn in range(120):
        await messaging.match_again(desk.session, desk.books, 3600.0, now_s + turn / 2)
        if desk.reason(old) is Reason.SUCCESS:
            break
    assert desk.reason(old) is Reason.SUCCESS


async def test_a_receipt_that_comes_after_weeks(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    days = 20
    desk.conn.execute("SELECT partition_ensure('submission', now() - %s * interval '1 day')", (days,))
    (name,) = await desk.submit([one], ago_s=days * 86400)
    assert (await desk.receive(receipt(name))).unmatched == 0
    assert desk.reason(one) is Reason.SUCCESS


async def test_a_carrier_id_that_came_twice(desk: Desk) -> None:
    """The number decides between submissions of one id; where it fits none, the newest is meant."""
    account = await desk.add_account()
    old, new = await desk.accept(account, 2)
    await desk.submit([old], names=["same"], ago_s=60)
    await desk.submit([new], names=["same"])
    await desk.receive(receipt("same", phone=desk.phone(old)))
    assert (desk.reason(old), desk.reason(new)) == (Reason.SUCCESS, None)
    await desk.receive(receipt("same", phone="elsewhere"))
    assert desk.reason(new) is Reason.SUCCESS


async def test_an_id_of_another_channel_is_not_ours(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], names=["id"])
    assert (await desk.receive(receipt("id", phone=desk.phone(one)), channel=desk.other)).unmatched == 1
    assert desk.state(one) is None


# --- submissions whose answer was lost


async def test_a_lost_answer_is_matched_by_the_number(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], OutcomeKind.UNKNOWN)
    await desk.receive(receipt("never heard of", phone=desk.phone(one)))
    assert desk.state(one) == (1, 1, Reason.SUCCESS, PRICE, False)
    assert desk.count("unmatched_receipt") == 0
    await desk.check()


async def test_two_lost_answers_to_one_number_fit_nobody(desk: Desk) -> None:
    account = await desk.add_account()
    (number,) = desk.take_numbers(1)
    ids = [*await desk.accept(account, [number]), *await desk.accept(account, [number])]
    await desk.submit(ids, OutcomeKind.UNKNOWN)
    assert (await desk.receive(receipt("x", phone=number))).unmatched == 1
    assert await sweep(desk) == 0
    assert [desk.state(each) for each in ids] == [None, None]
    # One of them gets its end by itself: the other one is the only one left.
    await desk.submit(ids[:1], attempt=2, names=["known"])
    await desk.receive(receipt("known"))
    assert desk.reason(ids[0]) is None, "its first attempt is open still"
    assert await sweep(desk) == 0


async def test_a_number_on_its_way_is_not_mistaken_for_a_lost_one(desk: Desk) -> None:
    """The receipt of the second message comes before its answer: it must not end the first, whose answer was lost."""
    account = await desk.add_account()
    (number,) = desk.take_numbers(1)
    (lost,) = await desk.accept(account, [number])
    await desk.submit([lost], OutcomeKind.UNKNOWN)
    (quick,) = await desk.accept(account, [number])
    await desk.receive(receipt("quick", phone=number))
    assert await sweep(desk) == 0
    assert (desk.state(lost), desk.state(quick)) == (None, None)
    await desk.submit([quick], names=["quick"])
    assert await sweep(desk) == 1
    assert (desk.reason(lost), desk.reason(quick)) == (None, Reason.SUCCESS)
    await desk.receive(receipt("slow", Reason.EXPIRED, phone=number))
    assert desk.reason(lost) is Reason.EXPIRED
    await desk.check()


async def test_lost_answers_of_several_parts(desk: Desk) -> None:
    """Every part wants a receipt of its own; one that comes twice, or first as an intermediate state, is one."""
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    await desk.submit([one], OutcomeKind.UNKNOWN)
    number = desk.phone(one)
    await desk.receive(receipt("p2", Reason.SENDING, number), receipt("p2", phone=number), receipt("p1", phone=number))
    assert desk.reason(one) is not Reason.SUCCESS
    await desk.receive(receipt("p1", phone=number), receipt("p2", phone=number))
    assert desk.reason(one) is not Reason.SUCCESS
    await desk.receive(receipt("p3", phone=number))
    assert desk.reason(one) is Reason.SUCCESS
    assert len(desk.pushed()) == 1
    assert (await desk.receive(receipt("p4", phone=number))).unmatched == 1
    await desk.check()


async def test_lost_answers_of_two_parts_from_two_processes(desk: Desk, second: Session) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=TWO_PARTS)
    await desk.submit([one], OutcomeKind.UNKNOWN)
    number = desk.phone(one)
    with psycopg.connect(desk.dsn) as blocker:
        blocker.execute("SELECT 1 FROM message FOR UPDATE")
        tasks = [
            asyncio.create_task(desk.receive(receipt("a", phone=number))),
            asyncio.create_task(desk.receive(receipt("b", phone=number), session=second)),
        ]
        await wait_for_lockers(desk, 2)
        blocker.rollback()
        await asyncio.gather(*tasks)
    assert desk.reason(one) is Reason.SUCCESS
    assert len(desk.pushed()) == 1


async def test_a_failed_attempt_is_not_final_while_another_is_open(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], OutcomeKind.UNKNOWN)
    (name,) = await resubmit(desk, [one])
    await desk.receive(receipt(name, Reason.UNDELIVERED))
    assert desk.state(one) is None
    await desk.receive(receipt("the first one", phone=desk.phone(one)))
    assert desk.reason(one) is Reason.SUCCESS
    await desk.check()


async def test_all_attempts_failed(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], OutcomeKind.UNKNOWN)
    (name,) = await resubmit(desk, [one])
    await desk.receive(receipt("the first one", Reason.EXPIRED, desk.phone(one)))
    assert desk.state(one) is None
    await desk.receive(receipt(name, Reason.UNDELIVERED))
    assert desk.reason(one) is Reason.UNDELIVERED
    await desk.check()


async def resubmit(desk: Desk, ids: Sequence[bytes]) -> list[str]:
    """A second attempt under the policy `resend`."""
    routing.set_channel(desk.conn, desk.table.channel(desk.channel).name, unknown_policy="resend")  # type: ignore[union-attr]
    await desk.reference.renew()
    return await desk.submit(ids, attempt=2)


async def test_an_id_that_is_written_another_way_is_found_early_and_late(desk: Desk) -> None:
    """A carrier that answers in one base and reports in another: the receipt brings all spellings."""
    account = await desk.add_account()
    early, late = await desk.accept(account, 2)
    told = Receipt("1957", desk.phone(early), Reason.SUCCESS, clock.now_s(), others=("nothing", "7a5"))
    assert (await desk.receive(told)).unmatched == 1
    await desk.submit([early, late], names=["7a5", "7a6"])
    assert await sweep(desk) == 1
    again = Receipt("1958", desk.phone(late), Reason.SUCCESS, clock.now_s(), others=("7a6",))
    assert (await desk.receive(again)).unmatched == 0
    assert (desk.reason(early), desk.reason(late)) == (Reason.SUCCESS, Reason.SUCCESS)
    await desk.check()
