"""A carrier takes all and delivers nothing: traffic goes over the other one; a share tries, and all comes back when it delivers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.flows.pair_bed import Pair
from tests.flows.plant import Plant, call
from tests.poll import until_sync

SETTINGS = {
    "TOCSIN_BREAKER_WINDOW": "40",
    "TOCSIN_BREAKER_HALF_OPEN_S": "1",
    "TOCSIN_BREAKER_SHARE_PERCENT": "10",
}


@pytest.fixture
def pair(database: str, tmp_path: Path) -> Iterator[Pair]:
    plant = Plant(database, tmp_path)
    yield Pair(plant, {"watched": True}, None, **SETTINGS)
    plant.close()


def state(pair: Pair) -> str:
    return pair.plant.one("SELECT state FROM breaker WHERE country_id = 10007") or "closed"


def counted(pair: Pair) -> int:
    return int(pair.plant.one("SELECT coalesce(sum(total), 0) FROM delivery_hour"))


def test_traffic_leaves_a_carrier_that_does_not_deliver_and_comes_back(pair: Pair) -> None:
    plant = pair.plant
    accepted = pair.post(100)
    until_sync(lambda: counted(pair) == 100, 30)
    assert pair.taken("east") == 100
    pair.configure("east", undelivered_percent=100)
    for round_no in range(1, 50):
        accepted += pair.post(20, first=1000 * round_no)
        want = 100 + 20 * round_no
        until_sync(lambda want=want: counted(pair) >= want, 30)  # type: ignore[misc]
        if state(pair) != "closed":
            break
    assert state(pair) in {"open", "half-open"}
    failed = int(plant.one("SELECT count(*) FROM report WHERE status = 2"))
    assert failed < 100, "it opened late"
    assert b'tocsin_channel_breaker{channel="east",country="ID"}' in call(pair.api.port, "GET", "/metrics").body

    # The API learns it within a second: from then on all but a share goes over the other one.
    until_sync(partial(goes_west, pair, accepted), 10)
    east, west = pair.taken("east"), pair.taken("west")
    accepted += pair.post(200, first=500_000)
    plant.wait_finished(accepted, "acme")
    assert pair.taken("east") - east <= 20
    assert pair.taken("west") - west >= 180

    # What tries is delivered again.
    pair.configure("east", undelivered_percent=0)
    until_sync(partial(is_closed_by_traffic, pair, accepted), 60)
    until_sync(lambda: not goes_west(pair, accepted), 10)
    plant.wait_finished(accepted, "acme")
    assert plant.doubles() == 0


_next = iter(range(600_000, 900_000))


def goes_west(pair: Pair, accepted: list[str]) -> bool:
    """One more message: over which channel?"""
    (message_id,) = pair.post(1, first=next(_next))
    accepted.append(message_id)
    channel_id = pair.plant.one("SELECT channel_id FROM message WHERE id = %s::uuid", message_id)
    return bool(channel_id == pair.channels["west"])


def is_closed_by_traffic(pair: Pair, accepted: list[str]) -> bool:
    if state(pair) == "closed":
        return True
    goes_west(pair, accepted)
    return False
