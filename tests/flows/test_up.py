"""`tocsin up` as a newcomer and an operator meet it: real processes, a real terminal line, real signals."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.poll import until_sync

_started: list[_Up] = []


class _Up:
    """One run of `tocsin up` in a home; its output goes to a file."""

    def __init__(self, home: Path, port: int, **environ: str) -> None:
        self.home = home
        self.out = home.parent / f"{home.name}.out"
        self.started_s = time.monotonic()
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "up"],
                env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_PORT": str(port), **environ},
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        _started.append(self)

    def text(self) -> str:
        return self.out.read_text(encoding="utf-8")

    def wait_ready(self, timeout_s: float = 60.0) -> float:
        """Seconds from start to panel."""
        until_sync(lambda: "Ctrl-C stops it." in self.text() or self.process.poll() is not None, timeout_s)
        assert self.process.poll() is None, self.text()
        return time.monotonic() - self.started_s

    def children(self) -> dict[str, psutil.Process]:
        """By verb; `postgres` for the database."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                words = child.cmdline()
            except psutil.Error:  # it ended while we looked
                continue
            if words:
                found[words[-1] if "tocsin" in words else Path(words[0]).name] = child
        return found

    def stop(self) -> float:
        """SIGTERM; seconds until it ended."""
        begun_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - begun_s


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    directory.chmod(0o755)
    yield directory / "var"
    for up in _started:  # only where a test failed
        if up.process.poll() is None:
            up.stop()
    _started.clear()
    shutil.rmtree(directory, ignore_errors=True)


def _count_accounts(home: Path) -> int:
    facts = json.loads((home / "demo.json").read_text())
    with psycopg.connect(facts["database_url"]) as conn:
        row = conn.execute("SELECT count(*) FROM account").fetchone()
    assert row is not None
    return int(row[0])


def test_first_start_stop_and_second_start(home: Path, port: int) -> None:
    up = _Up(home, port)
    up.wait_ready()
    facts = json.loads((home / "demo.json").read_text())
    assert facts["base_url"] == f"http://127.0.0.1:{port}"
    assert (facts["account"], facts["api_key"]) == ("yn00001", "7bz1lzh9")
    assert facts["home"] == str(home)
    assert stat.S_IMODE((home / "demo.json").stat().st_mode) == 0o600
    panel = up.text()
    assert facts["base_url"] in panel
    assert "listen --account yn00001" in panel
    assert re.search(r"curl .*sign=[0-9a-f]{32}&datetime=\d{10}", panel)
    assert set(up.children()) == {"api", "worker", "push", "postgres"}
    processes = list(up.children().values())
    assert up.stop() < 10
    assert up.process.returncode == 0
    until_sync(lambda: not any(process.is_running() for process in processes), 2)

    again = _Up(home, port)
    assert again.wait_ready() < 10  # 5 s on a quiet machine; the tests share theirs
    assert _count_accounts(home) == 1
    assert json.loads((home / "demo.json").read_text())["api_key"] == "7bz1lzh9"
    assert again.stop() < 10


def test_the_curl_line_of_the_panel_is_accepted_as_pasted(home: Path, port: int) -> None:
    up = _Up(home, port)
    up.wait_ready()
    line = next(line for line in up.text().splitlines() if line.startswith("curl "))
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    reply = json.loads(done.stdout)
    up.stop()
    assert reply["status"] == 0
    assert reply["data"]["success"] == 1


def test_after_a_kill_of_everything_the_next_start_is_clean(home: Path, port: int) -> None:
    up = _Up(home, port)
    up.wait_ready()
    children = up.children()
    up.process.send_signal(signal.SIGSTOP)  # so that it starts nothing again
    children["postgres"].kill()
    up.process.kill()
    up.process.wait()
    until_sync(lambda: not any(children[name].is_running() for name in ("api", "worker", "push")), 5)
    again = _Up(home, port)
    again.wait_ready()
    assert _count_accounts(home) == 1
    again.stop()


def test_what_dies_is_started_again(home: Path, port: int) -> None:
    up = _Up(home, port)
    up.wait_ready()
    before = {name: child.pid for name, child in up.children().items()}
    for child in up.children().values():
        child.kill()

    def all_are_new() -> bool:
        now = {name: child.pid for name, child in up.children().items()}
        return set(now) == set(before) and not set(now.values()) & set(before.values())

    until_sync(all_are_new, 20)
    until_sync(lambda: _accepts(port), 20)
    assert up.stop() < 10


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_second_one_in_the_same_home_says_so(home: Path, port: int) -> None:
    up = _Up(home, port)
    until_sync((home / "up.lock").exists)
    second = _run_up(home, port)
    up.stop()
    assert second.returncode == 2
    assert "already running" in second.stderr


def test_a_taken_port_is_told_in_a_sentence(home: Path, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        done = _run_up(home, port)
    assert done.returncode == 2
    assert done.stderr == f"tocsin: port {port} on 127.0.0.1 is taken: set TOCSIN_PORT to another\n"
    assert not (home / "postgres.json").exists()


def test_a_database_url_that_does_not_answer_is_told_in_a_sentence(home: Path, port: int) -> None:
    done = _run_up(home, port, DATABASE_URL="postgresql://nobody:hush@127.0.0.1:1/none")
    assert done.returncode == 2
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


def test_on_a_database_url_the_published_key_is_made_only_when_asked(home: Path, port: int, database: str) -> None:
    up = _Up(home, port, DATABASE_URL=database)
    up.wait_ready()
    up.stop()
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM account").fetchone() == (0,)
    assert "7bz1lzh9" not in up.text()
    assert "account create" in up.text()
    assert not (home / "demo.json").exists()


def _run_up(home: Path, port: int, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "up"],
        env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_PORT": str(port), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
