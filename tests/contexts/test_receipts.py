"""Receipts, time-outs and replies on a real database: what is written, what it costs, what is pushed. See desk.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.conftest import clone_database
from tests.contexts.desk import DAYS_S, FUNDS, PRICE, THREE_PARTS, TWO_PARTS, Desk, prepare, receipt
from tests.poll import until
from tocsin import accounts, billing, messaging, queue, routing, webhooks
from tocsin.carriers import ChannelFacts, open_link
from tocsin.kit import clock, pgbin
from tocsin.kit.db import Session
from tocsin.messaging import submit
from tocsin.messaging.ends import write_ends
from tocsin.queue import Waker
from tocsin.traffic import Outcome, OutcomeKind, Reason, Receipt
from tocsin.workers.hands import Hands
from tocsin.workers.lane import Lane
from tocsin.workers.lease import Lease
from tocsin.workers.receive import Intake

CHARGING, GENTLE = accounts.DEFAULT_PLAN, "gentle"
PLANS = pytest.mark.parametrize("plan", [CHARGING, GENTLE])
UNKNOWN = OutcomeKind.UNKNOWN


@pytest.fixture(scope="module")
def place(database_server: str) -> Iterator[str]:
    """One database for all tests here, each of which leaves it as it was: 70 clones would take most of the time."""
    with clone_database(database_server) as dsn:
        prepare(dsn)
        yield dsn


@pytest.fixture
async def desk(place: str) -> AsyncIterator[Desk]:
    made = Desk(place)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def second(place: str) -> AsyncIterator[Session]:
    """Another process's session."""
    session = Session(place, "second", generic_plans=True)
    yield session
    await session.close()


async def sweep(desk: Desk) -> int:
    return await messaging.match_again(desk.session, desk.books, 3600.0, clock.now_s())


async def overdue(desk: Desk) -> int:
    return await messaging.end_overdue(desk.session, desk.books, clock.now_s())


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
    assert reports.params[0].data == pgbin.uuids(sorted(ids)).data


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


async def wait_for_lockers(desk: Desk, count: int) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    await until(lambda: desk.one(query) == count)


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
    await desk.submit([one], UNKNOWN)
    await desk.receive(receipt("never heard of", phone=desk.phone(one)))
    assert desk.state(one) == (1, 1, Reason.SUCCESS, PRICE, False)
    assert desk.count("unmatched_receipt") == 0
    await desk.check()


async def test_two_lost_answers_to_one_number_fit_nobody(desk: Desk) -> None:
    account = await desk.add_account()
    (number,) = desk.take_numbers(1)
    ids = [*await desk.accept(account, [number]), *await desk.accept(account, [number])]
    await desk.submit(ids, UNKNOWN)
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
    await desk.submit([lost], UNKNOWN)
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
    await desk.submit([one], UNKNOWN)
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
    await desk.submit([one], UNKNOWN)
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
    await desk.submit([one], UNKNOWN)
    (name,) = await resubmit(desk, [one])
    await desk.receive(receipt(name, Reason.UNDELIVERED))
    assert desk.state(one) is None
    await desk.receive(receipt("the first one", phone=desk.phone(one)))
    assert desk.reason(one) is Reason.SUCCESS
    await desk.check()


async def test_all_attempts_failed(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    await desk.submit([one], UNKNOWN)
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


# --- what another attempt sends


async def sent_parts(desk: Desk, message_id: bytes, attempt: int) -> list[int]:
    return [sent.part for sent in (await desk.claim([message_id], attempt)).submissions]


async def test_a_policy_that_leaves_sends_nothing_twice(desk: Desk) -> None:
    account = await desk.add_account()
    (one,) = await desk.accept(account, content=THREE_PARTS)
    work = await desk.claim([one])
    kinds = [OutcomeKind.ACCEPTED, UNKNOWN, OutcomeKind.TEMPORARY]
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
    await desk.submit([unknown], UNKNOWN)
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


@pytest.mark.parametrize("kind", [None, OutcomeKind.TEMPORARY, UNKNOWN])
async def test_expired_before_another_attempt(desk: Desk, kind: OutcomeKind | None) -> None:
    """Nobody has it: it ends. A carrier may have it: its receipt is waited for."""
    account = await desk.add_account()
    (one,) = await desk.accept(account)
    if kind is not None:
        await desk.submit([one], kind)
    desk.conn.execute("UPDATE batch SET expires_at = now() - interval '1 second'")
    work = await desk.claim([one], 2)
    assert [message.id for message in work.dropped] == [one]
    assert [end.reason for end in work.ends] == ([] if kind is UNKNOWN else [Reason.EXPIRED])


# --- time-outs


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
    await desk.submit([one], UNKNOWN, timeout_s=0)
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


# --- roll-ups, pushes, and who knows of what


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
        await desk.submit([one], UNKNOWN)
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


# --- the worker's intake


@pytest.fixture
async def intake(desk: Desk) -> AsyncIterator[Intake]:
    """Of a lane whose link is not open: only receipts come."""
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    waker = Waker(desk.session)
    hands = Hands(desk.dsn, Lease(desk.dsn, 15.0), desk.books, lambda _m, _t, present: present, DAYS_S, waker)
    link = open_link(channel.kind, ChannelFacts(channel.id, channel.name), desk.dsn)
    lane = Lane(channel, link, hands)
    made = Intake(lane, desk.dsn, desk.books, waker)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.close()
    await lane.close()


async def test_what_cannot_be_stored_hurts_only_its_own_call(desk: Desk, intake: Intake) -> None:
    """They came together and were tried together; the carrier brings the bad one again, and only that."""
    account = await desk.add_account()
    ids = await desk.accept(account, 2)
    names = await desk.submit(ids)
    calls = [[receipt(names[0])], [receipt("bad\x00id")], [receipt(names[1], Reason.UNDELIVERED)]]
    results = await asyncio.gather(*map(intake.receipts, calls), return_exceptions=True)
    assert [result is None for result in results] == [True, False, True]
    assert [desk.reason(each) for each in ids] == [Reason.SUCCESS, Reason.UNDELIVERED]
    await intake.receipts([receipt(names[0])])


async def test_who_brings_receipts_is_told_when_they_are_committed(desk: Desk, intake: Intake) -> None:
    account = await desk.add_account()
    ids = await desk.accept(account, 1)
    names = await desk.submit(ids)
    with psycopg.connect(desk.dsn) as blocker:
        blocker.execute("LOCK TABLE report IN SHARE MODE")
        task = asyncio.create_task(intake.receipts([receipt(names[0])]))
        await wait_for_lockers(desk, 1)
        assert not task.done()
        blocker.rollback()
        await task
    assert desk.reason(ids[0]) is Reason.SUCCESS


# --- replies


def make_reply(user_number: str, content: str = "I want it", service_number: str = "12345") -> Any:
    from tocsin.traffic import Inbound

    return Inbound(user_number, service_number, content, clock.now_s())


async def take_replies(desk: Desk, *replies: Any, channel: int | None = None) -> int:
    return await messaging.receive_replies(desk.session, channel or desk.channel, replies, desk.books, desk.ids)


async def test_a_reply_goes_to_who_wrote_last(desk: Desk) -> None:
    first = await desk.add_account("first", kinds=("uplink",))
    last = await desk.add_account("last", kinds=("sms", "uplink"))
    (number,) = desk.take_numbers(1)
    await desk.accept(first, [number])
    (asked,) = await desk.accept(last, [number])
    assert await take_replies(desk, make_reply(number)) == 1
    (row,) = desk.conn.execute(
        "SELECT account_id, uuid_send(message_id), user_number, service_number, content FROM uplink"
    )
    assert row == (last.id, asked, number, "12345", "I want it")
    waiting = desk.conn.execute(
        "SELECT e.account_id, e.kind, o.n FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id"
    )
    assert waiting.fetchall() == [(last.id, "uplink", 1)]
    body = desk.one("SELECT convert_from(body, 'UTF8')::json ->> 'messageId' FROM outbox")
    assert body == asked.hex()


async def test_a_reply_over_a_channel_goes_to_who_wrote_over_it(desk: Desk) -> None:
    here, there = await desk.add_account("here"), await desk.add_account("there")
    routing.add_route(desk.conn, routing.RouteRule(0, there.id, None, 1, None, "", desk.other, 0))
    await desk.reference.renew()
    (number,) = desk.take_numbers(1)
    await desk.accept(here, [number])
    await desk.accept(there, [number])
    await take_replies(desk, make_reply(number, "one"))
    await take_replies(desk, make_reply(number, "two"), channel=desk.other)
    assert dict(desk.conn.execute("SELECT content, account_id FROM uplink").fetchall()) == {
        "one": here.id,
        "two": there.id,
    }


async def test_the_pull_of_a_reply_says_what_its_push_says(desk: Desk) -> None:
    """The second, too: late in a second nothing is rounded up."""
    account = await desk.add_account(kinds=("uplink",))
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    late = int(clock.now_s()) + 0.9
    await take_replies(desk, msgspec.structs.replace(make_reply(number), at=late))
    (reply,) = await page_of(desk, account.id, ("0", bytes(16)), 1)
    assert (
        str(reply.at)
        == str(int(late))
        == desk.one("SELECT convert_from(body, 'UTF8')::json ->> 'datetime' FROM outbox")
    )


async def test_a_reply_of_a_stranger_is_kept(desk: Desk) -> None:
    await desk.add_account(kinds=("uplink",))
    assert await take_replies(desk, make_reply("62800000"), make_reply("62800001", "\x00 odd")) == 0
    assert desk.conn.execute("SELECT account_id, message_id FROM uplink").fetchall() == [(None, None)] * 2
    assert desk.count("outbox") == 0


async def test_a_page_of_replies_ends_below_the_oldest_open_writer(desk: Desk) -> None:
    """A slow writer's replies are not skipped by a reader who has been further already."""
    account = await desk.add_account(kinds=())
    (number,) = desk.take_numbers(1)
    await desk.accept(account, [number])
    start = ("0", bytes(16))
    await take_replies(desk, make_reply(number, "before"))
    with psycopg.connect(desk.dsn) as slow:
        write_reply(slow, desk, account.id, "slow")
        await take_replies(desk, make_reply(number, "after"))
        page = await page_of(desk, account.id, start, 1)
        assert [reply.content for reply in page] == ["before"]
        slow.commit()
    cursor = (page[-1].seen, page[-1].id)
    rest = await page_of(desk, account.id, cursor, 2)
    assert [reply.content for reply in rest] == ["slow", "after"]
    both = await messaging.page_replies(desk.session, account.id, start, 2)
    assert [reply.content for reply in both] == ["before", "slow"]
    assert await messaging.page_replies(desk.session, account.id, (rest[-1].seen, rest[-1].id), 10) == []
    assert await messaging.page_replies(desk.session, account.id + 1, start, 10) == []


async def page_of(desk: Desk, account_id: int, start: tuple[str, bytes], count: int) -> list[messaging.Reply]:
    """The page behind `start`, once it has at least `count` replies.

    Open writers of the whole server count, those of other tests too: what is younger than them comes when they end.
    """

    async def read() -> list[messaging.Reply]:
        page = await messaging.page_replies(desk.session, account_id, start, 10)
        return page if len(page) >= count else []

    return await until(read)


def write_reply(conn: psycopg.Connection[TupleRow], desk: Desk, account_id: int, content: str) -> None:
    conn.execute(
        "INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at)"
        " VALUES (%s, %s, %s, '62', '', %s, now())",
        (desk.ids.one().hex(), account_id, desk.channel, content),
    )


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
