"""A whole installation for tests of faults: processes that can be stopped and killed, a receiver, a customer who sends.

Every process is one that an operator would start (`tocsin api`, `worker`, `push`) on one database, with short leases.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from functools import partial
from hashlib import md5
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psutil
import psycopg
from cryptography.fernet import Fernet
from psycopg.rows import TupleRow

from tests.flows.push_bed import Receiver
from tests.poll import until_sync
from tocsin import accounts, billing, routing
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.seal import Seal
from tocsin.webhooks import set_endpoint

SEND = "/api/v1/sms/sendbatchsms"
PRICE_MICROS = 100_000
BALANCE_MICROS = 10_000_000 * billing.MICROS
LEASE_S = 2.0
CLAIM = 250
"""The most messages that a claim holds, and so the most that a kill may send twice."""

QUICK = {"TOCSIN_LEASE_S": str(LEASE_S), "TOCSIN_PUSH_FIRST_RETRY_S": "0.2", "TOCSIN_PUSH_ALLOW": "127.0.0.0/8,::1/128"}


class Customer(NamedTuple):
    """An account as its owner knows it."""

    id: int
    name: str
    key: str


class Answer(NamedTuple):
    """What came back; http 0: the connection broke."""

    http: int
    body: Any

    @property
    def taken(self) -> bool:
        return self.http == 200 and self.body["status"] == 0

    @property
    def ids(self) -> list[str]:
        return [row["messageId"] for row in self.body["data"]["successData"]] if self.taken else []


class Process:
    """One process of the product."""

    def __init__(self, name: str, env: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.port = int(env["TOCSIN_PORT"])
        with log.open("ab") as file:
            self.popen = subprocess.Popen([sys.executable, "-m", "tocsin", name], env=env, stdout=file, stderr=file)

    @property
    def pid(self) -> int:
        return self.popen.pid

    def send_signal(self, sign: int) -> None:
        self.popen.send_signal(sign)

    def kill(self) -> None:
        """As kill -9 does, stopped or not."""
        self.popen.kill()
        self.popen.wait()

    def is_ready(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()[-4000:]
        with contextlib.suppress(OSError, http.client.HTTPException):
            return call(self.port, "GET", "/readyz").http == 200
        return False

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.pid).children()


class Plant:
    """A database with customers, a receiver, and the processes that were started."""

    def __init__(self, dsn: str, home: Path, receiver: Receiver | None = None) -> None:
        self.dsn = dsn
        self.home = home
        self.receiver = receiver or Receiver()
        self.key = Fernet.generate_key().decode()
        self.conn: psycopg.Connection[TupleRow] = connect(dsn)
        self.processes: list[Process] = []
        ensure_defaults(self.conn)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.receiver.close()
        self.conn.close()

    def start(self, name: str, **settings: str) -> Process:
        """A process; wait for an API with `ready`."""
        known = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        env = known | QUICK | {
            "DATABASE_URL": self.dsn,
            "TOCSIN_HOME": str(self.home),
            "TOCSIN_SEALING_KEYS": self.key,
            "TOCSIN_PORT": str(find_port()),
            **settings,
        }  # fmt: skip
        process = Process(name, env, self.home / f"{name}-{len(self.processes)}.log")
        self.processes.append(process)
        return process

    def owner_of(self, process: Process) -> int:
        """Its id in leases; waits until it is registered."""
        query = "SELECT id FROM process WHERE pid = %s AND kind = %s"
        return int(until_sync(lambda: self.one(query, process.pid, process.name), 30))

    def held_by(self, owner: int) -> int:
        """Items of the lane."""
        return int(self.one("SELECT count(*) FROM lane_item WHERE owner = %s", owner))

    def start_api(self, **settings: str) -> Process:
        """An API process that is ready."""
        api = self.start("api", **settings)
        until_sync(api.is_ready, 30)
        return api

    def add_customer(self, name: str, *, place: str | None = None, **settings: Any) -> Customer:
        """An account with money; `place`: where at the receiver its reports go."""
        with self.conn.transaction():
            account_id = accounts.create_account(self.conn, name)
            accounts.add_key(self.conn, account_id, Seal((self.key,)).seal(f"key-{name}"))
            billing.open_wallet(self.conn, account_id)
            billing.recharge(self.conn, account_id, BALANCE_MICROS)
            if settings:
                accounts.set_account(self.conn, name, **settings)
            if place is not None:
                self.set_endpoint(Customer(account_id, name, ""), "sms", place)
        return Customer(account_id, name, f"key-{name}")

    def set_endpoint(self, customer: Customer, kind: str, place: str) -> None:
        """Where at the receiver the news of that kind goes."""
        set_endpoint(self.conn, customer.id, kind, self.receiver.url(place), Seal((self.key,)).seal)

    def set_channel(self, **changes: object) -> None:
        """Of the sandbox."""
        with self.conn.transaction():
            routing.set_channel(self.conn, routing.SANDBOX, **changes)

    def one(self, query: str, *params: Any) -> Any:
        row = self.conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None

    def count(self, table: str) -> int:
        return int(self.one(f"SELECT count(*) FROM {table}"))

    def doubles(self) -> int:
        """Parts that the carrier has more than once, each further time counted."""
        return int(self.one("SELECT count(*) - count(DISTINCT (message_id, part)) FROM sandbox_submit"))

    def unfinished(self) -> int:
        """Accepted messages without a final state."""
        return int(
            self.one(
                "SELECT count(*) FROM message m WHERE m.status = 0"
                " AND NOT EXISTS (SELECT 1 FROM report r WHERE r.message_id = m.id AND r.status <> 0)"
            )
        )

    def check_ledger(self) -> None:
        """Every account's entries add up, and exactly what was accepted was charged."""
        assert billing.check(self.conn) == []
        charged = self.one("SELECT coalesce(-sum(balance_micros), 0)::bigint FROM ledger WHERE kind = 'charge'")
        assert charged == self.one("SELECT coalesce(sum(price_micros), 0)::bigint FROM message WHERE status = 0")

    def is_empty(self, table: str) -> bool:
        return bool(self.count(table) == 0)

    def wait_finished(self, accepted: Sequence[str], place: str, timeout_s: float = 60.0) -> None:
        """Until all of these ended and were pushed; then whatever must hold after any fault."""
        for table in ("lane_item", "sandbox_event"):  # cheap looks first: two cores do all the work
            until_sync(partial(self.is_empty, table), timeout_s)
        until_sync(lambda: self.unfinished() == 0, timeout_s)
        until_sync(lambda: self.count("outbox") == 0, timeout_s)
        assert set(accepted) <= set(self.receiver.taken(place))
        self.check_ledger()


def connect(dsn: str) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(dsn, autocommit=True)


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def call(
    port: int, method: str, target: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Answer:
    """A request; the body of the answer as JSON where it is."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        text = answer.read()
        return Answer(answer.status, json.loads(text) if text.startswith(b"{") else text)


def sign_query(customer: Customer, **fields: str) -> str:
    """The query string of a signed request."""
    stamp = str(int(time()))
    sign = md5(f"{customer.name}{customer.key}{stamp}".encode()).hexdigest()
    return urlencode({"account": customer.name, "sign": sign, "datetime": stamp, **fields})


def post(port: int, customer: Customer, numbers: Sequence[str], **fields: str) -> Answer:
    """A signed send. http 0 where the connection broke. `path`, `key`: of another product, for idempotency."""
    query = sign_query(customer)
    key, path = fields.pop("key", None), fields.pop("path", SEND)
    body = {"numbers": ",".join(numbers), "content": "hello", "codeId": "10007", "action": "MARKETING", **fields}
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    try:
        return call(port, "POST", f"{path}?{query}", json.dumps(body).encode(), headers)
    except (OSError, http.client.HTTPException):
        return Answer(0, None)


class Posting:
    """A send that runs beside the test."""

    def __init__(self, port: int, customer: Customer, numbers: Sequence[str], **fields: str) -> None:
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=lambda: self._answers.append(post(port, customer, numbers, **fields)))
        self._thread.start()

    def wait(self) -> Answer:
        self._thread.join(90)
        return self._answers[0]


def make_numbers(count: int, first: int = 0) -> list[str]:
    """Indonesian mobiles; none with a fate of its own."""
    return [f"81231{1_000_000 + first + i:07d}" for i in range(count)]


def count_doubled(values: Sequence[str]) -> int:
    """How many come more than once."""
    return sum(1 for n in Counter(values).values() if n > 1)
