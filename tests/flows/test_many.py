"""Three APIs, three workers and three pushers on one database: what must hold across processes, and how they share."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import clone_database
from tests.flows.plant import Answer, Plant, Process, make_numbers, post
from tests.flows.windows import most_in_a_window
from tests.poll import PATIENCE_S, until_sync

T = TypeVar("T")

RATE = 200
WINDOW = 10
PLACES = ("north", "east", "south", "west")


class Crowd:
    """Three of each."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.customers = [plant.add_customer(place, place=place) for place in PLACES]
        self.limited = plant.add_customer("limited", rate_per_s=20)
        names = ("api", "worker", "push")
        processes = {name: [plant.start(name) for _ in range(3)] for name in names}
        self.apis, self.workers, self.pushers = (processes[name] for name in names)
        for api in self.apis:
            until_sync(api.is_ready, 60)
        for worker in self.workers:
            plant.owner_of(worker)

    def api(self, turn: int) -> int:
        """A port, one after the other."""
        return self.apis[turn % 3].port


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """All of them in threads that begin together."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        gate.wait(PATIENCE_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.fixture(scope="module")
def crowd(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("many"))
        try:
            yield Crowd(plant)
        finally:
            plant.close()


def test_together_they_send_everything_once_and_push_everything_once(crowd: Crowd) -> None:
    plant = crowd.plant
    calls = [
        lambda customer=customer, turn=turn: post(crowd.api(turn), customer, make_numbers(1500, turn * 1500))
        for turn, customer in enumerate(crowd.customers * 2)
    ]
    answers: list[Answer] = at_once(calls)
    for place, one, two in zip(PLACES, answers[:4], answers[4:], strict=True):
        assert len(one.ids) == len(two.ids) == 1500
        plant.wait_finished([*one.ids, *two.ids], place)
        taken = Counter(plant.receiver.taken(place))
        assert set(taken) == {*one.ids, *two.ids}
        assert set(taken.values()) == {1}  # none twice while all live
    assert plant.doubles() == 0
    # The carrier's ids begin with what tells its links apart: every worker had its part of the lane.
    assert plant.one("SELECT count(DISTINCT left(carrier_id, 19)) FROM sandbox_submit") == 3


def test_the_endpoints_are_shared_by_the_pushers(crowd: Crowd) -> None:
    plant = crowd.plant
    for place in PLACES:
        plant.receiver.behave(place, delay_s=0.3)
    for turn, customer in enumerate(crowd.customers):
        post(crowd.api(turn), customer, make_numbers(1500, 50_000 + turn * 1500))
    owned = "SELECT count(*) FROM endpoint_lease WHERE lease_end > now()"
    until_sync(lambda: plant.one(owned) == 4, 20)
    shares = plant.conn.execute("SELECT count(*) FROM endpoint_lease GROUP BY owner").fetchall()
    assert sum(row[0] for row in shares) == 4  # one pusher to an endpoint
    for place in PLACES:
        plant.receiver.behave(place, delay_s=0.0)
    until_sync(lambda: plant.count("lane_item") == 0 and plant.count("outbox") == 0, 30)
    for place in PLACES:
        assert max(Counter(plant.receiver.taken(place)).values()) == 1


def test_the_frequency_limit_of_an_account_holds_across_the_apis(crowd: Crowd) -> None:
    end = time.time() + 3.0

    def hammer(turn: int) -> list[float]:
        taken = []
        while (now := time.time()) < end:
            if post(crowd.api(turn), crowd.limited, make_numbers(1, turn)).taken:
                taken.append(now)
        return taken

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(hammer, range(6)))
    times = sorted(at for taken in found for at in taken)
    seconds = int(times[-1]) - int(times[0]) + 1
    # A request may be counted in the second behind the one in which it was sent.
    assert len(times) <= 20 * (seconds + 1)
    assert len(times) >= 20 * (seconds - 2) * 0.8


def test_one_idempotency_key_at_three_apis_at_once_is_one_send(crowd: Crowd) -> None:
    plant, customer = crowd.plant, crowd.customers[0]
    before = plant.one("SELECT count(*) FROM message WHERE account_id = %s", customer.id)
    for key, size in (("one", 1), ("many", 3000)):
        send = partial(post, customer=customer, numbers=make_numbers(size, 100_000), key=key)
        answers: list[Answer] = at_once([partial(send, crowd.api(turn)) for turn in range(6)])
        assert all(answer.taken for answer in answers)
        assert len({answer.body["data"]["batchNo"] for answer in answers}) == 1
        assert {tuple(answer.ids) for answer in answers} == {tuple(answers[0].ids)}
    assert plant.one("SELECT count(*) FROM message WHERE account_id = %s", customer.id) == before + 3001


def test_batch_numbers_and_ids_never_come_twice(crowd: Crowd) -> None:
    def send(turn: int) -> list[Answer]:
        customer = crowd.customers[turn % 4]
        return [post(crowd.api(turn + i), customer, make_numbers(1, turn)) for i in range(40)]

    answers = [answer for some in at_once([partial(send, turn) for turn in range(9)]) for answer in some]
    assert all(answer.taken for answer in answers)
    assert len({answer.body["data"]["batchNo"] for answer in answers}) == len(answers)
    assert len({answer.ids[0] for answer in answers}) == len(answers)


def test_the_last_cent_is_spent_once(crowd: Crowd) -> None:
    """Nine requests at three APIs race for money that is enough for two of them."""
    from tocsin import billing

    plant = crowd.plant
    customer = plant.add_customer("spender", place="spender")
    until_sync(lambda: all(post(crowd.api(turn), customer, make_numbers(1)).taken for turn in range(3)), 10)
    balance = plant.one("SELECT balance_micros FROM wallet WHERE account_id = %s", customer.id)
    with plant.conn.transaction():
        billing.recharge(plant.conn, customer.id, 2 * 10 * 100_000 - balance)
    calls = [lambda turn=turn: post(crowd.api(turn), customer, make_numbers(10, turn * 10)) for turn in range(9)]
    answers: list[Answer] = at_once(calls)
    assert sorted(answer.body["status"] for answer in answers) == [-10] * 7 + [0] * 2
    assert plant.one("SELECT balance_micros FROM wallet WHERE account_id = %s", customer.id) == 0
    plant.check_ledger()


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


def test_a_channels_rate_holds_over_three_workers_and_is_used_and_a_dead_ones_share_comes_back(plant: Plant) -> None:
    plant.set_channel(rate=RATE, window=WINDOW, config={"lease_s": 1.0})
    customer = plant.add_customer("acme")
    api = plant.start_api()
    workers: list[Process] = [plant.start("worker") for _ in range(3)]
    owners = [plant.owner_of(worker) for worker in workers]
    shared = "SELECT count(DISTINCT process_id) FROM rate_share WHERE share BETWEEN 66 AND 67"
    until_sync(lambda: plant.one(shared) == 3, 60)
    assert post(api.port, customer, make_numbers(3000)).taken
    until_sync(lambda: plant.count("sandbox_submit") > 900, 30)
    workers[0].kill()
    killed = float(plant.one("SELECT extract(epoch FROM clock_timestamp())::double precision"))
    until_sync(lambda: plant.count("lane_item") == 0, 60)

    rows = plant.conn.execute("SELECT extract(epoch FROM at)::double precision FROM sandbox_submit ORDER BY at")
    times = [row[0] for row in rows.fetchall()]
    # What was under way when the database stood still for a moment comes a moment later, together.
    assert most_in_a_window(times) <= RATE * 1.1 + 3 * WINDOW
    # All of the rate is given out in each epoch and never more; its share goes to the other two from a later epoch on.
    assert plant.one("SELECT max(total) FROM (SELECT sum(share) AS total FROM rate_share GROUP BY epoch) e") <= RATE
    halves = f"SELECT count(*) FROM rate_share WHERE share = {RATE // 2} AND epoch * 5 > {killed}"
    until_sync(lambda: plant.one(halves) >= 2, 60)
    assert plant.doubles() <= WINDOW
    assert plant.one("SELECT count(*) FROM lane_item WHERE owner = %s", owners[0]) == 0
