"""A part of `tocsin up` that does not start: it is named with its reason, the others run, and the doctor knows."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.flows.plant import Customer, find_port, post
from tests.flows.up_bed import Up
from tests.poll import until_sync
from tocsin import queue

BROKEN = "raise ModuleNotFoundError(\"No module named 'left_out'\")\n"


def _break(folder: Path, package: str) -> str:
    """A folder for PYTHONPATH in which a dependency cannot be imported."""
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").write_text(BROKEN)
    folder.chmod(0o755)
    return str(folder)


def _ask_doctor(home: Path, console_port: int, database: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "--json", "doctor"],
        env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_CONSOLE_PORT": str(console_port), "DATABASE_URL": database},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)["findings"]
    return {"code": done.returncode, **{each["check"]: each for each in found}}


def _send(home: Path, port: int) -> bool:
    facts = json.loads((home / "demo.json").read_text())
    return post(port, Customer(0, facts["account"], facts["api_key"]), ["81234567801"]).taken


def test_a_console_that_cannot_import_is_named_on_a_terminal_and_the_rest_runs(
    home: Path, port: int, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    console_port = find_port()
    ours, theirs = pty.openpty()
    monkeypatch.setattr(Up, "terminal", theirs)
    environ = {"TOCSIN_CONSOLE_PORT": str(console_port), "PYTHONPATH": _break(home.parent / "broken", "csp")}
    up = Up(home, port, "--demo", DATABASE_URL=database, **environ)
    os.close(theirs)
    up.wait_ready()
    said = os.read(ours, 100_000).decode()
    panel = up.text()
    log = home / "tocsin.log"
    reason = f"console does not start: ModuleNotFoundError: No module named 'left_out'; see {log}"
    assert reason in panel
    assert f"127.0.0.1:{console_port}" not in panel, "no address is promised where nobody answers"
    sentences = [line for line in said.splitlines() if "stays root" not in line]
    assert len(sentences) == 1, said
    assert reason in sentences[0]
    assert "Traceback" not in panel + said
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert _send(home, port)
    doctor = _ask_doctor(home, console_port, database)
    assert doctor["code"] == 1
    assert doctor["process console"]["state"] == "WRONG"
    assert "No module named 'left_out'" in doctor["process console"]["detail"]
    assert re.match(r"[2-9] in the last hour on this machine", doctor["restarts console"]["detail"])
    assert doctor["process clerk"]["state"] == "ok"
    pauses = [float(text) for text in re.findall(r"console ended with code 3, again in ([0-9.]+) s", log.read_text())]
    assert pauses[:3] == [0.2, 0.4, 0.8]
    up.stop()
    os.close(ours)
    assert not (home / "services.json").exists()


def test_a_taken_console_port_is_named_and_the_doctor_knows_what_was_started_again(
    home: Path, port: int, database: str
) -> None:
    console_port = find_port()
    with socket.create_server(("127.0.0.1", console_port)):
        up = Up(home, port, "--demo", TOCSIN_CONSOLE_PORT=str(console_port), DATABASE_URL=database)
        up.wait_ready()
        sentence = (
            f"console does not start: port {console_port} on 127.0.0.1 is taken: set TOCSIN_CONSOLE_PORT to another"
        )
        assert sentence in up.text()
        assert _send(home, port)
        up.children()["clerk"].kill()
    doctor = until_sync(lambda: _find_all_running(home, console_port, database), 60)
    assert "1 in the last hour on this machine" in doctor["restarts clerk"]["detail"]
    assert "it was ended by SIGKILL" in doctor["restarts clerk"]["detail"]
    assert f"1 clerk on {socket.gethostname()}" in doctor["processes"]["detail"]
    assert "is taken" in doctor["restarts console"]["detail"]
    assert not [name for name in doctor if name in {"restarts api", "restarts worker", "restarts push"}]
    up.stop()


def _find_all_running(home: Path, console_port: int, database: str) -> dict[str, Any] | None:
    doctor = _ask_doctor(home, console_port, database)
    kinds = ("api", "worker", "push", "console", "clerk", "bulk")
    return doctor if all(doctor[f"process {kind}"]["state"] == "ok" for kind in kinds) else None


def test_two_api_processes_share_the_port_and_one_goes_on_alone(home: Path, port: int, database: str) -> None:
    up = Up(home, port, "--demo", DATABASE_URL=database, TOCSIN_API_PROCESSES="2", TOCSIN_CONSOLE_PORT="0")
    up.wait_ready()
    with psycopg.connect(database, autocommit=True) as conn:
        ours = {row.pid for row in queue.list_processes(conn) if row.kind == "api" and row.alive}
        assert len(ours) == 2
        assert all(_send(home, port) for _ in range(20)), "whichever of them takes it"
        up.children()["api"].kill()
        until_sync(lambda: {row.pid for row in queue.list_processes(conn) if row.kind == "api" and row.alive} != ours)
        assert all(until_sync(lambda: _send_or_not(home, port)) for _ in range(10))
    up.stop()


def _send_or_not(home: Path, port: int) -> bool:
    try:
        return _send(home, port)
    except OSError:  # it was in the line of the process that was killed
        return False


def test_an_api_that_cannot_import_ends_the_start_in_one_sentence(home: Path, port: int, database: str) -> None:
    up = Up(home, port, PYTHONPATH=_break(home.parent / "broken", "httptools"), DATABASE_URL=database)
    until_sync(lambda: up.process.poll() is not None, 60)
    assert up.process.returncode == 2
    assert "tocsin: api does not start: ModuleNotFoundError: No module named 'left_out'; see the log" in up.text()
