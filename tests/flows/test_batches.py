"""A batch of 20,000 that is paused, resumed and cancelled in its middle, with real workers, one of which is killed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.flows.plant import CLAIM, PRICE_MICROS, Customer, Plant, make_numbers, post
from tests.poll import until_sync
from tocsin import billing, messaging
from tocsin.messaging import BatchRow, BatchState

PLACE = "reports"
MANY = 10_000
RATE = 3_000
"""Messages a second: slow enough that there is a middle."""
CLAIMED = "SELECT count(*) FROM lane_item WHERE owner IS NOT NULL"
READY = "SELECT count(*) FROM lane_item WHERE due IS NULL OR due < 'infinity'"


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    made.set_channel(rate=RATE)
    yield made
    made.close()


@pytest.fixture
def customer(plant: Plant) -> Customer:
    return plant.add_customer("acme", place=PLACE)


class Scene:
    """A batch that is under way, and what is done to it."""

    def __init__(self, plant: Plant, customer: Customer) -> None:
        self._plant = plant
        self._account_id = customer.id
        api, _ = plant.start_api(), plant.start("push")
        self.workers = [plant.start("worker"), plant.start("worker")]
        for worker in self.workers:
            plant.owner_of(worker)
        self.ids = post(api.port, customer, make_numbers(MANY)).ids
        assert len(self.ids) == MANY
        self.batch_no = int(plant.one("SELECT batch_no FROM batch"))
        until_sync(lambda: self.look().progress.submitted > MANY / 10, 30)

    def look(self) -> BatchRow:
        found = messaging.find_batch(self._plant.conn, self._account_id, self.batch_no)
        assert found is not None
        return found

    def pause(self) -> None:
        with self._plant.conn.transaction():
            assert messaging.pause_batch(self._plant.conn, self._account_id, self.batch_no)

    def cancel(self) -> int | None:
        with self._plant.conn.transaction():
            return messaging.cancel_batch(self._plant.conn, self._account_id, self.batch_no)

    def wait_at_rest(self) -> BatchRow:
        """Nothing of it is in any hands, and nothing could be taken; where it stands then."""
        until_sync(lambda: self._plant.one(CLAIMED) + self._plant.one(READY) == 0, 60)
        return self.look()


def test_paused_in_the_middle_and_resumed(plant: Plant, customer: Customer) -> None:
    scene = Scene(plant, customer)
    scene.pause()
    scene.workers.pop().kill()  # what it held is taken over, looked at, and set aside
    stood = scene.wait_at_rest()
    assert stood.state is BatchState.PAUSED
    assert 0 < stood.progress.waiting < MANY
    assert stood.progress.submitted + stood.progress.waiting == MANY
    other = plant.one("SELECT count(DISTINCT message_id) FROM sandbox_submit")
    ids = post(plant.processes[0].port, customer, make_numbers(200, 50_000)).ids
    until_sync(lambda: plant.one("SELECT count(DISTINCT message_id) FROM sandbox_submit") == other + len(ids), 30)
    assert scene.look().progress.submitted == stood.progress.submitted, "others go by, it stands"
    with plant.conn.transaction():
        assert messaging.resume_batch(plant.conn, customer.id, scene.batch_no) == stood.progress.waiting
    plant.wait_finished([*scene.ids, *ids], PLACE)
    row = scene.look()
    assert (row.state, row.progress.delivered, row.progress.submitted) == (BatchState.DONE, MANY, MANY)
    assert plant.doubles() <= CLAIM
    assert plant.one("SELECT count(DISTINCT message_id) FROM sandbox_submit") == MANY + len(ids)


def test_cancelled_in_the_middle(plant: Plant, customer: Customer) -> None:
    scene = Scene(plant, customer)
    assert scene.cancel()
    until_sync(partial(plant.is_empty, "lane_item"), 60)
    plant.wait_finished(scene.ids, PLACE)
    row = scene.look()
    assert row.state is BatchState.CANCELLED
    assert row.progress.delivered == row.progress.submitted
    assert row.progress.delivered + row.progress.failed == MANY
    assert 0 < row.progress.failed < MANY
    assert plant.one("SELECT count(*) FROM report WHERE reason = 15") == row.progress.failed
    assert plant.one("SELECT count(*) FROM sandbox_submit") == row.progress.delivered
    spent = plant.one("SELECT -sum(balance_micros)::bigint FROM ledger WHERE kind IN ('charge', 'refund')")
    assert spent == row.progress.fee_micros == row.progress.delivered * PRICE_MICROS
    assert billing.check(plant.conn) == []
    assert scene.cancel() is None
