"""Processes whose clock is three days off: they take, move and end nothing until it is right, and say so."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.flows.plant import Customer, Plant, Process, call, make_numbers, post
from tests.poll import until_sync
from tocsin.cli.doctor import examine
from tocsin.cli.finding import WRONG, Finding
from tocsin.kit.settings import Settings

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
DAY_S = 86_400
DAYS_S = 3 * DAY_S
COUNT = 120


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


class Clock:
    """A clock that processes follow from their start on; the monotonic one stays true."""

    def __init__(self, folder: Path, days: int) -> None:
        assert FAKETIME is not None, "libfaketime is missing: `make peers` installs it"
        self._file = folder / "clock"
        self.set(days)
        self.settings = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1",
        }  # fmt: skip

    def set(self, days: int) -> None:
        """So many days from the time of the others, which may be another one for the whole run (tests/clock/at.sh)."""
        offset_s = days * DAY_S + int(os.environ.get("TEST_CLOCK_SHIFT_S", "0"))
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset_s:+d}\n")
        new.rename(self._file)


def wait_wrong(plant: Plant, process: Process, sign: int) -> None:
    """Until its row tells that it waits, and it was there twice since."""
    row = "SELECT clock_ahead_s, extract(epoch FROM seen_at)::double precision FROM process WHERE pid = %s"

    def look() -> float:
        found = plant.conn.execute(row, (process.pid,)).fetchone()
        return 0.0 if found is None or found[0] is None or abs(found[0] - sign * DAYS_S) > 60 else float(found[1])

    first = until_sync(look, 30)
    until_sync(lambda: look() > first + 1.0, 30)


def find_clock(plant: Plant, kind: str) -> Finding | None:
    settings = Settings(database_url=plant.dsn, sealing_keys=(plant.key,))
    with psycopg.connect(plant.dsn, autocommit=True) as conn:
        return next((each for each in examine(conn, settings) if each.check == f"clock of {kind}"), None)


def accept(plant: Plant) -> Customer:
    customer = plant.add_customer("acme", place="news")
    api = plant.start_api()
    answer = post(api.port, customer, make_numbers(COUNT))
    assert answer.taken
    return customer


def test_a_worker_whose_clock_is_wrong_ends_nothing_and_goes_on_when_it_is_right(plant: Plant, tmp_path: Path) -> None:
    accept(plant)
    own = Clock(tmp_path, 3)
    worker, pusher = plant.start("worker", **own.settings), plant.start("push", **own.settings)
    wait_wrong(plant, worker, 1)
    found = find_clock(plant, "worker")
    assert found is not None
    assert found.state == WRONG
    assert f"pid {worker.pid}: its clock is 3 d ahead of the database's" in found.detail
    assert plant.count("report") == 0, "none is expired"
    assert plant.one("SELECT count(*) FROM lane_item WHERE owner IS NOT NULL") == 0
    assert plant.unfinished() == COUNT
    own.set(0)
    until_sync(lambda: plant.unfinished() == 0, 60)
    until_sync(lambda: plant.count("outbox") == 0, 60)
    assert plant.one("SELECT count(*) FROM report WHERE status = 1") == COUNT
    plant.check_ledger()
    until_sync(lambda: find_clock(plant, "worker") is None, 30)
    own.set(-3)  # in the midst of its work, and the other way
    for process in (worker, pusher):
        wait_wrong(plant, process, -1)


def test_an_api_whose_clock_is_wrong_is_not_ready_and_takes_nothing(plant: Plant, tmp_path: Path) -> None:
    customer = plant.add_customer("acme")
    own = Clock(tmp_path, 0)
    api = plant.start_api(**own.settings)
    own.set(3)
    until_sync(lambda: call(api.port, "GET", "/readyz").http == 503, 30)
    answer = post(api.port, customer, make_numbers(1))
    assert (answer.http, answer.body["status"]) == (200, -12)
    assert plant.count("message") == 0
    wait_wrong(plant, api, 1)
    own.set(0)
    until_sync(api.is_ready, 30)
    assert post(api.port, customer, make_numbers(1)).taken
