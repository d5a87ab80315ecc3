"""A large load over an SMSC that goes away again and again, in mid-PDU, throttles, and mixes up and doubles its receipts.

All ends as delivered once; nothing goes out twice; memory, attempts and the log stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest

from tests.flows.plant import Plant, make_numbers
from tests.flows.smpp_bed import (
    Simulator,
    add_channel,
    add_customer,
    check_delivered_once,
    make_config,
    read_reports,
    send,
)
from tests.poll import until_sync
from tocsin.traffic import OutcomeKind

MANY = 100_000
FEW = 10_000
PLACE = "reports"
WINDOW = 250
ROUGH = (
    "--drop-every", "5", "--drop-for", "0.3", "--drop-most", "1", "--drop-mid-pdu", "--throttle-every", "500",
    "--answer-after", "0.003", "--receipt-double-share", "0.1", "--receipt-shuffle", "200", "--receipt-late-share", "0.05",
    "--receipt-late-by", "2", "--window", "1000", "--keep", "1000000",
)  # fmt: skip
GROWTH_MOST = 32 * 1024 * 1024
ATTEMPTS_MOST = 10
LINES_MOST = 500
UNKNOWN = f"SELECT DISTINCT phone FROM submission WHERE outcome = {OutcomeKind.UNKNOWN.value}"


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Simulator]]:
    """Starts a simulator with these options."""
    with ExitStack() as stack:

        def make(*options: str) -> Simulator:
            simulator = Simulator(tmp_path, *options)
            stack.callback(simulator.close)
            return simulator

        yield make


def list_unknown(plant: Plant) -> set[str]:
    """Numbers of messages that were not answered at some attempt."""
    return {f"{phone}" for (phone,) in plant.conn.execute(UNKNOWN.encode())}


def wait_over(plant: Plant, simulator: Simulator, ids: Sequence[str]) -> None:
    """All ended and was pushed, and nothing more can come: neither from the SMSC nor to the customer."""
    until_sync(lambda: plant.count("lane_item") == 0, 240)
    until_sync(lambda: simulator.stats()["waiting"] == 0, 60)
    plant.wait_finished(ids, PLACE, 60)


@pytest.mark.full
def test_all_is_delivered_once_by_an_smsc_that_comes_and_goes(plant: Plant, begin: Callable[..., Simulator]) -> None:
    simulator = begin(*ROUGH)
    channel = add_channel(plant, "rough", make_config(simulator, window=WINDOW), unknown_policy="resend")
    customer = add_customer(plant, PLACE, channel)
    api, worker, _ = plant.start_api(), plant.start("worker"), plant.start("push")
    half = MANY // 2
    ids = [each for first in (0, half) for each in send(api.port, customer, make_numbers(half, first))]
    until_sync(lambda: simulator.stats()["taken"] > MANY // 5, 120)
    early = psutil.Process(worker.pid).memory_info().rss
    wait_over(plant, simulator, ids)
    assert psutil.Process(worker.pid).memory_info().rss - early < GROWTH_MOST
    check_delivered_once(plant, PLACE, ids)
    stats, taken = simulator.stats(), simulator.numbers()
    assert stats["drops"] >= 3
    assert stats["statuses"]["0x58"] >= MANY // 1000
    assert set(taken) == {f"62{number}" for number in make_numbers(MANY)}
    # More than once came only what a drop had left unknown, and no more of it than was under way then.
    doubled = {number for number, times in taken.items() if times > 1}
    assert doubled <= list_unknown(plant)
    assert simulator.doubles() <= stats["drops"] * WINDOW
    assert plant.one("SELECT max(attempt) FROM submission") <= ATTEMPTS_MOST
    assert len(worker.log.read_text().splitlines()) < LINES_MOST


def test_nothing_goes_out_twice_where_the_channel_says_so(plant: Plant, begin: Callable[..., Simulator]) -> None:
    """What a drop left unknown ends by its receipt, and by the time-out where the SMSC never had it."""
    simulator = begin("--drop-mid-pdu", "--receipt-shuffle", "100", "--answer-after", "0.05")
    channel = add_channel(plant, "careful", make_config(simulator, window=WINDOW), unknown_policy="leave")
    customer = add_customer(plant, PLACE, channel)
    api = plant.start_api()
    plant.start("worker", TOCSIN_RECEIPT_TIMEOUT_S="10")
    plant.start("push")
    ids = send(api.port, customer, make_numbers(FEW))
    for turn in range(1, 5):
        until_sync(partial(has_taken, simulator, turn * FEW // 6), 60)
        simulator.order(drop=0.3)
    wait_over(plant, simulator, ids)
    assert simulator.doubles() == 0
    taken, unknown = set(simulator.numbers()), list_unknown(plant)
    last = {report.number: report.text for report in read_reports(plant, PLACE)}
    assert {number for number, text in last.items() if text == "success"} == taken
    lost = {number for number, text in last.items() if text == "no receipt"}
    assert lost == {f"62{number}" for number in make_numbers(FEW)} - taken
    assert lost < unknown  # the others had been taken without an answer
    assert len(unknown) <= 4 * WINDOW


def has_taken(simulator: Simulator, count: int) -> bool:
    """So many at least."""
    return bool(simulator.stats()["taken"] >= count)
