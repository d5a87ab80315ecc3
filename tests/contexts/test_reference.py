"""The memory of a process follows the database within a second, through losses of its connection too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg import sql

from tests.poll import PATIENCE_S, until
from tocsin import accounts, routing
from tocsin.accounts import Directory
from tocsin.bootstrap.reference import Memory as RealMemory
from tocsin.bootstrap.reference import load_memory
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.db import Session
from tocsin.kit.reference import Reference
from tocsin.kit.settings import Settings
from tocsin.routing import Case, Table
from tocsin.traffic import Product

WITHIN_S = 10.0  # a second on a quiet machine


class Memory:
    """Directory and Table under a Reference, and a plain connection beside it."""

    def __init__(self, dsn: str, conn: psycopg.Connection) -> None:
        self.conn = conn
        self.directory = Directory(str.upper)
        self.table = Table()
        self.reference = Reference(dsn)
        self.reference.add(self.directory)
        self.reference.add(self.table)

    async def change(self, statement: str, holds: Callable[[], object]) -> float:
        """Run plain SQL; how long until it holds."""
        assert not holds()
        self.conn.execute(statement.encode())
        began = time.monotonic()
        await until(holds, 5)
        return time.monotonic() - began


@asynccontextmanager
async def remembering(dsn: str) -> AsyncIterator[Memory]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        ensure_defaults(conn)
        conn.execute("INSERT INTO account (name, plan_id) SELECT 'acme', id FROM plan")
        conn.execute("INSERT INTO api_key (account_id, sealed) SELECT id, 'one' FROM account")
        conn.execute("INSERT INTO account_grant (account_id, kind, value) SELECT id, 'sender', 'ACME' FROM account")
        memory = Memory(dsn, conn)
        session = Session(dsn, "start")
        await memory.reference.load_all(session)
        await session.close()
        stop = asyncio.Event()
        task = asyncio.create_task(memory.reference.run(stop))
        try:
            yield memory
        finally:
            stop.set()
            await asyncio.wait_for(task, PATIENCE_S)


async def test_changes_by_plain_sql_are_seen_within_a_second(database: str) -> None:
    async with remembering(database) as memory:
        found, table = memory.directory.by_name, memory.table

        def acme() -> object:
            account = found("acme")
            assert account is not None
            return account

        steps: list[tuple[str, Callable[[], object]]] = [
            ("UPDATE account SET locked = true", lambda: acme().locked),  # type: ignore[attr-defined]
            ("UPDATE account SET allow_ips = '{10.0.0.0/8}'", lambda: acme().allow),  # type: ignore[attr-defined]
            ("INSERT INTO api_key (account_id, sealed) SELECT id, 'two' FROM account",
             lambda: [key.secret for key in acme().keys] == ["ONE", "TWO"]),  # type: ignore[attr-defined]
            ("UPDATE api_key SET expires_at = now() WHERE sealed = 'one'",
             lambda: acme().live_secrets(time.time()) == ["TWO"]),  # type: ignore[attr-defined]
            ("DELETE FROM api_key WHERE sealed = 'two'", lambda: not acme().live_secrets(time.time())),  # type: ignore[attr-defined]
            ("DELETE FROM account_grant", lambda: not acme().grants),  # type: ignore[attr-defined]
            ("UPDATE plan SET charge_failed = false", lambda: not acme().charge_failed),  # type: ignore[attr-defined]
            ("INSERT INTO account (name, plan_id) SELECT 'new', id FROM plan", lambda: found("new")),
            ("UPDATE account SET name = 'newer' WHERE name = 'new'", lambda: found("newer") and not found("new")),
            ("UPDATE channel SET paused = true", lambda: table.channels()[0].paused),
            ("UPDATE country SET enabled = false WHERE iso = 'ID'", lambda: not table.country(10007).enabled),  # type: ignore[union-attr]
            ("UPDATE price SET price_micros = 7 WHERE product = 1",
             lambda: table.way(acme(), 10007, Case(1, 1, "", None, 0.0)).constant.unit_price_micros == 7),  # type: ignore[union-attr, arg-type]
            ("DELETE FROM route WHERE product = 1", lambda: table.way(acme(), 10007, Case(1, 1, "", None, 0.0)) is None),  # type: ignore[arg-type]
        ]  # fmt: skip
        for statement, holds in steps:
            assert await memory.change(statement, holds) < WITHIN_S, statement


async def test_a_slow_writer_is_not_skipped(database: str) -> None:
    """Two writers of accounts are in a row by the clock's lock: the first to write is the first to be seen."""
    async with remembering(database) as memory:
        with psycopg.connect(database) as slow:
            slow.execute("UPDATE account SET max_parts = 3 WHERE name = 'acme'")
            await memory.change(
                "UPDATE channel SET paused = true", lambda: memory.table.channels()[0].paused
            )  # other clocks go on
            slow.commit()
        account = memory.directory.by_name
        await until(lambda: (found := account("acme")) is not None and found.max_parts == 3, WITHIN_S)


async def test_a_lost_connection_costs_no_change(database: str) -> None:
    async with remembering(database) as memory:
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'tocsin reference' AND datname = current_database()"
        )
        await until(lambda: memory.conn.execute(ended.encode()).fetchall(), 2)
        await until(lambda: memory.reference.failures >= 1, 5)
        locked = "UPDATE account SET locked = true"
        assert await memory.change(locked, lambda: memory.directory.by_name("acme").locked) < WITHIN_S  # type: ignore[union-attr]


async def test_what_is_known_stands_while_the_database_is_away(
    database: str, database_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = sql.Identifier(psycopg.conninfo.conninfo_to_dict(database)["dbname"])  # type: ignore[arg-type]
    async with remembering(database) as memory:
        with psycopg.connect(database_server, autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'tocsin r%%' AND datname = %s",
                (name.as_string().strip('"'),),
            )
            await until(lambda: memory.reference.failures >= 2, 5)
            assert memory.directory.by_name("acme") is not None
            await until(lambda: memory.reference.age_s() > 0.9, 5)
            # As after a failover: the server that answers knows less than we do, its clocks too.
            memory.conn.execute("UPDATE account SET max_parts = 4")
            memory.conn.execute("UPDATE change_clock SET version = 1")
            memory.conn.execute("ALTER TABLE account DISABLE TRIGGER ALL")
            memory.conn.execute("UPDATE account SET max_parts = 5, version = 1")
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
            await until(lambda: memory.directory.by_name("acme").max_parts == 5, 3)  # type: ignore[union-attr]
            await until(lambda: memory.reference.age_s() < 0.5, 3)
    assert "the last known state stands" in caplog.text


class Meanwhile:
    """In place of the reading of routes: customers, each with a route of his own, come after it or before it."""

    def __init__(self, memory: RealMemory, conn: psycopg.Connection) -> None:
        self.memory, self.conn = memory, conn
        self.after: str | None = None
        self.known_before_routes: set[str] = set()
        self._read = memory.table.refresh
        memory.table.refresh = self.refresh  # type: ignore[method-assign]

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """As the table does."""
        self.known_before_routes.update(account.name for account in self.memory.directory.all())
        await self._read(session, moved)
        if self.after is not None:
            self.add(self.after)
            self.after = None

    def add(self, name: str) -> None:
        """A customer with a route of his own."""
        with self.conn.transaction():
            account_id = accounts.create_account(self.conn, name)
            channel = routing.find_channel(self.conn, "own")
            rule = routing.RouteRule(0, account_id, None, Product.SMS, None, "", channel.id, preference=0)
            routing.add_route(self.conn, rule)

    def knows(self, name: str) -> bool:
        """Whether the process knows the customer; fails where he would be sent another way than his own."""
        account = self.memory.directory.by_name(name)
        if account is not None:
            way = self.memory.table.way(account, 10007, Case(1, 1, "", None, 0.0))
            assert way is not None
            assert way.constant is not None
            assert way.constant.channels[0] == routing.find_channel(self.conn, "own").id
        return account is not None


async def test_no_customer_is_known_before_his_routes(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        routing.add_channel(conn, msgspec.structs.replace(routing.find_channel(conn, routing.SANDBOX), name="own"))
        memory = await load_memory(
            Settings(database_url=database, sealing_keys=(Fernet.generate_key().decode(),)), "test", sends=True
        )
        meanwhile = Meanwhile(memory, conn)
        meanwhile.add("before")
        meanwhile.after = "while-it-reads"
        await memory.reference.poll()
        assert meanwhile.knows("before")
        assert "before" not in meanwhile.known_before_routes
        assert not meanwhile.knows("while-it-reads"), "a round reads one snapshot"
        await memory.reference.poll()
        assert meanwhile.knows("while-it-reads")


class Broken:
    """A source that cannot read its rows at first."""

    clocks: tuple[str, ...] = ("plan",)

    def __init__(self) -> None:
        self.loads = 0

    async def load(self, session: Session) -> None:  # noqa: ARG002  the protocol's
        self.loads += 1
        if self.loads == 2:
            raise ValueError("a bad row")


async def test_a_broken_source_stops_no_other_and_is_tried_again(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Broken()
    with psycopg.connect(database, autocommit=True) as conn:
        reference, table = Reference(database), Table()
        reference.add(broken)
        reference.add(table)
        session = Session(database, "start")
        await reference.load_all(session)
        await session.close()
        await reference.poll()
        assert broken.loads == 1
        conn.execute("INSERT INTO plan (name) VALUES ('p')")
        conn.execute("INSERT INTO channel (name, kind) VALUES ('c', 'sandbox')")
        await reference.poll()
        assert [channel.name for channel in table.channels()] == ["c"]
        assert reference.failures == 1
        await reference.poll()
        await reference.poll()
        assert broken.loads == 3
    assert "could not be read" in caplog.text
    stop = asyncio.Event()
    stop.set()
    await reference.run(stop)
