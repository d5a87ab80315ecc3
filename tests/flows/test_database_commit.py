"""The connection is cut between COMMIT and its answer, under a real API process and its helper for large sends."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from tests.conformance.proxy import Proxy
from tests.conftest import clone_database
from tests.contexts.drafts import WAITING_WRITERS
from tests.doors.api import PRICE_MICROS, Bed, Door
from tests.flows.database_bed import (
    Load,
    Second,
    assert_sums,
    count_all,
    expect,
    list_batches,
    proxied_aside,
    send,
)
from tests.poll import until_sync

PAID_IN = 10_000 * PRICE_MICROS
LARGE = 1200
READERS = 4


class House(NamedTuple):
    bed: Bed
    proxy: Proxy
    door: Door


@pytest.fixture(scope="module")
def house(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with clone_database(database_server) as dsn, proxied_aside(dsn) as (proxy, way):
        bed = Bed(dsn, tmp_path_factory.mktemp("home"))
        door = Door(bed, Path(bed.home) / "log", DATABASE_URL=way)
        try:
            door.wait()
            for number in range(READERS):  # all sessions that look up keys are connected
                for count in (1, LARGE):
                    assert send(door, bed.customer(PAID_IN), count, f"warm-{number}").kind == "taken"
            yield House(bed, proxy, door)
        finally:
            door.close()
            bed.conn.close()


@pytest.fixture(autouse=True)
def _calm(house: House) -> Iterator[None]:
    """A test that failed leaves no cut behind."""
    yield
    house.proxy.refuse = house.proxy.cut_answer = house.proxy.cut_request = False


def _arm(house: House, moment: str, count: int) -> None:
    """Cut the next write; no session comes through behind it. A large one asks for the money first."""
    warm = house.bed.customer(4 * LARGE * PRICE_MICROS)
    for _ in range(3):  # until the statements are prepared: from then on each is one request and one answer
        assert send(house.door, warm, count).kind == "taken"
    house.proxy.refuse = True
    setattr(house.proxy, moment, True if count == 1 else Second())


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"], ids=["done", "not done"])
@pytest.mark.parametrize("key", [None, "mine"], ids=["plain", "key"])
@pytest.mark.parametrize("count", [1, LARGE], ids=["small", "large"])
def test_the_reply_is_right_and_the_charge_single(house: House, count: int, key: str | None, moment: str) -> None:
    customer = house.bed.customer(PAID_IN)
    cuts = house.proxy.cuts
    _arm(house, moment, count)
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(send, house.door, customer, count, key)
        until_sync(lambda: house.proxy.cuts == cuts + 1)
        done = expect(count) if moment == "cut_answer" else expect()
        until_sync(lambda: count_all(house.bed, customer, PAID_IN) == done)
        assert not sending.done()
        house.proxy.refuse = False
        answer = sending.result()
    assert answer.kind == "taken"
    assert count_all(house.bed, customer, PAID_IN) == expect(count)
    assert list_batches(house.bed, customer) == {answer.batch_no: count}
    if key is not None:
        assert send(house.door, customer, count, key).reply.body == answer.reply.body
        assert count_all(house.bed, customer, PAID_IN) == expect(count)
    assert_sums(house.bed)


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"], ids=["done", "not done"])
def test_a_penniless_request_is_refused_all_the_same(house: House, moment: str) -> None:
    customer = house.bed.customer(PRICE_MICROS)
    _arm(house, moment, 1)
    house.proxy.refuse = False
    assert send(house.door, customer, 2).reply.status == -10
    assert count_all(house.bed, customer, PRICE_MICROS) == expect()
    assert send(house.door, customer, 1).kind == "taken"


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"], ids=["done", "not done"])
def test_requests_that_gather_behind_one_another(house: House, moment: str) -> None:
    """The first request holds up the writer at a locked wallet, so that the others gather behind it."""
    slow, customer = house.bed.customer(PAID_IN), house.bed.customer(PAID_IN)
    cuts = house.proxy.cuts
    waits = f"SELECT count(*) {WAITING_WRITERS}"
    with psycopg.connect(house.bed.dsn) as holder:
        holder.execute(b"SELECT 1 FROM wallet WHERE account_id = %s FOR UPDATE", (slow.id,))

        first = Load(house.door, [(slow, 1)], each=1)
        until_sync(lambda: house.bed.one(waits))
        load = Load(house.door, [(customer, 1)] * 12, each=1)
        setattr(house.proxy, moment, True)
        holder.rollback()
        kinds = [answer.kind for answer in (*first.finish(), *load.finish())]
    assert kinds == ["taken"] * 13
    assert house.proxy.cuts == cuts + 1
    assert count_all(house.bed, customer, PAID_IN) == expect(*[1] * 12)
    assert count_all(house.bed, slow, PAID_IN) == expect(1)
    assert_sums(house.bed)


@pytest.mark.parametrize("count", [1, LARGE], ids=["small", "large"])
def test_an_unknown_fate_is_a_504_without_a_body(house: House, count: int) -> None:
    """The commit is done, its answer is lost, and the database does not come back in time."""
    customer, other = house.bed.customer(PAID_IN), house.bed.customer(PAID_IN)
    _arm(house, "cut_answer", count)
    answer = send(house.door, customer, count, "mine")
    assert answer.reply.http == 504
    assert answer.reply.body == b""
    assert 5 <= answer.at_s - answer.begun_s < 30
    assert send(house.door, other, count).kind == "refused"  # now it is known that nothing can be stored
    house.proxy.refuse = False
    assert send(house.door, other, count).kind == "taken"
    assert count_all(house.bed, other, PAID_IN) == expect(count)
    again = send(house.door, customer, count, "mine")  # what a client does after a 504
    assert again.kind == "taken"
    assert list_batches(house.bed, customer) == {again.batch_no: count}
    assert count_all(house.bed, customer, PAID_IN) == expect(count)
    assert_sums(house.bed)
