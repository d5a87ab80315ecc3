"""kill -9 of each process in the middle of a large batch: nothing accepted is lost, and next to nothing is sent twice."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.flows.plant import CLAIM, LEASE_S, PRICE_MICROS, Customer, Plant, Posting, make_numbers, post
from tests.poll import PATIENCE_S, until_sync

MANY = 12_000
SOME = 4_000  # 16 claims of a worker
PLACE = "reports"
ACCEPTING = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT accept_group%%'"
    " AND datname = current_database()"
)


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    # What a killed worker had in hand of the carrier's receipts comes again after this.
    made.set_channel(config={"lease_s": 1.0})
    yield made
    made.close()


@pytest.fixture
def customer(plant: Plant) -> Customer:
    return plant.add_customer("acme", place=PLACE)


def has_more(plant: Plant, mark: int) -> bool:
    return bool(plant.count("sandbox_submit") > mark)


def test_a_killed_worker_loses_nothing_and_doubles_at_most_one_claim(plant: Plant, customer: Customer) -> None:
    api, _, worker = plant.start_api(), plant.start("push"), plant.start("worker")
    accepted = post(api.port, customer, make_numbers(SOME))
    assert accepted.taken, accepted
    for kills in (1, 2):
        until_sync(partial(has_more, plant, SOME // 4 * kills), 60)
        worker.kill()
        assert plant.unfinished() > 0
        worker = plant.start("worker")
    plant.wait_finished(accepted.ids, PLACE)
    assert len(accepted.ids) == SOME
    assert plant.doubles() <= 2 * CLAIM


def test_a_killed_pusher_loses_no_report(plant: Plant, customer: Customer) -> None:
    api, _, pusher = plant.start_api(), plant.start("worker"), plant.start("push")
    accepted = post(api.port, customer, make_numbers(SOME))
    assert accepted.taken, accepted
    until_sync(lambda: plant.count("push_attempt") > 40, 60)
    pusher.kill()
    assert plant.count("outbox") > 0 or plant.unfinished() > 0
    written = {row[0].hex for row in plant.conn.execute("SELECT unnest(ids) FROM push_attempt WHERE http_status = 200")}
    plant.start("push")
    plant.wait_finished(accepted.ids, PLACE)
    times = Counter(plant.receiver.taken(PLACE))
    assert plant.doubles() == 0
    # What was in flight or not written down yet is pushed once more; what was written down never is.
    assert written
    assert {times[each] for each in written} == {1}
    assert set(times.values()) <= {1, 2}


@pytest.mark.parametrize("moment", ["early", "in the statement"])
def test_a_killed_api_has_accepted_and_charged_all_or_nothing(plant: Plant, customer: Customer, moment: str) -> None:
    api, _, _ = plant.start_api(), plant.start("worker"), plant.start("push")
    numbers = make_numbers(MANY)
    posting = Posting(api.port, customer, numbers, key="once")
    if moment == "in the statement":
        until_sync(lambda: plant.one(ACCEPTING), 30)
    api.kill()
    assert not posting.wait().taken
    until_sync(lambda: not plant.one(ACCEPTING), 60)
    stored = plant.one("SELECT count(*) FROM message WHERE account_id = %s", customer.id)
    assert stored in {0, MANY}
    charged = plant.one("SELECT -sum(balance_micros)::bigint FROM ledger WHERE kind = 'charge'")
    assert charged == (stored * PRICE_MICROS or None)
    # The client, who knows nothing, sends again with the same key: once in all.
    again = post(plant.start_api().port, customer, numbers, key="once")
    assert again.taken
    assert plant.one("SELECT count(*) FROM message WHERE account_id = %s", customer.id) == MANY
    plant.wait_finished(again.ids, PLACE)
    assert plant.doubles() == 0


def test_a_killed_helper_of_the_api_costs_one_answer_and_no_more(plant: Plant, customer: Customer) -> None:
    api, _, _ = plant.start_api(), plant.start("worker"), plant.start("push")
    [helper] = until_sync(api.children)
    numbers = make_numbers(MANY)
    posting = Posting(api.port, customer, numbers, key="once")
    until_sync(lambda: plant.one(ACCEPTING), 30)
    helper.kill()
    lost = posting.wait()
    assert lost.http == 504  # not known: certainly not "failed"
    small = post(api.port, customer, make_numbers(5, MANY))
    assert small.taken  # the API itself goes on
    until_sync(lambda: [child for child in api.children() if child.pid != helper.pid], 10)
    again = until_sync(lambda: answer if (answer := post(api.port, customer, numbers, key="once")).taken else None, 30)
    assert again is not None
    assert plant.one("SELECT count(*) FROM message WHERE account_id = %s", customer.id) == MANY + 5
    plant.wait_finished([*small.ids, *again.ids], PLACE)
    assert plant.doubles() == 0


def test_a_worker_that_was_stopped_longer_than_its_lease_sends_nothing_twice(plant: Plant, customer: Customer) -> None:
    api, _, first, second = plant.start_api(), plant.start("push"), plant.start("worker"), plant.start("worker")
    owner = plant.owner_of(first)
    plant.owner_of(second)
    accepted = post(api.port, customer, make_numbers(SOME))
    assert accepted.taken, accepted

    def stop_with_items() -> bool:
        """Stopped with work in hand: not between two claims, nor in a transaction, which would keep the rows locked."""
        first.send_signal(signal.SIGSTOP)
        free = "SELECT count(*) FROM (SELECT id FROM lane_item WHERE owner = %s FOR UPDATE SKIP LOCKED) AS i"
        if 0 < plant.held_by(owner) == plant.one(free, owner):
            return True
        first.send_signal(signal.SIGCONT)
        return False

    until_sync(lambda: plant.count("sandbox_submit") > SOME // 10, 60)
    until_sync(stop_with_items, 30)
    held = plant.held_by(owner)
    # The other one finishes all the rest, and the stopped one's lease is long over ...
    until_sync(lambda: plant.count("lane_item") == held, 60)
    over = f"SELECT min(now() - lease_end) > interval '{LEASE_S} seconds' FROM lane_item WHERE owner = %s"
    until_sync(lambda: plant.one(over, owner), 30)
    # ... and still what it has, it has: it may have sent it.
    assert plant.held_by(owner) == held
    first.send_signal(signal.SIGCONT)
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.doubles() == 0


def test_a_dead_workers_items_are_taken_over_when_its_lease_is_over(plant: Plant, customer: Customer) -> None:
    api, _, first, second = plant.start_api(), plant.start("push"), plant.start("worker"), plant.start("worker")
    owner = plant.owner_of(first)
    plant.owner_of(second)
    accepted = post(api.port, customer, make_numbers(SOME))
    assert accepted.taken, accepted

    def kill_with_items() -> bool:
        first.send_signal(signal.SIGSTOP)
        if plant.held_by(owner):
            first.kill()
            return True
        first.send_signal(signal.SIGCONT)
        return False

    until_sync(kill_with_items, 60)
    # Lease and look: with the default lease of 15 s the same sum is under 30 s (tests/contexts/test_lanes.py).
    until_sync(lambda: plant.held_by(owner) == 0)
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.doubles() <= CLAIM


def test_a_worker_ends_quickly_and_leaves_nothing_behind(plant: Plant, customer: Customer) -> None:
    """SIGTERM in the middle of the load: it writes down what it sent, gives back the rest, and nothing is sent twice."""
    plant.set_channel(config={"lease_s": 1.0, "submit_delay_ms": 20})
    api, _, worker = plant.start_api(), plant.start("push"), plant.start("worker")
    accepted = post(api.port, customer, make_numbers(SOME))
    assert accepted.taken, accepted
    owner = plant.owner_of(worker)
    until_sync(lambda: plant.count("sandbox_submit") > 1000 and plant.held_by(owner), 60)
    worker.send_signal(signal.SIGTERM)
    assert worker.popen.wait(PATIENCE_S) == 0
    assert plant.held_by(owner) == 0
    assert plant.one("SELECT count(*) FROM process WHERE id = %s", owner) == 0
    plant.start("worker")
    plant.wait_finished(accepted.ids, PLACE)
    assert plant.doubles() == 0
