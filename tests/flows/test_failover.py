"""A channel goes down under load: what waits for it goes over the other one, all of it, once, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.flows.plant import LEASE_S, Customer, Plant, Process, make_numbers, post
from tests.poll import until_sync
from tocsin import routing
from tocsin.traffic import Product

MESSAGES = 2000
RATE = 400


class Scene:
    """Two channels with a route to both, east first; an API and two workers."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.channels: dict[str, int] = {}
        blank = routing.Channel(
            id=0, name="", kind=routing.SANDBOX, paused=False, rate=RATE, window=1000, unknown_policy="leave",
            max_attempts=8, failover_after_s=1.0, config={},
        )  # fmt: skip
        with plant.conn.transaction():
            for preference, name in enumerate(("east", "west")):
                rate = RATE if name == "east" else None
                made = routing.add_channel(plant.conn, msgspec.structs.replace(blank, name=name, rate=rate))
                self.channels[name] = made.id
                rule = routing.RouteRule(0, None, None, int(Product.SMS), 10007, "", made.id, preference)
                routing.add_route(plant.conn, rule)
        self.customer: Customer = plant.add_customer("acme", place="acme")
        self.api = plant.start_api()
        self.workers: list[Process] = [plant.start("worker") for _ in range(2)]
        plant.start("push")
        for worker in self.workers:
            plant.owner_of(worker)

    def set_down(self, name: str, *, down: bool) -> None:
        with self.plant.conn.transaction():
            routing.set_channel(self.plant.conn, name, config={"down": down})

    def post(self, count: int, first: int = 0) -> list[str]:
        answer = post(self.api.port, self.customer, make_numbers(count, first))
        assert answer.taken, answer
        return answer.ids

    def taken(self, name: str) -> int:
        """Messages that the carrier took over that channel."""
        query = "SELECT count(DISTINCT message_id) FROM sandbox_submit WHERE channel_id = %s"
        return int(self.plant.one(query, self.channels[name]))

    def is_down(self, name: str) -> bool:
        """In both workers."""
        query = "SELECT count(*) FROM link_state WHERE channel_id = %s AND down_since IS NOT NULL"
        return int(self.plant.one(query, self.channels[name])) == 2


@pytest.fixture
def scene(database: str, tmp_path: Path) -> Iterator[Scene]:
    plant = Plant(database, tmp_path)
    yield Scene(plant)
    plant.close()


def test_what_waits_goes_over_the_other_channel_once(scene: Scene) -> None:
    ids = scene.post(MESSAGES)
    until_sync(lambda: scene.taken("east") > RATE / 2, 30)
    scene.set_down("east", down=True)
    scene.plant.wait_finished(ids, "acme")
    assert scene.taken("west") >= MESSAGES / 4
    assert scene.taken("east") + scene.taken("west") == MESSAGES
    assert scene.plant.doubles() == 0
    assert scene.plant.one("SELECT count(*) FROM report WHERE status = 1") == MESSAGES
    until_sync(lambda: scene.is_down("east"))
    # Who is bound again takes what comes from now on.
    before = scene.taken("east")
    scene.set_down("east", down=False)
    until_sync(lambda: scene.plant.one("SELECT count(*) FROM link_state WHERE down_since IS NOT NULL") == 0)
    scene.plant.wait_finished(scene.post(100, first=50_000), "acme")
    assert scene.taken("east") == before + 100


def test_a_worker_that_is_killed_meanwhile_loses_and_doubles_nothing(scene: Scene) -> None:
    """All of it waits for a channel that was never up, so that nothing is at a carrier when the worker dies."""
    scene.set_down("east", down=True)
    until_sync(lambda: scene.is_down("east"), 30)
    scene.set_down("west", down=True)
    until_sync(lambda: scene.is_down("west"), 30)
    ids = scene.post(MESSAGES)
    assert scene.taken("east") + scene.taken("west") == 0
    scene.set_down("west", down=False)
    query = "SELECT count(*) FROM lane_item WHERE channel_id = %s"
    until_sync(lambda: scene.plant.one(query, scene.channels["west"]) > 0, 30)
    scene.workers[0].kill()
    scene.plant.wait_finished(ids, "acme", 60.0 + LEASE_S)
    assert scene.taken("west") == MESSAGES
    # What the dead one had handed over and not written down is sent again, and no more than that.
    assert scene.plant.doubles() <= 250
