"""A channel goes down under load: what waits for it goes over the other one, all of it, once, whoever is killed meanwhile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.pair_bed import Pair
from tests.flows.plant import LEASE_S, Plant
from tests.poll import until_sync

MESSAGES = 2000
RATE = 400


@pytest.fixture
def scene(database: str, tmp_path: Path) -> Iterator[Pair]:
    plant = Plant(database, tmp_path)
    yield Pair(plant, {}, RATE)
    plant.close()


def test_what_waits_goes_over_the_other_channel_once(scene: Pair) -> None:
    ids = scene.post(MESSAGES)
    until_sync(lambda: scene.taken("east") > RATE / 2, 30)
    scene.configure("east", down=True)
    scene.plant.wait_finished(ids, "acme")
    assert scene.taken("west") >= MESSAGES / 4
    assert scene.taken("east") + scene.taken("west") == MESSAGES
    assert scene.plant.doubles() == 0
    assert scene.plant.one("SELECT count(*) FROM report WHERE status = 1") == MESSAGES
    until_sync(lambda: scene.is_down("east"))
    # Who is bound again takes what comes from now on, once the API has heard of it.
    scene.configure("east", down=False)
    until_sync(lambda: scene.plant.one("SELECT count(*) FROM link_state WHERE down_since IS NOT NULL") == 0)
    numbers = itertools.count(50_000)
    until_sync(lambda: goes_east(scene, next(numbers)))
    before = scene.taken("east")
    ids = scene.post(100, first=60_000)
    scene.plant.wait_finished(ids, "acme")
    assert scene.taken("east") >= before + 100


def goes_east(scene: Pair, number: int) -> bool:
    """One more message: over which channel?"""
    (message_id,) = scene.post(1, first=number)
    channel_id = scene.plant.one("SELECT channel_id FROM message WHERE id = %s::uuid", message_id)
    return bool(channel_id == scene.channels["east"])


def test_a_worker_that_is_killed_meanwhile_loses_nothing_and_doubles_no_more_than_it_held(scene: Pair) -> None:
    """All of it waits for channels that are down, so that only what comes after the fail-over is at a carrier."""
    scene.configure("east", down=True)
    until_sync(lambda: scene.is_down("east"), 30)
    scene.configure("west", down=True)
    until_sync(lambda: scene.is_down("west"), 30)
    ids = scene.post(MESSAGES)
    assert scene.taken("east") + scene.taken("west") == 0
    scene.configure("west", down=False)
    query = "SELECT count(*) FROM lane_item WHERE channel_id = %s"
    until_sync(lambda: scene.plant.one(query, scene.channels["west"]) > 0, 30)
    scene.workers[0].kill()
    scene.plant.wait_finished(ids, "acme", 60.0 + LEASE_S)
    assert scene.taken("west") == MESSAGES
    # What the dead one had handed over and not written down is sent again, and no more than that.
    assert scene.plant.doubles() <= 250
