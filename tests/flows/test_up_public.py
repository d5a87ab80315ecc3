"""What is published (the demo's key, its log-in) is not served beyond this machine, unless that is said on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg

from tests.flows.plant import Process, find_port
from tests.flows.up_bed import Up
from tests.poll import until_sync
from tocsin import accounts
from tocsin.bootstrap.demo import create
from tocsin.kit.seal import open_seal
from tocsin.kit.settings import Settings

PASSWORD = "pbkdf2_sha256$1000$salt$+tPWEr01124wTUsWgeqtBs1lvnvk9gfHl74eI+UiF1g="  # tocsin-demo
LOG_IN = (
    "INSERT INTO console_user (password, is_superuser, email, is_active, is_staff)"
    " VALUES (%s, false, 'demo@tocsin.example', true, false)"
)


def _environ(home: Path, database: str, **more: str) -> dict[str, str]:
    ports = {"TOCSIN_PORT": str(find_port()), "TOCSIN_CONSOLE_PORT": str(find_port())}
    return {**os.environ, "TOCSIN_HOME": str(home), "DATABASE_URL": database, "TOCSIN_HOST": "0.0.0.0", **ports, **more}


def _start(verb: str, environ: dict[str, str]) -> tuple[int, str]:
    words = [sys.executable, "-m", "tocsin", *verb.split()]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, timeout=60)
    said = [
        line for line in done.stderr.splitlines() if " root" not in line
    ]  # where root runs the tests, it is told so
    return done.returncode, "\n".join(said)


def test_the_published_key_keeps_every_door_shut_until_it_is_changed(home: Path, database: str) -> None:
    settings = Settings(home=home)
    create(database, settings)
    environ = _environ(home, database)
    for verb in ("up", "api", "console"):
        code, said = _start(verb, environ)
        assert code == 2, said
        assert said.count("\n") == 0
        assert said.startswith("tocsin: TOCSIN_HOST 0.0.0.0 would publish the demo's API key (")
        assert "TOCSIN_DEMO_PUBLIC=on" in said
    doctor = subprocess.run(
        [sys.executable, "-m", "tocsin", "doctor"], env=environ, capture_output=True, text=True, check=False
    )
    assert "would publish the demo's API key" in next(
        line for line in doctor.stdout.splitlines() if line.startswith("demo  ")
    )
    assert _start("key rotate yn00001 --revoke", environ)[0] == 0
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(LOG_IN, (PASSWORD,))
        assert len(accounts.list_keys(conn, accounts.find_account(conn, "yn00001").id)) == 2
        code, said = _start("api", environ)
        assert code == 2
        assert said.startswith("tocsin: TOCSIN_HOST 0.0.0.0 would publish the demo's log-in (demo@tocsin.example")
        conn.execute("UPDATE console_user SET password = %s", (PASSWORD.replace("+tPW", "+tPX"),))
    code, said = _start("console", environ | {"TOCSIN_CONSOLE_OUTBOX": "on"})
    assert "would publish the page of all mails" in said
    home.mkdir(exist_ok=True)
    api = Process("api", environ, home / "api.log")
    until_sync(api.is_ready, 30)
    api.kill()


def test_on_purpose_it_starts_and_the_doctor_says_so(home: Path, database: str) -> None:
    settings = Settings(home=home)
    create(database, settings)
    assert open_seal(settings)
    environ = _environ(home, database, TOCSIN_DEMO_PUBLIC="on")
    api = Process("api", environ, home / "api.log")
    until_sync(api.is_ready, 30)
    doctor = subprocess.run(
        [sys.executable, "-m", "tocsin", "doctor"], env=environ, capture_output=True, text=True, check=False
    )
    api.kill()
    (line,) = [line for line in doctor.stdout.splitlines() if line.startswith("demo  ")]
    assert line.split()[1] == "look"
    assert "published at 0.0.0.0: the demo's API key" in line


def test_a_new_home_with_a_public_host_gets_no_demo(home: Path, port: int, database: str) -> None:
    up = Up(home, port, TOCSIN_HOST="0.0.0.0")
    up.wait_ready()
    assert "account create" in up.text()
    assert "7bz1lzh9" not in up.text()
    assert not (home / "demo.json").exists()
    up.stop()
    code, said = _start("up --demo", _environ(home, database))
    assert code == 2
    assert "leave --demo out" in said
