"""The console's process by itself: up while the database is away, back when it is there, down in order."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from tests.flows.plant import find_port
from tests.poll import PATIENCE_S, until_sync

COOKIE = {"Cookie": "tocsin_session=abcdefghijklmnop"}


def _get(port: int, path: str) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        line.request("GET", path, headers={} if path == "/healthz" else COOKIE)
        answer = line.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        line.close()


def _start(tmp_path: Path, port: int, dsn: str) -> subprocess.Popen[bytes]:
    own = {"DATABASE_URL": dsn, "TOCSIN_HOME": str(tmp_path), "TOCSIN_CONSOLE_PORT": str(port)}
    key = Fernet.generate_key().decode()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "console"],
            env={**os.environ, **own, "TOCSIN_SEALING_KEYS": key},
            stdout=log,
            stderr=log,
        )
    until_sync(lambda: _get(port, "/healthz")[0] == 200, 30)
    return process


def test_it_stays_up_without_a_database_and_ends_in_order(tmp_path: Path) -> None:
    port = find_port()
    process = _start(tmp_path, port, "postgresql://nobody@127.0.0.1:1/none")
    status, text = _get(port, "/quick-start/")
    workers = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 0
    assert status == 503
    assert "The database does not answer" in text
    assert "OperationalError" in (tmp_path / "log").read_text()
    assert not any(worker.is_running() for worker in workers)


def test_its_worker_ends_when_it_is_killed(tmp_path: Path, database: str) -> None:
    port = find_port()
    process = _start(tmp_path, port, database)
    assert _get(port, "/quick-start/")[0] == 302
    workers = psutil.Process(process.pid).children()
    assert workers
    process.kill()
    process.wait(PATIENCE_S)
    until_sync(lambda: not any(worker.is_running() for worker in workers), 5)
