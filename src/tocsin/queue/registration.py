"""A process makes itself known: a row that beats, and a session lock that dies with it.

The lock is the proof of life: leases of an owner are taken over only when they are over and nobody holds its lock.
A process that was merely stopped (SIGSTOP, a long pause) keeps both, so nothing that it has sent is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from datetime import datetime
from typing import NamedTuple

from psycopg import AsyncConnection, Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import LOST, Session
from tocsin.queue.database_clock import DatabaseClock
from tocsin.queue.store import QUERIES

BEAT_S = 3.0
"""Who has not been seen for a few of these has no share of a rate."""


class Registration:
    """`id` is the owner in every lease of this process."""

    def __init__(self, kind: str, database_clock: DatabaseClock | None = None) -> None:
        self._kind = kind
        self.clock = database_clock or DatabaseClock()
        self._locked: AsyncConnection[TupleRow] | None = None  # not its process id: a restarted server gives them again
        self.id = 0

    async def hold(self, session: Session) -> bool:
        """Be registered and locked on this session; call again after a loss. False: the old session still lingers."""
        conn = await session.conn()
        if not self.id:
            rows = await session.rows(QUERIES["register"], (self._kind, socket.gethostname(), os.getpid()))
            self.id = int(rows[0][0])
        if self._locked is not conn:
            if not await session.lock_forever(self.id):
                return False
            self._locked = conn
        return True

    async def beat(self, session: Session) -> None:
        """Say "alive", and by how much the clock is wrong; who was taken for dead and forgotten is there again."""
        ahead_s = None if await self.clock.ask(session) else self.clock.ahead_s()
        await session.run(QUERIES["beat"], (self.id, self._kind, socket.gethostname(), os.getpid(), ahead_s))

    async def leave(self, session: Session) -> None:
        """Go in order."""
        await session.run(QUERIES["unregister"], (self.id,))


class Process(NamedTuple):
    """A row of table process, and whether its session lives."""

    kind: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    alive: bool


def list_processes(conn: Connection[TupleRow]) -> list[Process]:
    """All registered processes, of all machines."""
    return [Process(*row) for row in conn.execute(QUERIES["processes"])]


async def stay_registered(
    dsn: str, kind: str, answer_within_s: float = 5.0, database_clock: DatabaseClock | None = None
) -> None:
    """Be registered until cancelled, for a process that owns no leases. A lost database is waited for."""
    session = Session(dsn, f"{kind} process", answer_within_s=answer_within_s)
    registration = Registration(kind, database_clock)
    try:
        while True:
            with contextlib.suppress(*LOST):
                if await registration.hold(session):
                    await registration.beat(session)
            await asyncio.sleep(BEAT_S)
    finally:
        with contextlib.suppress(*LOST):
            await registration.leave(session)
            await session.close()
