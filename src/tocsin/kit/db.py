"""PostgreSQL sessions of the data plane: one connection each, autocommit, renewed after a loss, one round trip a batch.

Doors own sessions; contexts get them as arguments and never commit. Pools are for the console, not for here: each loop
has its own session, so that none waits for another's statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import psycopg
from psycopg import AsyncConnection, AsyncCursor, errors, pq, sql
from psycopg.rows import TupleRow

from tocsin.kit import direct, pgbin

Params = Sequence[Any] | Mapping[str, Any]

LOST = (psycopg.OperationalError, psycopg.InterfaceError)
"""What a statement raises when its connection is gone (or storage refuses to work at all)."""

STABLE_PLANS = (
    b"SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;"
    b" SET enable_material = off; SET enable_memoize = off"
)
"""Look-ups by key stay look-ups by key: in a new database, where nothing was counted yet, the planner would rather read
whole partitions, and keep to it while they fill."""

_CONNECT_S = 5
_UNHEARD_MS = 10_000  # what was sent and not acknowledged by then: the network is half-open
_DROP_WITHIN_MS = 300
_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


class Queries:
    """The named statements of one queries.sql; `queries["name"]` is a psycopg query."""

    def __init__(self, file: Path) -> None:
        pieces = _NAME.split(file.read_text(encoding="utf-8"))
        self._by_name = {
            name: body.strip().rstrip(";").encode() for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
        }

    def __getitem__(self, name: str) -> bytes:
        return self._by_name[name]

    def names(self) -> list[str]:
        """All names, for the test that every statement is used and can be planned."""
        return list(self._by_name)


class Statement(NamedTuple):
    """One statement of a batch."""

    query: bytes
    params: Params = ()


class Session:
    """One connection. Not for two tasks at once.

    `answer_within_s`: a statement of `run` and `rows` that has no answer by then loses its connection, which raises LOST.
    `statement_s`: the server ends a statement that takes longer, which raises LOST and keeps the connection.
    """

    def __init__(
        self, dsn: str, name: str, *, generic_plans: bool = False, answer_within_s: float | None = None,
        statement_s: float | None = None,
    ) -> None:  # fmt: skip
        self._dsn = dsn
        self._name = name
        self._generic_plans = generic_plans
        self._answer_within_s = answer_within_s
        self._statement_ms = 0 if statement_s is None else int(statement_s * 1000)
        self._conn: AsyncConnection[TupleRow] | None = None
        self._prepared: dict[bytes, bytes] = {}  # by `run_prepared` on this connection: statement and name

    async def conn(self) -> AsyncConnection[TupleRow]:
        """The live connection; a new one after a loss. Raises LOST while the database is away."""
        if self._conn is None or self._conn.closed or self._conn.broken:
            self._prepared = {}
            self._conn = await self._connect()
        return self._conn

    async def _connect(self) -> AsyncConnection[TupleRow]:
        conn = await AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            application_name=f"tocsin {self._name}",
            connect_timeout=_CONNECT_S,
            prepare_threshold=1,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=2,
            tcp_user_timeout=_UNHEARD_MS,
        )
        pgbin.register(conn)
        with _limit(conn, _CONNECT_S):
            if self._generic_plans:
                await conn.execute(STABLE_PLANS)
            await conn.execute("SET timezone = 'UTC'")
            if self._statement_ms:
                await conn.execute(b"SET statement_timeout = %d" % self._statement_ms)
        return conn

    async def wake(self) -> None:
        """Be connected: a connection that was ended while it was idle is renewed now and not found dead in a write.

        Raises LOST while the database is away: nothing was sent.
        """
        if self._conn is not None and not self._conn.closed and _has_ended(self._conn.pgconn):
            self.break_off()
        await self.conn()

    async def run_within(self, limit_s: float, query: bytes, params: Params = ()) -> AsyncCursor[TupleRow]:
        """`run` for a server that may never answer: the connection is cut after `limit_s`, which raises LOST."""
        await self._conn_within(limit_s)
        return await self._execute(query, params, limit_s=limit_s)

    async def run_prepared(self, limit_s: float, query: bytes, params: Params) -> None:
        """`run_within` at a fifth of its cost (see kit.direct), for a statement of Columns whose rows nobody wants."""
        columns = cast("Sequence[pgbin.Column]", params)
        conn = await self._conn_within(limit_s)
        with _limit(conn, limit_s):
            async with conn.lock:  # psycopg's own, of its cursors
                await self._run_direct(conn.pgconn, query, columns)

    async def _run_direct(self, pgconn: pq.abc.PGconn, query: bytes, columns: Sequence[pgbin.Column]) -> None:
        name = self._prepared.get(query)
        if name is None:
            name = b"direct_%d" % len(self._prepared)
            await direct.prepare(pgconn, name, query, columns)
            self._prepared[query] = name
        await direct.execute(pgconn, name, columns)

    async def _conn_within(self, limit_s: float) -> AsyncConnection[TupleRow]:
        conn = self._conn
        if conn is None or conn.closed:
            try:
                async with asyncio.timeout(limit_s):
                    conn = await self.conn()
            except TimeoutError:
                raise errors.ConnectionTimeout(f"no connection within {limit_s:g} s") from None
        return conn

    async def run(self, query: bytes, params: Params = (), *, binary: bool = True) -> AsyncCursor[TupleRow]:
        """One statement, committed by itself. Raises LOST, after which the next call connects anew."""
        return await self._execute(query, params, limit_s=self._answer_within_s, binary=binary)

    async def _execute(
        self, query: bytes, params: Params, *, limit_s: float | None, binary: bool = True
    ) -> AsyncCursor[TupleRow]:
        conn = await self.conn()
        cursor = conn.cursor(binary=binary)
        with _limit(conn, limit_s):
            await cursor.execute(query, params)
        return cursor

    async def rows(self, query: bytes, params: Params = ()) -> list[TupleRow]:
        """All rows of one statement."""
        return await (await self.run(query, params)).fetchall()

    async def batch(self, statements: Sequence[Statement]) -> list[list[TupleRow]]:
        """All statements as one transaction in one round trip; the rows of each. All or nothing.

        Without BEGIN and COMMIT: in autocommit, what is sent before one Sync is a transaction of its own (PostgreSQL,
        "Pipelining", 54.2.4), and two statements less are a fifth of what a batch costs.
        """
        conn = await self.conn()
        try:
            async with conn.pipeline():
                cursors = await self._queue(conn, statements)
        except psycopg.Error:
            # What stood behind the one that failed was not prepared, and psycopg does not know it: it begins anew.
            with contextlib.suppress(*LOST):
                self._prepared = {}
                await conn.execute(b"DEALLOCATE ALL", prepare=False)
            raise
        return await _fetch(cursors)

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction of several round trips: `send` inside it. For doors only."""
        conn = await self.conn()
        async with conn.transaction():
            yield

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """A transaction that writes nothing, and whose statements all see the database as the first of them sees it."""
        async with self.transaction():
            await self.run(b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield

    @contextlib.contextmanager
    def within(self, limit_s: float) -> Iterator[None]:
        """Whatever is asked in here has its answer by then, or the connection is cut, which raises LOST."""
        timer = asyncio.get_running_loop().call_later(limit_s, self._cut_now)
        try:
            yield
        finally:
            timer.cancel()

    def _cut_now(self) -> None:
        if self._conn is not None and not self._conn.closed:
            _cut(self._conn.pgconn)

    async def send(self, statements: Sequence[Statement]) -> list[list[TupleRow]]:
        """Statements of the open transaction in one round trip; the rows of each."""
        conn = await self.conn()
        async with conn.pipeline():
            cursors = await self._queue(conn, statements)
        return await _fetch(cursors)

    async def _queue(
        self, conn: AsyncConnection[TupleRow], statements: Sequence[Statement]
    ) -> list[AsyncCursor[TupleRow]]:
        cursors = []
        for statement in statements:
            cursor = conn.cursor(binary=True)
            await cursor.execute(statement.query, statement.params)
            cursors.append(cursor)
        return cursors

    async def lock_forever(self, key: int) -> bool:
        """Take the session's advisory lock `key`; it is free again when this session ends, however it ends."""
        rows = await self.rows(b"SELECT pg_try_advisory_lock(%s)", (key,))
        return bool(rows[0][0])

    def break_off(self) -> None:
        """Drop the connection without a word; the next call connects anew."""
        if self._conn is not None:
            self._conn.pgconn.finish()
            self._conn = None

    async def close(self) -> None:
        """End the session."""
        if self._conn is not None:
            await self._conn.close()
            self._conn = None


def _has_ended(pgconn: pq.abc.PGconn) -> bool:
    """Whether the server has hung up on an idle connection: what it says unasked are its last words, or nothing dear."""
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


@contextlib.contextmanager
def _limit(conn: AsyncConnection[TupleRow], limit_s: float | None) -> Iterator[None]:
    """Cut the connection after so long: not a timeout, since psycopg waits for a cancelled statement once more."""
    timer = None if limit_s is None else asyncio.get_running_loop().call_later(limit_s, _cut, conn.pgconn)
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


def _cut(pgconn: pq.abc.PGconn) -> None:
    # shutdown and not close: whoever waits on the descriptor sees its end and still owns it
    with contextlib.suppress(OSError, psycopg.OperationalError), socket.socket(fileno=os.dup(pgconn.socket)) as same:
        same.shutdown(socket.SHUT_RDWR)


async def _fetch(cursors: Sequence[AsyncCursor[TupleRow]]) -> list[list[TupleRow]]:
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


async def drop_partition(session: Session, name: str) -> None:
    """Drop a partition, unless a long reader is in the way: everybody would wait behind it. Raises LOST then: rather not today."""
    async with session.transaction():
        conn = await session.conn()
        await conn.execute(f"SET LOCAL lock_timeout = '{_DROP_WITHIN_MS}ms'".encode())
        await conn.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))
