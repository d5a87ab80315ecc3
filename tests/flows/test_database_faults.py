"""What an API process does when its database goes away, loses its partitions, or disagrees with it about the time."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.conftest import clone_database
from tests.doors.api import PRICE_MICROS, Bed, Door
from tests.flows.database_bed import Answer, Load, assert_sums, count_all, expect, list_batches, send
from tests.poll import PATIENCE_S, until_sync
from tocsin.bootstrap.postgres import EmbeddedPostgres

PAID_IN = 1_000_000 * PRICE_MICROS
LARGE = 1200
AWAY_S = 2.0
BACK_WITHIN_S = 10.0  # two seconds on a quiet machine
PARTITIONS = """FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent WHERE p.relkind = 'p'
                AND p.relname IN ('batch', 'message', 'report', 'part_receipt', 'submission')"""


class Own(NamedTuple):
    """A server of the test's own, and an API on it."""

    server: EmbeddedPostgres
    bed: Bed
    door: Door


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Own]:
    home = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    server = EmbeddedPostgres(home, fsync=False)
    try:
        dsn = server.start()
        code = "import sys; from tocsin.bootstrap.migrate import migrate; migrate(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, dsn], check=True)
        bed = Bed(dsn, tmp_path)
        door = Door(bed, tmp_path / "log")
        try:
            door.wait()
            yield Own(server, bed, door)
        finally:
            door.close()
            bed.conn.close()
    finally:
        place = server.place
        server.stop()
        for directory in {home, place.directory, place.sockets} if place else {home}:
            shutil.rmtree(directory, ignore_errors=True)


def _take_away(server: EmbeddedPostgres, sign: signal.Signals, load: Load) -> tuple[float, float]:
    """For a while, in the middle of the load; when it went and when it was back, monotonic."""
    assert server.process is not None
    down_s = time.monotonic()
    server.process.send_signal(sign)
    server.process.wait(PATIENCE_S)
    until_sync(lambda: time.monotonic() - down_s > AWAY_S and load.count(lambda each: each.kind == "refused"), 20)
    server.start()
    return down_s, time.monotonic()


def _wait_until_it_goes_on(load: Load, back_s: float) -> None:
    """By itself, and soon: the small and the large ones."""
    for count in (1, LARGE):
        wanted = functools.partial(_is_taken_after, back_s, count)
        until_sync(functools.partial(load.count, wanted), BACK_WITHIN_S * 3)


def _is_taken_after(at_s: float, count: int, answer: Answer) -> bool:
    return answer.size == count and answer.begun_s > at_s and answer.kind == "taken"


def test_the_database_goes_away_in_the_middle_of_load(own: Own) -> None:
    """First it is stopped, then it is killed: refusals while it is away and only then, nothing lost, nothing charged twice."""
    server, bed, door = own
    customers = [bed.customer(PAID_IN) for _ in range(5)]
    load = Load(door, [(customer, 1) for customer in customers[:4]] + [(customers[4], LARGE)])
    until_sync(lambda: load.count(lambda each: each.kind == "taken" and each.size == LARGE) > 1, 20)
    spans = []
    for sign in (signal.SIGINT, signal.SIGKILL):
        spans.append(_take_away(server, sign, load))
        _wait_until_it_goes_on(load, spans[-1][1])
    answers = load.stop()

    assert {answer.kind for answer in answers} <= {"taken", "refused", "unknown"}
    for answer in answers:
        while_away = any(answer.at_s >= down_s and answer.begun_s <= back_s + BACK_WITHIN_S for down_s, back_s in spans)
        assert answer.kind == "taken" or while_away
    bed.conn = psycopg.connect(bed.dsn, autocommit=True)  # that of before died with the server
    stored = {number: count for each in customers for number, count in list_batches(bed, each).items()}
    taken = {answer.batch_no: answer.size for answer in answers if answer.kind == "taken"}
    unknown = [answer for answer in answers if answer.kind == "unknown"]
    assert len(taken) == sum(1 for answer in answers if answer.kind == "taken")
    assert taken.items() <= stored.items()
    assert len(stored) - len(taken) <= len(unknown)
    for customer in customers:
        assert count_all(bed, customer, PAID_IN) == expect(*list_batches(bed, customer).values())
    assert_sums(bed)


class House(NamedTuple):
    """An API on a clone of the template, which a test may take apart."""

    bed: Bed
    door: Door
    place: Path


@pytest.fixture(scope="module")
def house(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    place = tmp_path_factory.mktemp("house")
    with clone_database(database_server) as dsn:
        bed = Bed(dsn, place)
        door = Door(bed, place / "log")
        try:
            door.wait()
            yield House(bed, door, place)
        finally:
            door.close()
            bed.conn.close()


def _drop_partitions(bed: Bed) -> None:
    rows = bed.conn.execute(f"SELECT i.inhrelid::regclass::text {PARTITIONS}".encode()).fetchall()
    names = [row[0] for row in rows]
    assert len(names) > 100
    for name in names:
        bed.conn.execute(f"DROP TABLE {name}".encode())


def test_a_partition_is_missing(house: House) -> None:
    """As at midnight where nobody made any: small and large sends are accepted all the same, and at once."""
    bed, door, _ = house
    _drop_partitions(bed)
    customer = bed.customer(PAID_IN)
    load = Load(door, [(customer, 1), (customer, 1), (customer, LARGE), (customer, 1)], each=1)
    assert [answer.kind for answer in load.finish()] == ["taken"] * 4
    assert count_all(bed, customer, PAID_IN) == expect(1, 1, 1, LARGE)
    assert send(door, customer).kind == "taken"
    assert bed.one(f"SELECT count(DISTINCT p.oid) {PARTITIONS}") == 5
    assert_sums(bed)


def _open_with_clock(house: House, off_s: float) -> Door:
    """An API process, and its helper, on a machine whose clock is off."""
    place = house.place / f"clock{off_s:+g}"
    place.mkdir()
    (place / "sitecustomize.py").write_text(
        f"import time\n_s, _ns = time.time, time.time_ns\ntime.time = lambda: _s() + {off_s}\n"
        f"time.time_ns = lambda: _ns() + int({off_s} * 1e9)\n"
    )
    return Door(house.bed, place / "log", PYTHONPATH=str(place))


def test_a_process_whose_clock_is_off_accepts_nothing(house: House) -> None:
    door = _open_with_clock(house, 8.0)
    try:
        customer = house.bed.customer(PAID_IN)
        until_sync(lambda: "ends nothing until it is right" in door.log, 30)
        until_sync(lambda: _answers(door), 30)
        assert door.call("GET", "/readyz").http == 503
        for count in (1, LARGE):
            assert send(door, customer, count).kind == "refused"
        assert count_all(house.bed, customer, PAID_IN) == expect()
    finally:
        door.close()


def _answers(door: Door) -> bool:
    try:
        return door.call("GET", "/healthz").http == 200
    except OSError:
        return False


def test_the_clock_set_back_across_a_restart(house: House) -> None:
    """Both within what is allowed: what was answered before and after has no number twice."""
    batches: list[str] = []
    ids: list[str] = []
    customer = house.bed.customer(PAID_IN)
    for off_s in (4.0, -4.0):
        door = _open_with_clock(house, off_s)
        try:
            door.wait()
            answers = Load(door, [(customer, 1)] * 3 + [(customer, LARGE)], each=4).finish()
        finally:
            door.close()
        assert {answer.kind for answer in answers} == {"taken"}
        batches += [answer.batch_no for answer in answers]
        ids += [row["messageId"] for answer in answers for row in answer.reply.data["successData"]]
    assert len(set(batches)) == len(batches) == 32
    assert len(set(ids)) == len(ids) == 2 * (12 + 4 * LARGE)
    assert sorted(list_batches(house.bed, customer)) == sorted(batches)
    assert_sums(house.bed)
