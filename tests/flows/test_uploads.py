"""An upload sent by a clerk through a real API: killed in the middle and gone on with by another, nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import BALANCE_MICROS, PRICE_MICROS, Plant
from tests.poll import until_sync
from tocsin import billing, files
from tocsin.files import Job, Kind, New, State, Step, Trouble, rows

ROWS = 300
ASKED = {
    "headed": True, "number": 1, "country": None, "usual": 10007, "content": "Hello {name}", "action": "NOTIFICATION",
    "sender": "", "send_time": "", "when": "",
}  # fmt: skip


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


def upload(plant: Plant, account_id: int, name: str, data: bytes) -> int:
    with plant.conn.transaction():
        new = New(account_id, 1, Kind.UPLOAD, "people.csv", {"account": name}, Step.READ)
        job_id = files.start(plant.conn, new)
        assert job_id is not None
        files.put_bytes(plant.conn, job_id, [data[:100], data[100:]])
    return job_id


def wait(plant: Plant, account_id: int, job_id: int, step: Step, state: State) -> Job:
    def look() -> Job | None:
        job = files.find(plant.conn, account_id, job_id)
        assert job is not None
        assert job.state is not State.FAILED or state is State.FAILED, job
        return job if (job.step, job.state) == (step, state) else None

    found = until_sync(look, 60)
    assert isinstance(found, Job)
    return found


def walk_to_confirm(plant: Plant, port: int, **asked: object) -> tuple[int, int]:
    """An account's upload that has been checked: (account id, job id)."""
    customer = plant.add_customer("acme")
    lines = ["name;phone", *(f"No. {n};08123{1_000_000 + n}" for n in range(ROWS)), "double;6281231000007", "bad;1"]
    job_id = upload(plant, customer.id, "acme", "\n".join(lines).encode())
    plant.start("clerk", TOCSIN_PORT=str(port))
    job = wait(plant, customer.id, job_id, Step.MAP, State.OPEN)
    assert (job.found["rows"], job.found["headed"], job.found["number"]) == (ROWS + 3, True, 1)
    assert files.move_on(plant.conn, job, Step.CHECK, {**ASKED, **asked})
    job = wait(plant, customer.id, job_id, Step.CONFIRM, State.OPEN)
    assert (job.found["good"], job.found["micros"]) == (ROWS, ROWS * PRICE_MICROS)
    assert job.found["faults"] == {"duplicate": 1, "number": 1}
    return customer.id, job_id


def test_a_clerk_that_is_killed_sends_nothing_twice(plant: Plant) -> None:
    api = plant.start_api()
    account_id, job_id = walk_to_confirm(plant, api.port)
    (first,) = [process for process in plant.processes if process.name == "clerk"]
    job = files.find(plant.conn, account_id, job_id)
    assert job is not None
    assert files.move_on(plant.conn, job, Step.SEND, {})
    until_sync(lambda: rows.sum_pieces(plant.conn, job_id).done > 20, 30)
    first.kill()
    sent = plant.count("message")
    assert 20 < sent < ROWS, "it was killed in the middle"
    plant.start("clerk", TOCSIN_PORT=str(api.port))
    wait(plant, account_id, job_id, Step.SEND, State.DONE)
    sums = rows.sum_pieces(plant.conn, job_id)
    assert (sums.pieces, sums.rows, sums.good, sums.bad, sums.unknown) == (ROWS, ROWS, ROWS, 0, 0)
    assert plant.one("SELECT count(DISTINCT phone) FROM message") == ROWS
    assert plant.count("message") == ROWS
    assert plant.one("SELECT count(DISTINCT content) FROM batch") == ROWS, "each has its own words"
    plant.check_ledger()


def test_money_that_runs_out_stops_it_and_it_goes_on(plant: Plant) -> None:
    api = plant.start_api()
    account_id, job_id = walk_to_confirm(plant, api.port)
    with plant.conn.transaction():
        billing.recharge(plant.conn, account_id, 100 * PRICE_MICROS - BALANCE_MICROS)
    job = files.find(plant.conn, account_id, job_id)
    assert job is not None
    assert files.move_on(plant.conn, job, Step.SEND, {})
    job = wait(plant, account_id, job_id, Step.SEND, State.FAILED)
    assert job.trouble == Trouble.MONEY
    assert plant.count("message") == 100
    with plant.conn.transaction():
        billing.recharge(plant.conn, account_id, BALANCE_MICROS)
    assert files.move_on(plant.conn, job, Step.SEND, {})
    wait(plant, account_id, job_id, Step.SEND, State.DONE)
    assert plant.one("SELECT count(DISTINCT phone) FROM message") == ROWS
    assert plant.count("message") == ROWS
    plant.check_ledger()


def test_an_api_that_is_away_stops_it_and_one_text_goes_in_one_request(plant: Plant) -> None:
    api = plant.start_api()
    account_id, job_id = walk_to_confirm(plant, api.port, content="Hello all")
    api.kill()
    job = files.find(plant.conn, account_id, job_id)
    assert job is not None
    assert files.move_on(plant.conn, job, Step.SEND, {})
    job = wait(plant, account_id, job_id, Step.SEND, State.FAILED)
    assert (job.trouble, plant.count("message")) == (Trouble.AWAY, 0)
    again = plant.start("api", TOCSIN_PORT=str(api.port))
    until_sync(again.is_ready, 30)
    assert files.move_on(plant.conn, job, Step.SEND, {})
    wait(plant, account_id, job_id, Step.SEND, State.DONE)
    assert (plant.count("batch"), plant.count("message")) == (1, ROWS)
    (sent,) = rows.list_sent(plant.conn, job_id, 0, 10)
    assert sent.batch_no == plant.one("SELECT batch_no FROM batch")
