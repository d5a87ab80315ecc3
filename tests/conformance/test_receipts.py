"""Receipts come asynchronously, at least once, and are not forgotten before they were taken."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.conformance.cases import LATE_S, LEASE_S, CarrierCase
from tests.conformance.conftest import OpenLink
from tests.conformance.messages import SENDER, parts_of, submission
from tests.conformance.sink import RecordingSink
from tests.poll import until
from tocsin.traffic import Reason


async def test_early_receipt_comes_before_the_answer(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink, receipt_s=0.2)
    sink.gate.clear()
    early, usual = submission(case.phone("early")), submission(case.phone("deliver"))
    await link.submit([early, usual])
    await until(lambda: sink.calls and sink.outcome_rows)
    assert [outcome.message_id for _, outcome in sink.outcome_rows] == [usual.message_id]
    sink.gate.set()
    await until(lambda: len(sink.outcome_rows) == 2 and len(sink.receipt_rows) == 2)
    (first_s, first), _ = sink.receipt_rows
    answered_s, outcome = sink.outcome_rows[1]
    assert (outcome.message_id, outcome.carrier_id) == (early.message_id, first.carrier_id)
    assert first_s <= answered_s


async def test_early_receipt_that_is_refused_does_not_hold_the_answer(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink
) -> None:
    link = await opened(sink)
    sink.refuse_calls = 1
    await link.submit([submission(case.phone("early"))])
    await until(lambda: len(sink.outcome_rows) == 1 and len(sink.receipt_rows) == 1)
    assert sink.outcome_rows[0][0] < sink.receipt_rows[0][0]


async def test_doubled_receipt(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit([submission(case.phone("doubled"))])
    await until(lambda: len(sink.receipt_rows) == 2)
    assert list(sink.receipt_counts().values()) == [2]
    await settled(case)


async def settled(case: CarrierCase) -> None:
    """Wait until the carrier has forgotten all that it had to hand in."""

    async def owes_nothing() -> bool:
        return await case.owed() == 0

    check: Callable[[], bool | Awaitable[bool]] = owes_nothing
    await until(check)


async def test_late_receipt(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    began_s = asyncio.get_running_loop().time()
    late, usual = submission(case.phone("late")), submission(case.phone("deliver"))
    await link.submit([late, usual])
    await until(lambda: len(sink.receipt_rows) == 2)
    assert [receipt.phone for _, receipt in sink.receipt_rows] == [usual.phone, late.phone]
    assert LATE_S * 0.95 <= sink.receipt_rows[1][0] - began_s < LATE_S + 0.6


async def test_intermediate_state_comes_first(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit([submission(case.phone("intermediate"))])
    await until(lambda: len(sink.receipt_rows) == 2)
    assert [receipt.reason for _, receipt in sink.receipt_rows] == [Reason.SENDING, Reason.SUCCESS]
    assert len(sink.receipt_counts()) == 1


async def test_a_receipt_for_each_part(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit(parts_of(case.phone("last part fails"), 3))
    await until(lambda: len(sink.receipt_rows) == 3)
    part_of = {outcome.carrier_id: outcome.part for _, outcome in sink.outcome_rows}
    reasons = {part_of[receipt.carrier_id]: receipt.reason for _, receipt in sink.receipt_rows}
    assert reasons == {1: Reason.SUCCESS, 2: Reason.SUCCESS, 3: Reason.UNDELIVERED}


async def test_a_person_replies(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    await link.submit(parts_of(case.phone("reply"), 2))
    await until(lambda: sink.replies and len(sink.receipt_rows) == 2)
    (reply,) = sink.replies
    assert (reply.user_number, reply.service_number, reply.content) == (case.phone("reply"), SENDER, "I want it")


async def test_refused_receipts_come_again(case: CarrierCase, sink: RecordingSink, opened: OpenLink) -> None:
    link = await opened(sink)
    sink.refuse_calls = 3
    for _ in range(5):
        await link.submit([submission(case.phone("deliver")) for _ in range(300)])
    await until(lambda: len(sink.receipt_rows) == 1_500)
    assert sink.refusals == 3
    await settled(case)
    assert set(sink.receipt_counts().values()) == {1}


async def test_calls_are_few_and_bounded_while_the_platform_is_slow(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink
) -> None:
    link = await opened(sink)
    sink.gate.clear()
    total = 12_000
    for _ in range(total // 500):
        await link.submit([submission(case.phone("deliver")) for _ in range(500)])
    await until(lambda: len(sink.outcome_rows) == total)
    sink.gate.set()
    await until(lambda: len(sink.receipt_rows) == total, 20)
    assert sink.most_calls <= 4
    assert 500 < sink.most_receipts <= 1_000
    assert set(sink.receipt_counts().values()) == {1}


async def pass_s(seconds: float) -> None:
    """Let a lease run: the passing of time is what is tested."""
    end_s = time.monotonic() + seconds
    await until(lambda: time.monotonic() > end_s)


@pytest.mark.parametrize("receipt_s", [0.0, 0.05])
async def test_two_links_of_a_channel_do_not_double(
    case: CarrierCase, sink: RecordingSink, opened: OpenLink, receipt_s: float
) -> None:
    """Also where the platform takes longer than a lease: who lives keeps what it has in hand."""
    other = RecordingSink()
    sink.gate.clear()
    link = await opened(sink, receipt_s=receipt_s)
    await link.submit([submission(case.phone("deliver")) for _ in range(500)])
    await until(lambda: sink.calls > 0)
    began_s = time.monotonic()
    links = [link, await opened(other, receipt_s=receipt_s)]
    for i in range(15):
        await links[i % 2].submit([submission(case.phone("deliver")) for _ in range(100)])
    await pass_s(1.3 * LEASE_S - (time.monotonic() - began_s))
    await opened(other, receipt_s=receipt_s)  # a newcomer looks for leases that are over
    await pass_s(LEASE_S)
    in_hand = 2_000 - len(other.receipt_rows)
    assert in_hand > 0
    sink.gate.set()
    await until(lambda: len(sink.receipt_rows) + len(other.receipt_rows) == 2_000)
    await settled(case)
    assert set((sink.receipt_counts() + other.receipt_counts()).values()) == {1}
    assert len(sink.receipt_rows) == in_hand


_DYING = """
import asyncio, sys
from tests.conformance.cases import CASES
from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.poll import until

async def run():
    case = CASES[sys.argv[1]](sys.argv[2])
    sink = RecordingSink()
    sink.gate.clear()
    link = case.make_link(receipt_s=float(sys.argv[3]))
    await link.open(sink)
    await link.submit([submission(case.phone("deliver")) for _ in range(600)])
    await until(lambda: len(sink.outcome_rows) == 600 and sink.calls)
    for _, outcome in sink.outcome_rows:
        print(outcome.carrier_id)
    print("waiting", flush=True)
    await asyncio.Event().wait()

asyncio.run(run())
"""


@pytest.mark.parametrize("receipt_s", ["0", "0.05"])
async def test_receipts_survive_a_link_that_dies_before_acknowledging(
    case: CarrierCase,
    sink: RecordingSink,
    opened: OpenLink,
    database: str,
    request: pytest.FixtureRequest,
    receipt_s: str,
) -> None:
    kind = request.node.callspec.params["case"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DYING, kind, database, receipt_s, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    promised: list[str] = []
    async with asyncio.timeout(20):
        while (line := (await child.stdout.readline()).decode().strip()) != "waiting":
            assert line, "the child ended"
            promised.append(line)
        child.send_signal(signal.SIGKILL)
        await child.wait()
    assert len(promised) == 600
    await opened(sink)
    await until(lambda: len(sink.receipt_rows) == 600)
    assert sink.receipt_counts() == Counter(promised)
    await settled(case)
