"""What the push tests stand on: a receiver and pushers as processes, rows put into a real outbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from cryptography.fernet import Fernet

from tocsin.kit import pgbin
from tocsin.kit.ids import Ids
from tocsin.kit.seal import Seal
from tocsin.traffic import Reason
from tocsin.webhooks import OutboxRow, ReportFacts, chunk_reports, report_row, set_endpoint, shape, statement

IDS = Ids()
BATCH = 16844873111045857


class Got(NamedTuple):
    """One push as the receiver saw it."""

    id: str
    status: int
    headers: dict[str, str]
    body: str

    @property
    def rows(self) -> list[list[Any]]:
        return list(json.loads(self.body)["array"])


class Receiver:
    """The other side, in a process of its own."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("push_receiver.py")
        self._process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}/p/{name}"

    def behave(self, name: str, **how: Any) -> None:
        request = urllib.request.Request(self.url(name), data=json.dumps(how).encode(), method="PUT")
        urllib.request.urlopen(request, timeout=60).close()

    def show(self, name: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url(name), timeout=60) as answer:
            shown: dict[str, Any] = json.load(answer)
        return shown

    def got(self, name: str) -> list[Got]:
        return [Got(g["headers"]["webhook-id"], g["status"], g["headers"], g["body"]) for g in self.show(name)["got"]]

    def taken(self, name: str) -> list[str]:
        """Message ids in the order in which they were acknowledged, repeats included."""
        return [row[0] for push in self.got(name) if push.status < 300 for row in push.rows]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Bed:
    """A database with accounts, its receiver and its pushers."""

    def __init__(self, dsn: str, home: Path) -> None:
        self.dsn = dsn
        self.home = home
        self.key = Fernet.generate_key().decode()
        self.seal = Seal((self.key,))
        self.receiver = Receiver()
        self.conn: psycopg.Connection[Any] = psycopg.connect(dsn, autocommit=True)
        pgbin.register(self.conn)
        self._pushers: list[subprocess.Popen[bytes]] = []
        self.secrets: dict[int, str] = {}

    def close(self) -> None:
        for process in self._pushers:
            process.kill()
            process.wait()
        self.receiver.close()
        self.conn.close()

    def start_pusher(self, **settings: str) -> subprocess.Popen[bytes]:
        """`tocsin push` as an operator starts it, with short waits."""
        known = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        env = known | {
            "DATABASE_URL": self.dsn,
            "TOCSIN_HOME": str(self.home),
            "TOCSIN_SEALING_KEYS": self.key,
            "TOCSIN_PUSH_ALLOW": "127.0.0.0/8,::1/128",
            "TOCSIN_PUSH_FIRST_RETRY_S": "0.2",
            "TOCSIN_LEASE_S": "2",
            **settings,
        }
        process = subprocess.Popen([str(Path(sys.executable).with_name("tocsin")), "push"], env=env)
        self._pushers.append(process)
        return process

    def add_endpoint(self, name: str, kind: str = "sms", url: str | None = None) -> int:
        """An account of its own with an endpoint at the receiver's place `name`."""
        account_id = self.add_account(name)
        new = set_endpoint(self.conn, account_id, kind, url or self.receiver.url(name), self.seal.seal)
        assert new.secret is not None
        self.secrets[new.id] = new.secret
        return new.id

    def add_account(self, name: str) -> int:
        self.conn.execute("INSERT INTO plan (name) VALUES ('standard') ON CONFLICT DO NOTHING")
        row = self.conn.execute(
            "INSERT INTO account (name, plan_id) SELECT %s, id FROM plan WHERE name = 'standard' RETURNING id", (name,)
        ).fetchone()
        assert row is not None
        return int(row[0])

    def account_of(self, endpoint_id: int) -> int:
        return int(self.one("SELECT account_id FROM endpoint WHERE id = %s", endpoint_id))

    def put(
        self, endpoint_id: int, ids: Sequence[bytes], reason: Reason = Reason.SUCCESS, *, late: bool = False
    ) -> None:
        """Reports of these messages, committed at once."""
        self.put_rows(self.reports(endpoint_id, ids, reason, late=late))

    def reports(
        self, endpoint_id: int, ids: Sequence[bytes], reason: Reason = Reason.SUCCESS, *, late: bool = False
    ) -> list[OutboxRow]:
        form = shape("sms")
        facts = [ReportFacts(each, "8613722222222", 1681203001, reason, BATCH, 1, 100_000) for each in ids]
        return chunk_reports(endpoint_id, [(each.message_id, report_row(each, form), late) for each in facts])

    def put_rows(self, rows: Sequence[OutboxRow], conn: psycopg.Connection[Any] | None = None) -> None:
        query, params = statement(rows)
        (conn or self.conn).execute(query, params)

    def one(self, query: str, *params: Any) -> Any:
        row = self.conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None

    def waiting(self, endpoint_id: int) -> int:
        """Outbox rows that are not set aside."""
        return int(self.one("SELECT count(*) FROM outbox WHERE endpoint_id = %s AND NOT aside", endpoint_id))


def hexes(ids: Sequence[bytes]) -> list[str]:
    return [each.hex() for each in ids]
