"""What the tests of the API stand on: real API processes on a database of their own, and a small client that signs.

One bed and one door serve all tests of a run: an account is taken from a pool that every process knew from its start,
so that no test waits for the renewal of reference data. What differs from the ordinary is in SPECIALS.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.poll import PATIENCE_S, until_sync
from tocsin.kit.leash import die_with_parent

SEND = "/api/v1/sms/sendbatchsms"
REPORT = "/api/v1/sms/report"
BALANCE = "/api/v1/sms/balance"
INDONESIA, CHINA, NAURU, RUSSIA, KAZAKHSTAN = "10007", "10001", "NR", "RU", "KZ"
GOOD = {"numbers": "81234567801", "content": "hello", "codeId": INDONESIA, "action": "NOTIFICATION"}
PRICE_MICROS = 100_000  # of a part, by the seed
MAIL_DOMAIN = "mail.tocsin.example"
POOL = 1500
UNTOUCHED = (100 * PRICE_MICROS, 0)

SPECIALS: dict[str, dict[str, Any]] = {
    "locked": {"locked": True},
    "locked abroad": {"locked": True, "allow_ips": ["203.0.113.7"]},
    "abroad": {"allow_ips": ["203.0.113.0/24", "2001:db8::/32"]},
    "abroad and slow": {"allow_ips": ["203.0.113.7"], "rate_per_s": 1},
    "at home": {"allow_ips": ["127.0.0.0/8"]},
    "slow": {"rate_per_s": 2},
    "slow everywhere": {"rate_per_s": 4},
    "slow beside strangers": {"rate_per_s": 4},
    "slow and strict": {"rate_per_s": 1},
    "once a second": {"rate_per_s": 1},
    "zh": {"language": "zh"},
    "one part": {"max_parts": 1},
    "many parts": {"max_parts": 16},
    "swapped": {"swap_uplink": True},
    "bare": {"plan": "bare"},
    "thin": {"plan": "thin"},
    "china": {"grants": [("free-text", CHINA)]},
    "all free": {"grants": [("free-text", "*")]},
    "sender": {"grants": [("sender", "ACME")]},
    "shown": {"grants": [("show-phone", "622150996000")]},
    "routed": {"grants": [("routing", "second")]},
    "secret": {},
    "drops machines": {"drop_machine_opens": True},
    "wants all events": {"extra_events": True},
    "templates": {"max_parts": 10},
    "many templates": {},
    "mailer": {"domain": "mail.acme.com"},
}

TEMPLATES: dict[str, tuple[str | None, str, str]] = {
    "plain": (None, "sms", "hello from acme"),
    "code": (None, "sms", "code {1}, not {2}, but {1}"),
    "long": (None, "sms", "long {1}{1}{1}"),
    "mms": (None, "mms", "picture of {1}"),
    "mail": (None, "email", "<p>Order {order} of {name} is on its way.</p>"),
    "voice": (None, "voice", "table {1} is ready"),
    "spoken code": (None, "voice", "code {1}"),
    "own": ("templates", "sms", "own {1}"),
    "pending": (None, "sms", "pending {1}"),
    "rejected": (None, "sms", "rejected {1}"),
}
"""Word -> account in SPECIALS (None: every account), kind, text. Approved, but for two."""
MANY_TEMPLATES = 300  # of one account: more than are read at once


class Customer(NamedTuple):
    """An account as its owner knows it."""

    id: int
    name: str
    key: str

    def sign(self, at: int | str | None = None, **change: str) -> dict[str, str]:
        """The three parameters of the URL, as the page says; `change` puts others in their place."""
        stamp = str(int(time.time()) if at is None else at)
        digest = hashlib.md5(f"{self.name}{self.key}{stamp}".encode()).hexdigest()
        return {"account": self.name, "sign": digest, "datetime": stamp} | change


class Reply(NamedTuple):
    """What came back."""

    http: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def status(self) -> int:
        found = self.json["status"]
        assert isinstance(found, int)
        return found

    @property
    def data(self) -> Any:
        return self.json["data"]


class Bed:
    """A database with customers."""

    def __init__(self, dsn: str, home: Path) -> None:
        from tocsin.bootstrap.seed import ensure_defaults
        from tocsin.kit.seal import Seal

        self.dsn = dsn
        self.home = home
        self.sealing_key = Fernet.generate_key().decode()
        self._seal = Seal((self.sealing_key,))
        self.conn: Connection[TupleRow] = psycopg.connect(dsn, autocommit=True)
        ensure_defaults(self.conn)
        with self.conn.transaction():
            self._set_up()
            self._specials = {name: self._make(name.replace(" ", "-"), **how) for name, how in SPECIALS.items()}
            self.empty = self._make("empty", max_parts=10)
            self.templates = {word: self._make_template(*how) for word, how in TEMPLATES.items()}
            self.bystander = self._fund(self._make("bystander", max_parts=10), *UNTOUCHED)
            self._make_many_templates()
            self._pool = self._make_pool()

    def _set_up(self) -> None:
        from tocsin import billing, routing
        from tocsin.traffic import Product

        routing.set_country(self.conn, NAURU, enabled=False)
        routing.set_country(self.conn, KAZAKHSTAN, enabled=False)
        first = routing.list_channels(self.conn)[0]
        routing.add_channel(self.conn, type(first)(**{**_fields(first), "name": "second"}))
        self.channels = {channel.name: channel.id for channel in routing.list_channels(self.conn)}
        thin = billing.add_plan(self.conn, "thin", min_margin_percent=50)
        plan = billing.add_plan(self.conn, "bare")
        rule = billing.PriceRule(plan, int(Product.SMS), int(INDONESIA), "", None, PRICE_MICROS)
        billing.import_prices(self.conn, [rule, rule._replace(plan_id=thin, country_id=None)])

    def _make(self, name: str, grants: list[tuple[str, str]] | None = None, **settings: Any) -> Customer:
        from tocsin import accounts, billing, senders

        key = f"key-of-{name}"
        domain = settings.pop("domain", None)
        account_id = accounts.create_account(self.conn, name, plan=settings.pop("plan", accounts.DEFAULT_PLAN))
        accounts.add_key(self.conn, account_id, self._seal.seal(key))
        billing.open_wallet(self.conn, account_id)
        if domain:
            senders.add_domain(self.conn, account_id, domain)
            senders.verify_domain(self.conn, domain)
        if settings:
            accounts.set_account(self.conn, name, **settings)
        for kind, value in grants or ():
            accounts.add_grant(self.conn, account_id, kind, value)
        return Customer(account_id, name, key)

    def _make_template(self, account: str | None, kind: str, text: str) -> int:
        """Its id. Its state is told by its first word, else it is approved."""
        from tocsin import templates

        owner = self._specials[account].id if account else templates.EVERYBODY
        subject = "About {order}" if kind == templates.EMAIL else ""
        draft = templates.Draft(account_id=owner, kind=kind, text=text, subject=subject)
        made = templates.add_template(self.conn, draft)
        if text.startswith("rejected"):
            templates.reject_template(self.conn, made.id, "no")
        elif not text.startswith("pending"):
            templates.approve_template(self.conn, made.id)
        return made.id

    def _make_many_templates(self) -> None:
        for number in range(MANY_TEMPLATES):
            self._make_template("many templates", "sms", f"number {number} of {{1}}")

    def _make_pool(self) -> list[Customer]:
        """Ordinary accounts, many at once."""
        rows = self.conn.execute(
            b"INSERT INTO account (name, plan_id) SELECT 'pool' || n, p.id FROM generate_series(1, %s) AS n, plan p"
            b" WHERE p.name = 'default' RETURNING id, name",
            (POOL,),
        ).fetchall()
        made = [Customer(account_id, name, f"key-of-{name}") for account_id, name in rows]
        with self.conn.cursor() as cursor:
            keys = [(each.id, self._seal.seal(each.key)) for each in made]
            cursor.executemany(b"INSERT INTO api_key (account_id, sealed) VALUES (%s, %s)", keys)
            cursor.executemany(b"INSERT INTO wallet (account_id) VALUES (%s)", [(each.id,) for each in made])
        return made

    def customer(self, balance: int = 100 * PRICE_MICROS, gift: int = 0, credit: int = 0) -> Customer:
        """An ordinary account that no other test has, with money in micros."""
        return self._fund(self._pool.pop(), balance, gift, credit)

    def newcomer(self, name: str) -> Customer:
        """An account that no process knows yet."""
        with self.conn.transaction():
            return self._fund(self._make(name), *UNTOUCHED)

    def special(self, name: str, balance: int = 100 * PRICE_MICROS) -> Customer:
        """The account of that name in SPECIALS."""
        return self._fund(self._specials[name], balance, 0)

    def _fund(self, customer: Customer, balance: int, gift: int, credit: int = 0) -> Customer:
        from tocsin import billing

        with self.conn.transaction():
            if balance:
                billing.recharge(self.conn, customer.id, balance)
            if gift:
                billing.give(self.conn, customer.id, gift)
            if credit:
                billing.set_credit(self.conn, customer.id, credit)
        return customer

    def code_id(self, word: str) -> str:
        """Of an ISO code; a codeId is its own."""
        return word if word.isdigit() else str(self.one("SELECT code_id FROM country WHERE iso = %s", word))

    def one(self, query: str, *params: Any) -> Any:
        """The first column of the first row."""
        row = self.conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None

    def wallet(self, customer: Customer) -> tuple[int, int]:
        """(balance, gift) in micros."""
        query = b"SELECT balance_micros, gift_micros FROM wallet WHERE account_id = %s"
        row = self.conn.execute(query, (customer.id,)).fetchone()
        assert row is not None
        return row[0], row[1]

    def messages(self, customer: Customer) -> int:
        """Rows of good numbers."""
        return int(self.one("SELECT count(*) FROM message WHERE account_id = %s AND status = 0", customer.id))

    def charges(self, customer: Customer) -> int:
        return int(self.one("SELECT count(*) FROM ledger WHERE account_id = %s AND kind = 'charge'", customer.id))

    def lane_messages(self, customer: Customer) -> int:
        query = "SELECT coalesce(sum(cardinality(ids)), 0) FROM lane_item WHERE account_id = %s"
        return int(self.one(query, customer.id))

    def assert_untouched(self, customer: Customer | None = None, wallet: tuple[int, int] = UNTOUCHED) -> None:
        """Nothing accepted, nothing charged. The bystander is the account of all requests that must be refused."""
        customer = customer or self.bystander
        assert self.wallet(customer) == wallet
        assert self.messages(customer) == self.charges(customer) == self.lane_messages(customer) == 0


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


class Door:
    """One API process, as an operator starts it."""

    def __init__(self, bed: Bed, log: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        known = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        env = known | {
            "DATABASE_URL": bed.dsn,
            "TOCSIN_HOME": str(bed.home),
            "TOCSIN_PORT": str(self.port),
            "TOCSIN_SEALING_KEYS": bed.sealing_key,
            **settings,
        }
        self._log = log
        self.told: dict[str, str] = {}
        """Headers of every call that names none of its own."""
        with log.open("wb") as file:
            # A test run that is killed leaves no server behind.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tocsin", "api"], env=env, stderr=file, stdout=file,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  started by the main thread
            )  # fmt: skip

    @property
    def pid(self) -> int:
        """Of the API process."""
        return self._process.pid

    def wait(self) -> None:
        """Until it is ready."""
        until_sync(self._is_ready, 30)

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, self.log
        with contextlib.suppress(OSError):
            return self.call("GET", "/readyz").http == 200
        return False

    def close(self) -> None:
        """Stop; its log must show no fault."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        finally:
            self._process.kill()
            self._process.wait()
        assert "Traceback" not in self.log, self.log

    def call(
        self, method: str, target: str, body: bytes | str | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """Any request."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(
                method, target, body.encode() if isinstance(body, str) else body, {**self.told, **(headers or {})}
            )
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())

    def raw(self, data: bytes) -> bytes:
        """Bytes as they are; everything that comes back until the other side closes (`Connection: close`)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as talk:
            talk.sendall(data)
            pieces = []
            while piece := talk.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    def hang_up(self, data: bytes, *, reset: bool = True) -> None:
        """Send these bytes and go away at once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as talk:
            talk.sendall(data)
            if reset:
                talk.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, customer: Customer, path: str = SEND, query: Mapping[str, str] | None = None, **fields: str) -> Reply:
        """A signed GET; `fields` are parameters."""
        return self.call("GET", f"{path}?{urlencode({**customer.sign(), **(query or {}), **fields})}")

    def post(
        self,
        customer: Customer,
        body: Mapping[str, Any] | bytes | str | None = None,
        *,
        path: str = SEND,
        kind: str = "application/json;charset=UTF-8",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """A signed POST; a mapping goes as JSON."""
        content = json.dumps(body) if isinstance(body, Mapping) else body
        target = f"{path}?{urlencode({**customer.sign(), **(query or {})})}"
        return self.call("POST", target, content, {"Content-Type": kind, **(headers or {})})

    def send(self, customer: Customer, /, **fields: Any) -> Reply:
        """A good POST with some fields changed; None takes one away."""
        body = {name: value for name, value in (GOOD | fields).items() if value is not None}
        return self.post(customer, body)


@pytest.fixture(scope="session")
def bed(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    from tests.conftest import clone_database

    with clone_database(database_server) as dsn:
        made = Bed(dsn, tmp_path_factory.mktemp("home"))
        yield made
        made.conn.close()


@pytest.fixture(scope="session")
def door(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """An API process with default settings, but for a sending domain of email."""
    yield from _open(bed, tmp_path_factory.mktemp("door"), TOCSIN_MAIL_DOMAIN=MAIL_DOMAIN)


@pytest.fixture(scope="session")
def second(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Another one on the same database, behind a trusted proxy on this machine.

    Its callers have an address of their own: bad signs are counted by address over all processes, and the other
    process, whose limit is far higher, hears many from this machine.
    """
    settings = {"TOCSIN_TRUSTED_PROXIES": "127.0.0.0/8,10.0.0.0/8", "TOCSIN_BAD_SIGNS_PER_ADDRESS": "150"}
    for opened in _open(bed, tmp_path_factory.mktemp("second"), **settings):
        opened.told["X-Forwarded-For"] = "198.51.100.200"
        yield opened


def _open(bed: Bed, place: Path, **settings: str) -> Iterator[Door]:
    opened = Door(bed, place / "log", **settings)
    try:
        opened.wait()
        yield opened
    finally:
        opened.close()
