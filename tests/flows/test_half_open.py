"""A network that swallows everything between an API process and its database: bounded answers, no wrong word, no help needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.conformance.proxy import Proxy
from tests.contexts.drafts import WAITING_WRITERS
from tests.doors.api import BALANCE, PRICE_MICROS, Bed, Door
from tests.flows.database_bed import Load, assert_sums, count_all, expect, list_batches, proxied_aside, send
from tests.poll import until_sync

PAID_IN = 10_000 * PRICE_MICROS
LARGE = 1200
BOUND_S = 25.0
"""A write is given 10 s, its fate 5; whoever came meanwhile learns in 5 more that no connection is to be had."""


class House(NamedTuple):
    bed: Bed
    proxy: Proxy
    door: Door


@pytest.fixture
def house(database: str, tmp_path: Path) -> Iterator[House]:
    with proxied_aside(database) as (proxy, way):
        bed = Bed(database, tmp_path)
        door = Door(bed, tmp_path / "log", DATABASE_URL=way)
        try:
            door.wait()
            yield House(bed, proxy, door)
        finally:
            proxy.swallow = False
            door.close()
            bed.conn.close()


def _is_ready(door: Door) -> bool:
    return door.call("GET", "/readyz").http == 200


def test_half_open_and_back(house: House) -> None:
    """First the answer to a commit is swallowed, then everything: plain, keyed, large and limited sends, and look-ups."""
    bed, proxy, door = house
    done, limited = bed.customer(PAID_IN), bed.special("slow everywhere", PAID_IN)
    customers = [bed.customer(PAID_IN) for _ in range(6)]
    for count in (1, LARGE):
        assert send(door, bed.customer(PAID_IN), count, f"warm {count}").kind == "taken"
    with psycopg.connect(bed.dsn) as holder:
        holder.execute(b"SELECT 1 FROM wallet WHERE account_id = %s FOR UPDATE", (done.id,))
        written = Load(door, [(done, 1)], each=1, key="mine")
        until_sync(lambda: bed.one(f"SELECT count(*) {WAITING_WRITERS}"))
        proxy.swallow = True
    load = Load(door, [(limited, 1), *((each, 1) for each in customers[:3]), (customers[3], LARGE)], each=2)
    keyed = Load(
        door, [(each, count) for each, count in zip(customers[4:], (1, LARGE), strict=True)], each=2, key="mine"
    )
    until_sync(lambda: not _is_ready(door), 20)
    assert door.call("GET", "/healthz").http == 200
    assert door.get(customers[0], BALANCE).status == -12
    (unknown,) = written.finish()
    answers = [*load.finish(), *keyed.finish()]
    assert unknown.kind == "unknown"
    assert len(answers) == 14
    assert {answer.kind for answer in answers} <= {"refused", "unknown"}
    assert "refused" in {answer.kind for answer in answers}
    assert max(answer.at_s - answer.begun_s for answer in (unknown, *answers)) < BOUND_S

    proxy.swallow = False
    until_sync(lambda: _is_ready(door), 20)
    for count in (1, LARGE):
        until_sync(lambda count=count: send(door, bed.customer(PAID_IN), count).kind == "taken", 20)  # type: ignore[misc]
    for customer in (limited, *customers):
        assert count_all(bed, customer, PAID_IN) == expect()
    again = send(door, done, key="mine")
    assert again.kind == "taken"
    assert list_batches(bed, done) == {again.batch_no: 1}
    assert count_all(bed, done, PAID_IN) == expect(1)
    assert send(door, limited).kind == "taken"
    assert_sums(bed)
