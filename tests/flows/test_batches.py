"""A batch of 20,000 paused in the middle of its way by a real worker, resumed; another cancelled: counts and money are whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import PRICE_MICROS, Customer, Plant, make_numbers, post
from tests.poll import until_sync
from tocsin import billing, messaging

MANY = 20_000
RATE = 4_000  # so that there is a middle


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


@pytest.fixture
def customer(plant: Plant) -> Customer:
    return plant.add_customer("acme", place="acme")


def send(plant: Plant, port: int, customer: Customer) -> tuple[int, list[str]]:
    """Batch number and ids of MANY messages, of which some have left by now."""
    answer = post(port, customer, make_numbers(MANY))
    assert len(answer.ids) == MANY
    batch_no = int(plant.one("SELECT batch_no FROM batch ORDER BY batch_no DESC LIMIT 1"))
    until_sync(lambda: plant.count("sandbox_submit") > 1000, 30)
    return batch_no, answer.ids


def free(plant: Plant) -> int:
    """Items of lanes that a worker may still claim or has."""
    return int(plant.one("SELECT count(*) FROM lane_item WHERE held_batch IS NULL"))


def test_paused_it_stops_and_resumed_all_is_delivered(plant: Plant, customer: Customer) -> None:
    plant.set_channel(rate=RATE)
    api, _, _ = plant.start_api(), plant.start("worker"), plant.start("push")
    batch_no, ids = send(plant, int(api.port), customer)
    with plant.conn.transaction():
        held = messaging.pause_batch(plant.conn, customer.id, batch_no)
    assert held is not None
    until_sync(lambda: free(plant) == 0, 30)
    gone = plant.count("sandbox_submit")
    assert 1000 < gone < MANY
    # Another batch overtakes it, and nothing of it moves meanwhile.
    others = post(int(api.port), customer, make_numbers(500, first=MANY))
    until_sync(lambda: set(others.ids) <= set(plant.receiver.taken("acme")), 60)
    assert plant.count("sandbox_submit") == gone + 500
    with plant.conn.transaction():
        assert messaging.resume_batch(plant.conn, customer.id, batch_no) == MANY - gone
    plant.wait_finished(ids, "acme")
    assert plant.count("sandbox_submit") == MANY + 500
    assert plant.doubles() == 0
    row = messaging.find_batch(plant.conn, customer.id, batch_no)
    assert row is not None
    assert (row.progress.delivered, row.progress.fee_micros) == (MANY, MANY * PRICE_MICROS)


def test_cancelled_in_the_middle_the_rest_is_refunded(plant: Plant, customer: Customer) -> None:
    plant.set_channel(rate=RATE)
    api, _, _ = plant.start_api(), plant.start("worker"), plant.start("push")
    before = billing.read_wallet(plant.conn, customer.id).balance_micros
    batch_no, ids = send(plant, int(api.port), customer)
    with plant.conn.transaction():
        assert messaging.cancel_batch(plant.conn, customer.id, batch_no) is not None
    plant.wait_finished(ids, "acme")
    gone = int(plant.one("SELECT count(DISTINCT message_id) FROM sandbox_submit"))
    assert 1000 < gone < MANY
    row = messaging.find_batch(plant.conn, customer.id, batch_no)
    assert row is not None
    assert (row.progress.delivered, row.progress.failed) == (gone, MANY - gone)
    assert before - billing.read_wallet(plant.conn, customer.id).balance_micros == gone * PRICE_MICROS
