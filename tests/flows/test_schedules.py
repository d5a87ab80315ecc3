"""Scheduled sends with real processes: not before their time, soon after it, and whole through kills and downtime."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import PRICE_MICROS, Customer, Plant, connect, make_numbers, post
from tests.poll import until_sync

PLACE = "reports"
MANY = 5_000
WAITING = "SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM schedule"
PLACES = "SELECT i FROM lane_item, unnest(ids) AS i UNION ALL SELECT i FROM schedule, unnest(ids) AS i"
EACH_ONCE = f"SELECT count(*) = {MANY} AND count(DISTINCT i) = {MANY} FROM ({PLACES}) AS u(i)"
IN_A_MOVE = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin upkeep schedule' AND wait_event_type = 'Lock'"
    " AND datname = current_database()"
)


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    made.set_channel(config={"lease_s": 1.0})
    yield made
    made.close()


@pytest.fixture
def customer(plant: Plant) -> Customer:
    return plant.add_customer("acme", place=PLACE)


def first_submission(plant: Plant) -> float | None:
    found = plant.one("SELECT extract(epoch FROM min(at))::float8 FROM submission")
    return None if found is None else float(found)


def test_a_worker_sends_at_the_time_and_not_before(plant: Plant, customer: Customer) -> None:
    api, _, worker = plant.start_api(), plant.start("push"), plant.start("worker")
    plant.owner_of(worker)
    due_s = int(time.time()) + 3
    accepted = post(api.port, customer, make_numbers(20), sendTime=str(due_s))
    assert len(accepted.ids) == 20
    until_sync(lambda: plant.one("SELECT count(*) FROM submission") == 20, 30)
    sent_s = first_submission(plant)
    assert sent_s is not None
    assert due_s <= sent_s
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.doubles() == 0


def test_what_became_due_while_nothing_ran_goes_at_the_start(plant: Plant, customer: Customer) -> None:
    api, _ = plant.start_api(), plant.start("push")
    accepted = post(api.port, customer, make_numbers(100), sendTime=str(int(time.time()) + 600))
    plant.conn.execute("UPDATE schedule SET due = now() - interval '1 s'")
    assert plant.count("lane_item") == 0
    plant.start("worker")
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.doubles() == 0


def test_what_is_late_is_dropped_where_the_operator_says_so(plant: Plant, customer: Customer) -> None:
    api, _ = plant.start_api(), plant.start("push")
    accepted = post(api.port, customer, make_numbers(100), sendTime=str(int(time.time()) + 600))
    plant.conn.execute("UPDATE schedule SET due = now() - interval '1 s'")
    plant.start("worker", TOCSIN_SCHEDULE_LATE="drop", TOCSIN_SCHEDULE_LATE_S="0.1")
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.count("submission") == 0
    assert plant.one("SELECT array_agg(DISTINCT reason) FROM report") == [12]
    assert plant.one("SELECT sum(balance_micros)::bigint FROM ledger WHERE kind = 'refund'") == 100 * PRICE_MICROS


def test_a_killed_worker_neither_loses_nor_doubles_what_it_moves(plant: Plant, customer: Customer) -> None:
    """The channel is paused, so that everything that moved is still in the lane when it is counted."""
    plant.set_channel(paused=True)
    api, _, worker = plant.start_api(), plant.start("push"), plant.start("worker")
    plant.owner_of(worker)
    accepted = post(api.port, customer, make_numbers(MANY), sendTime=str(int(time.time()) + 600))
    assert len(accepted.ids) == MANY
    with plant.conn.transaction():  # nobody may write into the lane: the move stops in its middle
        plant.conn.execute("LOCK TABLE lane_item IN SHARE MODE")
        assert plant.one(WAITING) == MANY
        with connect(plant.dsn) as look:
            look.execute("UPDATE schedule SET due = now()")
            until_sync(lambda: look.execute(IN_A_MOVE).fetchone() == (1,), 30)
        worker.kill()
    until_sync(lambda: plant.one(IN_A_MOVE) == 0)
    assert plant.one(EACH_ONCE)
    assert plant.one(WAITING) == MANY
    worker = plant.start("worker")
    until_sync(lambda: plant.one(WAITING) < MANY, 30)
    worker.kill()
    assert plant.one(EACH_ONCE)
    workers = [plant.start("worker"), plant.start("worker")]
    until_sync(lambda: plant.one(WAITING) == 0, 30)
    assert plant.one(EACH_ONCE)
    plant.set_channel(paused=False)
    plant.wait_finished(accepted.ids, PLACE)
    assert [worker.popen.poll() for worker in workers] == [None, None]
    assert plant.doubles() == 0
    assert plant.one("SELECT count(DISTINCT message_id) FROM sandbox_submit") == MANY
