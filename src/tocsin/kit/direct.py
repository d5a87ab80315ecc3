"""One prepared statement straight over libpq, without psycopg's cursor: for what every send waits for.

A cursor converts the statement, adapts each parameter and wakes its task at every piece of an answer: for a statement of
fifty columns half a millisecond of CPU, whatever it writes. Here the columns are bytes already (kit.pgbin), the statement
is prepared by name, and the loop's own callbacks send and read until the server is ready again. Errors are psycopg's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import count

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from tocsin.kit.pgbin import Column

_GOOD = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})
_PLACEHOLDER = re.compile(rb"%s")


async def prepare(pgconn: pq.abc.PGconn, name: bytes, query: bytes, params: Sequence[Column]) -> None:
    """Prepare a statement with `%s` for its parameters, which have the types of these. Raises psycopg.Error."""
    pgconn.send_prepare(name, _number_placeholders(query), [param.oid for param in params])
    await _Exchange(pgconn).finish()


async def execute(pgconn: pq.abc.PGconn, name: bytes, params: Sequence[Column]) -> None:
    """Execute it, committed by itself when this returns; its rows are dropped. Raises psycopg.Error.

    Whoever gives up waiting loses the connection: nobody would read the answer.
    """
    pgconn.send_query_prepared(name, params, _list_binary(len(params)), pq.Format.BINARY)
    await _Exchange(pgconn).finish()


@lru_cache
def _number_placeholders(query: bytes) -> bytes:
    numbers = count(1)
    return _PLACEHOLDER.sub(lambda _: b"$%d" % next(numbers), query)


@lru_cache
def _list_binary(length: int) -> tuple[int, ...]:
    return (pq.Format.BINARY,) * length


class _Exchange:
    """What was queued goes out, what comes back is read, until the server is ready for the next statement.

    It is so only after the commit: an error may come behind the result.
    """

    def __init__(self, pgconn: pq.abc.PGconn) -> None:
        self._pgconn = pgconn
        self._socket = pgconn.socket
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._refusal: pq.abc.PGresult | None = None
        self._is_sending = False

    async def finish(self) -> None:
        """Raises psycopg.Error."""
        self._is_sending = bool(self._pgconn.flush())
        if self._is_sending:
            self._loop.add_writer(self._socket, self._send)
        self._loop.add_reader(self._socket, self._read)
        try:
            await self._ready
        except asyncio.CancelledError:
            self._let_go()
            self._pgconn.finish()
            raise
        if self._refusal is not None:
            raise error_from_result(self._refusal)

    def _send(self) -> None:
        """More fits into the socket."""
        try:
            if not self._pgconn.flush():
                self._is_sending = False
                self._loop.remove_writer(self._socket)
        except psycopg.Error as error:
            self._end(error)

    def _read(self) -> None:
        """Something came, or the end of the connection."""
        try:
            self._pgconn.consume_input()
            while not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is None:
                    self._end()
                    return
                if result.status not in _GOOD:
                    self._refusal = result
        except psycopg.Error as error:
            self._end(error)

    def _end(self, error: Exception | None = None) -> None:
        """At once, in the callback: libpq may have closed a lost socket, whose number the next one takes."""
        self._let_go()
        if self._ready.done():
            return
        if error is None:
            self._ready.set_result(None)
        else:
            self._ready.set_exception(error)

    def _let_go(self) -> None:
        self._loop.remove_reader(self._socket)
        if self._is_sending:
            self._is_sending = False
            self._loop.remove_writer(self._socket)
