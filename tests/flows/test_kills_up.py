"""kill -9 of the supervisor and of the embedded PostgreSQL in the middle of the load: what was answered is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.flows.plant import QUICK, Customer, Process, connect, find_port, make_numbers, post
from tests.flows.push_bed import Receiver
from tests.poll import PATIENCE_S, until_sync
from tocsin import billing, routing

LEASES = {"TOCSIN_LEASE_S": QUICK["TOCSIN_LEASE_S"], "TOCSIN_PUSH_FIRST_RETRY_S": "0.2"}
PLACE = "reports"


class Home:
    """One TOCSIN_HOME, in which `tocsin up` runs again and again, and a receiver."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "var"
        self.env = {
            **os.environ,
            **LEASES,
            "TOCSIN_HOME": str(self.path),
            "TOCSIN_PORT": str(find_port()),
            "TOCSIN_CONSOLE_PORT": "0",
        }
        self.log = directory / "up.log"
        self.receiver = Receiver()
        self.runs: list[Process] = []
        self.accepted: list[str] = []
        self.answers = 0

    def start(self) -> Process:
        """Up, and ready."""
        facts = self.path / "demo.json"
        facts.unlink(missing_ok=True)
        run = Process("up", self.env, self.log)
        self.runs.append(run)
        until_sync(lambda: run.is_ready() and facts.exists(), 60)
        self.facts = json.loads(facts.read_text())
        self.customer = Customer(0, self.facts["account"], self.facts["api_key"])
        return run

    def prepare(self) -> None:
        """Reports go to the receiver; what a killed worker had in hand of the carrier's receipts comes again quickly."""
        with connect(self.facts["database_url"]) as conn:
            routing.set_channel(conn, routing.SANDBOX, config={"lease_s": 1.0})
        words = [sys.executable, "-m", "tocsin", "webhook", "set", self.customer.name, "sms", self.receiver.url(PLACE)]
        env = {**self.env, "TOCSIN_PUSH_ALLOW": "127.0.0.0/8"}
        subprocess.run(words, env=env, check=True, capture_output=True)

    def one(self, query: str) -> int:
        with connect(self.facts["database_url"]) as conn:
            row = conn.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    @contextmanager
    def load(self) -> Iterator[None]:
        """Sends of 200 and 1,000 numbers by four clients, one after the other each; what was accepted is noted."""
        over = threading.Event()

        def send(client: int) -> None:
            at = client * 1_000_000
            while not over.is_set():
                size = (200, 1000)[client % 2]
                answer = post(self.runs[-1].port, self.customer, make_numbers(size, at))
                self.accepted += answer.ids
                self.answers += answer.taken
                at += size

        clients = [threading.Thread(target=send, args=(client,)) for client in range(4)]
        for client in clients:
            client.start()
        try:
            yield
        finally:
            over.set()
            for client in clients:
                client.join(60)

    def check_nothing_is_lost(self) -> None:
        """All that was answered ended and was pushed; the money is right."""
        until_sync(lambda: self.one("SELECT count(*) FROM lane_item") == 0, 60)
        open_ones = (
            "SELECT count(*) FROM message m WHERE m.status = 0"
            " AND NOT EXISTS (SELECT 1 FROM report r WHERE r.message_id = m.id AND r.status <> 0)"
        )
        until_sync(lambda: self.one(open_ones) == 0, 60)
        until_sync(lambda: self.one("SELECT count(*) FROM outbox") == 0, 60)
        assert len(self.accepted) > 1000
        assert set(self.accepted) <= set(self.receiver.taken(PLACE))
        with connect(self.facts["database_url"]) as conn:
            assert billing.check(conn) == []
        charged = self.one("SELECT -sum(balance_micros)::bigint FROM ledger WHERE kind = 'charge'")
        assert charged == self.one("SELECT sum(price_micros)::bigint FROM message WHERE status = 0")

    def close(self) -> None:
        for run in self.runs:
            if run.popen.poll() is None:
                run.popen.terminate()
                run.popen.wait(PATIENCE_S)
        self.receiver.close()


@pytest.fixture
def home() -> Iterator[Home]:
    directory = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    directory.chmod(0o755)
    made = Home(directory)
    yield made
    made.close()
    shutil.rmtree(directory, ignore_errors=True)


def find_child(run: Process, word: str) -> psutil.Process:
    return next(child for child in run.children() if word in " ".join(child.cmdline()))


def test_a_killed_supervisor_takes_everything_along_and_the_next_start_finds_it_all(home: Home) -> None:
    run = home.start()
    home.prepare()
    family = psutil.Process(run.pid).children(recursive=True)
    with home.load():
        until_sync(lambda: home.answers > 10, 30)
        run.kill()
    home.start()  # at once: orphans or not
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    home.check_nothing_is_lost()


def test_a_killed_database_comes_back_by_itself_with_all_that_was_answered(home: Home) -> None:
    run = home.start()
    home.prepare()
    with home.load():
        until_sync(lambda: home.answers > 10, 30)
        find_child(run, "postgres").kill()
        before = home.answers
        until_sync(lambda: home.answers > before + 5, 60)  # it accepts again, and nobody did anything
    home.check_nothing_is_lost()
    # What the carrier has twice: only what was at it in that moment, one claim of the one worker.
    assert home.one("SELECT count(*) - count(DISTINCT (message_id, part)) FROM sandbox_submit") <= 250


def test_after_a_kill_of_supervisor_and_database_together_the_next_start_is_clean(home: Home) -> None:
    run = home.start()
    home.prepare()
    with home.load():
        until_sync(lambda: home.answers > 10, 30)
        find_child(run, "postgres").kill()
        run.kill()
    home.start()
    home.check_nothing_is_lost()
