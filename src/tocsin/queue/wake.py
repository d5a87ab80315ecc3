"""Wake-ups between processes: NOTIFY after a commit, coalesced, never inside the accepting transaction.

A NOTIFY takes a database-wide lock at commit, so it has a session and a transaction of its own. It is a hint: every
listener polls slowly as well, and a lost wake-up costs that poll's wait.
"""

from __future__ import annotations

import asyncio
import contextlib

import psycopg

from tocsin.kit import pgbin
from tocsin.kit.db import LOST, Session
from tocsin.queue.store import QUERIES

LANE = "lane"
OUTBOX = "outbox"
_GAP_S, _BUSY_GAP_S = 0.008, 0.024
_ANSWER_WITHIN_S = 5.0
_BUSY = 40
"""So many wake-ups within a gap: the listeners are at work anyway, and a NOTIFY for each gap would cost more than it gives."""


class Waker:
    """Sends one NOTIFY for all that happened meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: set[str] = set()
        self._count = 0
        self._event = asyncio.Event()

    def wake(self, name: str) -> None:
        """Something new for the listeners of `name`."""
        self._names.add(name)
        self._count += 1
        self._event.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._event.wait()
            self._event.clear()
            names, self._names = self._names, set()
            gap_s = _BUSY_GAP_S if self._count > _BUSY else _GAP_S
            self._count = 0
            for name in names:
                with contextlib.suppress(*LOST):
                    await self._session.run_prepared(_ANSWER_WITHIN_S, QUERIES["wake"], (pgbin.text(name),))
            await asyncio.sleep(gap_s)


class Listener:
    """Sets an event when a NOTIFY comes; also once after each new connection, since something may have been missed."""

    def __init__(self, dsn: str, name: str, event: asyncio.Event) -> None:
        self._dsn = dsn
        self._name = name
        self._event = event

    async def run(self) -> None:
        """Until cancelled; survives a database that is away."""
        while True:
            with contextlib.suppress(*LOST, psycopg.Error):
                await self._listen()
            await asyncio.sleep(0.2)

    async def _listen(self) -> None:
        conn = await psycopg.AsyncConnection.connect(
            self._dsn,
            autocommit=True,
            application_name=f"tocsin listen {self._name}",
            connect_timeout=5,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=2,
        )
        async with conn:
            await conn.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(self._name)))
            self._event.set()
            async for _ in conn.notifies():
                self._event.set()
