"""How the sandbox hands in what its own table owes: few calls, leases, nothing twice, nothing lost with a link that dies."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter

import pytest

from tests.conformance.cases import LEASE_S, SandboxCase
from tests.conformance.conftest import OpenLink
from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.conformance.test_answers import settled
from tests.poll import PATIENCE_S, until


@pytest.fixture
def case(database: str) -> SandboxCase:
    return SandboxCase(database)


async def test_calls_are_few_and_bounded_while_the_platform_is_slow(
    case: SandboxCase, sink: RecordingSink, opened: OpenLink
) -> None:
    link = await opened(sink, lease_s=LEASE_S)
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
    case: SandboxCase, sink: RecordingSink, opened: OpenLink, receipt_s: float
) -> None:
    """Also where the platform takes longer than a lease: who lives keeps what it has in hand."""
    other = RecordingSink()
    sink.gate.clear()
    link = await opened(sink, receipt_s=receipt_s, lease_s=LEASE_S)
    await link.submit([submission(case.phone("deliver")) for _ in range(500)])
    await until(lambda: sink.calls > 0)
    began_s = time.monotonic()
    links = [link, await opened(other, receipt_s=receipt_s, lease_s=LEASE_S)]
    for i in range(15):
        await links[i % 2].submit([submission(case.phone("deliver")) for _ in range(100)])
    await pass_s(1.3 * LEASE_S - (time.monotonic() - began_s))
    await opened(other, receipt_s=receipt_s, lease_s=LEASE_S)  # a newcomer looks for leases that are over
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
from tests.conformance.cases import LEASE_S, SandboxCase
from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.poll import until

async def run():
    case = SandboxCase(sys.argv[1])
    sink = RecordingSink()
    sink.gate.clear()
    link = case.make_link(receipt_s=float(sys.argv[2]), lease_s=LEASE_S)
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
    case: SandboxCase,
    sink: RecordingSink,
    opened: OpenLink,
    database: str,
    receipt_s: str,
) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DYING, database, receipt_s, stdout=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    promised: list[str] = []
    async with asyncio.timeout(PATIENCE_S):
        while (line := (await child.stdout.readline()).decode().strip()) != "waiting":
            assert line, "the child ended"
            promised.append(line)
        child.send_signal(signal.SIGKILL)
        await child.wait()
    assert len(promised) == 600
    await opened(sink, lease_s=LEASE_S)
    await until(lambda: len(sink.receipt_rows) == 600)
    assert sink.receipt_counts() == Counter(promised)
    await settled(case)
