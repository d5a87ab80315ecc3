"""The product under measurement: `tocsin up` on a scratch home and port, driven by its own command line.

Every figure that needs a fresh database starts one of these. fsync stays on. What is started here is ended here, by its
handle; homes are taken away, with PostgreSQL's data where it lies elsewhere.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg.rows import TupleRow

from bench import side
from bench.bare import find_free_port
from bench.children import BrokenError, Load
from bench.load import Result, Task
from bench.processes import Meter, Seen, find_family, read_pss_mb
from bench.wire import COUNTRY, PATH, TEXT, Caller, sign_query
from tocsin.kit.leash import die_with_parent

BALANCE = "1000000000"
MEMORY_KINDS = ("api", "api helper", "worker", "push")
_READY_S = 90.0
_STOP_S = 20.0
_KNOWN_S = 10.0


class Product:
    """A running product."""

    def __init__(self, home: Path, port: int, console_port: int, process: subprocess.Popen[bytes]) -> None:
        self.home = home
        self.port = port
        self.console_port = console_port
        self.process = process
        self.caller = Caller(port)
        self.dsn = ""
        self._next_number = 0

    def tocsin(self, *words: str) -> Any:
        """A verb of the command line; its JSON."""
        done = subprocess.run(
            [side.find_python(), "-m", "tocsin", "--json", *words],
            env=_environment(self.home, self.port, self.console_port), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise BrokenError(f"tocsin {' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
        return json.loads(done.stdout)

    def make_account(self, name: str) -> Caller:
        """An account that can pay for everything, known to the API when this returns."""
        made = self.tocsin("account", "create", name, "--balance", BALANCE)
        caller = Caller(self.port, made["account"], made["api_key"])
        wait_until(lambda: self._knows(caller), _KNOWN_S, f"the API does not know account {name}")
        return caller

    def _knows(self, caller: Caller) -> bool:
        return self._ask(f"/api/v1/sms/balance?{sign_query(caller)}") == 0

    def send_one(self, number: str) -> int:
        """Send to a number of ours; the status of the reply."""
        fields = {"numbers": number, "codeId": COUNTRY, "content": TEXT, "action": "NOTIFICATION"}
        return self._ask(f"{PATH}?{sign_query(self.caller)}&{urlencode(fields)}")

    def _ask(self, target: str) -> int:
        """The status of a reply to a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", target)
            return int(json.loads(connection.getresponse().read())["status"])
        finally:
            connection.close()

    def take_numbers(self, count: int) -> int:
        """The place of `count` numbers that nobody had before."""
        first, self._next_number = self._next_number, self._next_number + count
        return first

    def start_load(self, task: Task, caller: Caller | None = None) -> Load:
        """A load generator against the API (its port, account and numbers are filled in)."""
        who = caller or self.caller
        task.port, task.account, task.api_key = self.port, who.account, who.api_key
        task.first_number = self.take_numbers(sum(task.counts) or 4096)
        return Load(task)

    def post(self, counts: list[int], action: str = "NOTIFICATION", caller: Caller | None = None) -> Result:
        """POSTs of so many numbers, one after the other; returns when all are answered."""
        task = Task(port=0, account="", api_key="", kind="posts", counts=counts, action=action)
        return self.start_load(task, caller).result()

    def connect(self) -> psycopg.Connection[TupleRow]:
        """A session of our own on the product's database."""
        return psycopg.connect(self.dsn, autocommit=True, application_name="bench")

    def count(self, query: str) -> int:
        """The one number that a query gives."""
        with self.connect() as conn:
            row = conn.execute(query.encode()).fetchone()
            return int(row[0]) if row else 0

    def settle(self) -> None:
        """Write out what is dirty, so that a checkpoint of the past does not fall into the next measurement."""
        with self.connect() as conn:
            conn.execute("CHECKPOINT")

    def family(self) -> list[Seen]:
        """The product's processes."""
        return [each for each in find_family(self.process.pid) if each.kind]

    def meter(self, *more: Seen) -> Meter:
        """CPU from now on, of the product and of others."""
        return Meter([*self.family(), *more])

    def memory_mb(self) -> dict[str, float]:
        """PSS by kind; without PostgreSQL and the supervisor."""
        return {each.kind: round(read_pss_mb(each.pid), 1) for each in self.family() if each.kind in MEMORY_KINDS}

    def wait_drained(self, limit_s: float) -> None:
        """Until no lane item and no outbox row is left, but for what the demo's past has paused or put off."""
        query = (
            "SELECT (SELECT count(*) FROM lane_item WHERE held_batch IS NULL)"
            " + (SELECT count(*) FROM outbox WHERE NOT aside AND due < now() + interval '1 minute')"
        )
        wait_until(lambda: self.count(query) == 0, limit_s, "lanes and outbox do not get empty", step_s=0.25)


def wait_until(probe: Callable[[], bool], limit_s: float, complaint: str, step_s: float = 0.05) -> None:
    """Ask until it holds. Raises BrokenError after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not probe():
        if time.monotonic() > deadline:
            raise BrokenError(f"{complaint} after {limit_s:g} s")
        time.sleep(step_s)


@contextlib.contextmanager
def run_product(*, console: bool = False) -> Iterator[Product]:
    """A fresh product with the account `bench` for the time of the block, with a console or without."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
    port, console_port = find_free_port(), find_free_port() if console else 0
    log = (home / "log").open("ab")
    process = subprocess.Popen(
        [side.find_python(), "-m", "tocsin", "up"], env=_environment(home, port, console_port), stdin=subprocess.DEVNULL,
        stdout=log, stderr=log, start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509  one thread
    )  # fmt: skip
    product = Product(home, port, console_port, process)
    try:
        _wait_ready(product)
        product.caller = product.make_account("bench")
        yield product
    finally:
        _stop(product)
        log.close()
        _tell_faults(home)
        shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, port: int, console_port: int) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TOCSIN_", "DATABASE_URL", "PG"))}
    return side.list_known({
        **own, "TOCSIN_HOME": str(home), "TOCSIN_PORT": str(port), "TOCSIN_PUSH_ALLOW": "127.0.0.0/8",
        "TOCSIN_LOG_LEVEL": "warning", "TOCSIN_CONSOLE_PORT": str(console_port),
    })  # fmt: skip


def _wait_ready(product: Product) -> None:
    def ready() -> bool:
        if product.process.poll() is not None:
            raise BrokenError(f"tocsin up ended: {(product.home / 'log').read_text()[-500:]}")
        return (product.home / "demo.json").exists()

    wait_until(ready, _READY_S, "tocsin up is not ready")
    product.dsn = json.loads((product.home / "postgres.json").read_text())["dsn"]


def _stop(product: Product) -> None:
    product.process.send_signal(signal.SIGTERM)
    try:
        product.process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        product.process.kill()  # its children are on a leash and end with it
        product.process.wait()
    with contextlib.suppress(OSError, ValueError):
        facts = json.loads((product.home / "postgres.json").read_text())
        for name in ("directory", "socket"):
            shutil.rmtree(facts[name], ignore_errors=True)


def _tell_faults(home: Path) -> None:
    """A figure that was measured over faults is worth little: say so."""
    lines = (home / "log").read_text(encoding="utf-8", errors="replace").splitlines()
    faults = [line for line in lines if '"level":"error"' in line or '"level":"critical"' in line]
    if faults:
        print(f"  the product logged {len(faults)} errors, the first: {faults[0][:600]}", file=sys.stderr, flush=True)
