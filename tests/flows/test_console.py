"""The console's process by itself: up while the database is away, back when it is there, down in order."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.flows.console_bed import Console
from tests.flows.test_tls import make_certificate
from tests.poll import PATIENCE_S, until_sync

Start = Callable[..., Console]
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
REGISTERED = "SELECT count(*) FROM process WHERE kind = 'console'"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Console] = []

    def begin(dsn: str, code: str = "", tls: ssl.SSLContext | None = None, **own: str) -> Console:
        started.append(Console(tmp_path, dsn, code, tls, **own))
        return started[-1]

    yield begin
    for console in started:
        console.process.kill()
        console.process.wait(PATIENCE_S)


def test_it_stays_up_without_a_database_and_ends_in_order(start: Start) -> None:
    console = start("postgresql://nobody@127.0.0.1:1/none")
    status, text = console.get("/quick-start/")
    workers = console.workers()
    console.process.send_signal(signal.SIGTERM)
    assert console.process.wait(PATIENCE_S) == 0
    assert status == 503
    assert "The database does not answer" in text
    assert "OperationalError" in console.log.read_text()
    assert not any(worker.is_running() for worker in workers)


def test_its_worker_ends_when_it_is_killed(start: Start, database: str) -> None:
    console = start(database)
    assert console.get("/quick-start/")[0] == 302
    workers = console.workers()
    assert workers
    console.process.kill()
    console.process.wait(PATIENCE_S)
    until_sync(lambda: not any(worker.is_running() for worker in workers), 5)


def test_several_processes_serve_one_port_over_tls_and_end_in_order(
    start: Start, database: str, tmp_path: Path
) -> None:
    certificate, key = make_certificate(tmp_path)
    own = {"TOCSIN_TLS_CERTIFICATE": str(certificate), "TOCSIN_TLS_KEY": str(key), "TOCSIN_CONSOLE_PROCESSES": "2"}
    console = start(database, tls=ssl.create_default_context(cafile=str(certificate)), **own)
    with psycopg.connect(database, autocommit=True) as conn:
        until_sync(lambda: conn.execute(REGISTERED).fetchone() == (2,))
    first, second = console.workers()
    second.kill()
    assert console.get("/quick-start/")[0] == 302
    until_sync(lambda: len(set(console.workers()) - {first, second}) == 1)
    workers = console.workers()
    console.process.send_signal(signal.SIGTERM)
    assert console.process.wait(PATIENCE_S) == 0
    assert len(workers) == 2
    assert not any(worker.is_running() for worker in workers)


def test_a_page_that_is_being_made_is_answered_before_the_end(start: Start, database: str) -> None:
    console = start(database)
    with ThreadPoolExecutor(1) as visitor, psycopg.connect(database, autocommit=True) as look:
        with psycopg.connect(database) as lock:
            lock.execute("LOCK TABLE django_session IN ACCESS EXCLUSIVE MODE")
            page = visitor.submit(console.get, "/quick-start/")
            until_sync(lambda: look.execute(WAITING).fetchone() == (1,))
            console.process.send_signal(signal.SIGTERM)
            until_sync(lambda: console.get("/healthz")[0] == 0)
        assert page.result()[0] == 302
    assert console.process.wait(PATIENCE_S) == 0
