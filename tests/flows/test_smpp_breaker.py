"""An SMSC takes all and delivers nothing: traffic goes round it, a share tries, and all comes back when it delivers again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import Customer, Plant, call, make_numbers
from tests.flows.smpp_bed import Simulator, add_channel, make_config, send, wait_bound
from tests.poll import until_sync
from tocsin import routing
from tocsin.traffic import Product

SETTINGS = {
    "TOCSIN_BREAKER_WINDOW": "40",
    "TOCSIN_BREAKER_HALF_OPEN_S": "1",
    "TOCSIN_BREAKER_SHARE_PERCENT": "10",
}
_places = itertools.count(0, 1000)


class Scene:
    """Two SMSCs, east before west; an API, a worker and a pusher."""

    def __init__(self, plant: Plant, east: Simulator, west: Simulator) -> None:
        self.plant, self.east, self.west = plant, east, west
        channels = [
            add_channel(plant, name, make_config(simulator)) for name, simulator in (("east", east), ("west", west))
        ]
        for preference, channel in enumerate(channels):
            rule = routing.RouteRule(0, None, None, Product.SMS, 10007, "", channel.id, preference)
            with plant.conn.transaction():
                routing.add_route(plant.conn, rule)
        self.customer: Customer = plant.add_customer("acme", place="acme")
        self.api = plant.start_api(**SETTINGS)
        plant.start("worker", **SETTINGS)
        plant.start("push")
        for channel in channels:
            wait_bound(plant, channel)
        self.ids: list[str] = []

    def send(self, count: int) -> None:
        self.ids += send(self.api.port, self.customer, make_numbers(count, next(_places)))

    def taken(self) -> tuple[int, int]:
        """By east, by west."""
        return self.east.stats()["taken"], self.west.stats()["taken"]

    def state(self) -> str:
        return self.plant.one("SELECT state FROM breaker WHERE country_id = 10007") or "closed"

    def counted(self) -> int:
        """Finals that the breaker has seen."""
        return int(self.plant.one("SELECT coalesce(sum(total), 0) FROM delivery_hour"))


@pytest.fixture
def scene(database: str, tmp_path: Path) -> Iterator[Scene]:
    plant = Plant(database, tmp_path)
    simulators = []
    try:
        for name in ("east", "west"):
            (tmp_path / name).mkdir()
            simulators.append(Simulator(tmp_path / name))
        yield Scene(plant, *simulators)
    finally:
        plant.close()
        for simulator in simulators:
            simulator.close()


def test_traffic_goes_round_an_smsc_that_does_not_deliver_and_comes_back(scene: Scene) -> None:
    scene.send(100)
    until_sync(lambda: scene.counted() == 100, 30)
    assert scene.taken() == (100, 0)
    scene.east.order(faults={"undelivered_share": 1.0})
    for want in range(120, 1000, 20):
        scene.send(20)
        until_sync(lambda want=want: scene.counted() >= want, 30)  # type: ignore[misc]
        if scene.state() != "closed":
            break
    assert scene.state() in {"open", "half-open"}
    until_sync(lambda: b'tocsin_channel_breaker{channel="east",country="ID"}' in metrics(scene), 10)
    _, west = scene.taken()

    def goes_round() -> bool:
        """The API learns it within a second: then all but a share goes west."""
        before = scene.taken()
        scene.send(50)
        until_sync(lambda: sum(scene.taken()) >= sum(before) + 50, 30)
        return scene.taken()[1] - before[1] >= 40

    until_sync(goes_round, 30)
    assert scene.taken()[1] > west

    scene.east.order(faults={})

    def is_back() -> bool:
        scene.send(20)
        return scene.state() == "closed"

    until_sync(is_back, 60)
    until_sync(lambda: not goes_round(), 30)
    scene.plant.wait_finished(scene.ids, "acme")
    assert scene.east.doubles() == scene.west.doubles() == 0


def metrics(scene: Scene) -> bytes:
    answer: bytes = call(scene.api.port, "GET", "/metrics").body
    return answer
