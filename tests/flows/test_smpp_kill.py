"""Workers that are killed or stopped in the middle of a load over SMPP: nothing is lost, and next to nothing is sent twice."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.flows.plant import CLAIM, LEASE_S, PRICE_MICROS, Customer, Plant, Process, make_numbers
from tests.flows.smpp_bed import (
    Simulator,
    add_channel,
    add_customer,
    check_delivered_once,
    make_config,
    send,
    wait_bound,
)
from tests.poll import PATIENCE_S, until_sync
from tocsin.routing import Channel
from tocsin.traffic import OutcomeKind

MANY = 50_000
FEW = 12_000
KILLS = 5
PLACE = "reports"
SMSC = ("--window", "500", "--keep", "1000000")


class Bed(NamedTuple):
    """A plant whose only customer sends over SMPP."""

    plant: Plant
    simulator: Simulator
    channel: Channel
    customer: Customer
    port: int

    def has_taken(self, count: int) -> bool:
        return bool(self.simulator.stats()["taken"] >= count)

    def wait_over(self, ids: list[str]) -> None:
        """All ended and was pushed once, and nothing is left at the SMSC."""
        until_sync(lambda: self.plant.count("lane_item") == 0, 240)
        until_sync(lambda: self.simulator.stats()["waiting"] == 0, 60)
        self.plant.wait_finished(ids, PLACE, 60)
        check_delivered_once(self.plant, PLACE, ids)


@pytest.fixture
def bed(database: str, tmp_path: Path) -> Iterator[Bed]:
    plant, simulator = Plant(database, tmp_path), Simulator(tmp_path, *SMSC)
    try:
        channel = add_channel(plant, "carrier", make_config(simulator, window=250))
        customer = add_customer(plant, PLACE, channel)
        api = plant.start_api()
        plant.start("push")
        yield Bed(plant, simulator, channel, customer, api.port)
    finally:
        simulator.close()
        plant.close()


@pytest.mark.full
def test_killed_again_and_again_it_loses_nothing_and_doubles_at_most_a_window_each_time(bed: Bed) -> None:
    plant, simulator = bed.plant, bed.simulator
    worker = plant.start("worker")
    ids = send(bed.port, bed.customer, make_numbers(MANY))
    chance = random.Random(5)
    for mark in sorted(chance.sample(range(MANY // 50, MANY * 9 // 10), KILLS)):
        until_sync(partial(bed.has_taken, mark), 120)
        worker.kill()
        assert plant.unfinished() > 0
        worker = plant.start("worker")
    bed.wait_over(ids)
    taken = simulator.numbers()
    assert set(taken) == {f"62{number}" for number in make_numbers(MANY)}
    assert simulator.doubles() <= KILLS * CLAIM
    # Every receipt found its submission: those of what a killed worker had not written down, by its number.
    assert plant.count("unmatched_receipt") <= simulator.doubles()
    stats = simulator.stats()
    assert stats["receipts"] == stats["taken"] == taken.total()
    charged = plant.one("SELECT -sum(balance_micros)::bigint FROM ledger WHERE kind = 'charge'")
    assert charged == MANY * PRICE_MICROS


def test_a_worker_that_is_told_to_end_leaves_nothing_unknown(bed: Bed) -> None:
    """SIGTERM in the middle of the load: answers under way still come, the rest is given back, and nothing is sent twice."""
    plant = bed.plant
    worker = plant.start("worker")
    owner = plant.owner_of(worker)
    bed.simulator.order(faults={"answer_after": 0.1})
    ids = send(bed.port, bed.customer, make_numbers(FEW // 2))
    until_sync(partial(bed.has_taken, FEW // 6), 60)
    until_sync(lambda: plant.held_by(owner), 30)
    worker.send_signal(signal.SIGTERM)
    assert worker.popen.wait(PATIENCE_S) == 0
    assert plant.held_by(owner) == 0
    assert plant.one("SELECT count(*) FROM submission WHERE outcome = %s", OutcomeKind.UNKNOWN.value) == 0
    plant.start("worker")
    bed.wait_over(ids)
    assert bed.simulator.doubles() == 0


FREE = "SELECT count(*) FROM (SELECT id FROM lane_item WHERE owner = %s FOR UPDATE SKIP LOCKED) AS i"
CUT_OFF = """SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND ((classid::bigint << 32) | objid::bigint) = %s AND objsubid = 1 AND granted"""
OVER = f"SELECT min(now() - lease_end) > interval '{LEASE_S} seconds' FROM lane_item WHERE owner = %s"


def stop_with_items(plant: Plant, worker: Process, owner: int) -> bool:
    """Stopped with work in hand: not between two claims, nor in a transaction, which would keep the rows locked."""
    worker.send_signal(signal.SIGSTOP)
    if 0 < plant.held_by(owner) == plant.one(FREE, owner):
        return True
    worker.send_signal(signal.SIGCONT)
    return False


def stop_one_of_two(bed: Bed) -> tuple[Process, int, list[str]]:
    """In the middle of a load; the stopped one, its id and the ids of the messages."""
    plant = bed.plant
    first, second = plant.start("worker"), plant.start("worker")
    owner = plant.owner_of(first)
    plant.owner_of(second)
    wait_bound(plant, bed.channel, 2)
    ids = send(bed.port, bed.customer, make_numbers(FEW))
    until_sync(partial(bed.has_taken, FEW // 10), 60)
    until_sync(partial(stop_with_items, plant, first, owner), 30)
    return first, owner, ids


def test_a_worker_that_was_stopped_longer_than_its_lease_sends_nothing_twice(bed: Bed) -> None:
    plant = bed.plant
    first, owner, ids = stop_one_of_two(bed)
    held = plant.held_by(owner)
    # The other one finishes all the rest, and the stopped one's lease is long over ...
    until_sync(lambda: plant.count("lane_item") == held, 60)
    until_sync(lambda: plant.one(OVER, owner), 30)
    # ... and still what it has, it has: it may have sent it.
    assert plant.held_by(owner) == held
    first.send_signal(signal.SIGCONT)
    bed.wait_over(ids)
    assert bed.simulator.doubles() == 0


def test_one_that_the_database_lost_sight_of_is_taken_over_and_doubles_at_most_a_window(bed: Bed) -> None:
    plant = bed.plant
    first, owner, ids = stop_one_of_two(bed)
    until_sync(lambda: plant.one(CUT_OFF, owner), 10)
    # As far as anybody can see it is dead: the other one sends what it had.
    until_sync(lambda: plant.held_by(owner) == 0, 30)
    until_sync(lambda: plant.count("lane_item") == 0, 60)
    first.send_signal(signal.SIGCONT)
    bed.wait_over(ids)
    assert set(bed.simulator.numbers()) == {f"62{number}" for number in make_numbers(FEW)}
    assert bed.simulator.doubles() <= CLAIM
