"""Writes down what became of pushes: many attempts, of all endpoints, in one transaction.

Lanes hand attempts over and go on; a row stays in its lane's hand until its attempt is committed, and is not read
again meanwhile. While the database is away the attempts wait here, bounded by what lanes may have in hand. After a
kill the unwritten acks are pushed once more: at least once, never not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from tocsin.kit.db import LOST, Session, Statement
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS
from tocsin.webhooks import store
from tocsin.webhooks.model import Attempt

_LOG = logging.getLogger("tocsin.push")
_GATHER_S = 0.03
_AGAIN_S = 0.5
_MAX_BATCH = 1000

Done = Callable[[int], None]
"""Told the outbox id when its attempt is committed."""


class Settler:
    """One per pusher, with a session of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._attempts: list[tuple[Attempt, Done]] = []
        self._extra: list[Statement] = []
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, attempt: Attempt, done: Done, extra: Sequence[Statement] = ()) -> None:
        """Write it soon; `extra` in the same transaction or a later one. Never blocks."""
        self._attempts.append((attempt, done))
        self._extra.extend(extra)
        self._idle.clear()
        self._work.set()

    def note(self, statement: Statement) -> None:
        """Run a statement soon, with the next attempts. Never blocks."""
        self._extra.append(statement)
        self._idle.clear()
        self._work.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._work.wait()
            if len(self._attempts) < _MAX_BATCH:
                await asyncio.sleep(_GATHER_S)
            await self._write()

    async def drain(self, timeout_s: float) -> bool:
        """Wait until all is written; False if it is not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _write(self) -> None:
        batch, self._attempts = self._attempts[:_MAX_BATCH], self._attempts[_MAX_BATCH:]
        extra, self._extra = self._extra, []
        statements = _statements([attempt for attempt, _ in batch], extra)
        while not await self._try_write(statements):  # noqa: ASYNC110  nobody says when the database is back
            await asyncio.sleep(_AGAIN_S)
        for attempt, done in batch:
            done(attempt.push.id)
        if not self._attempts and not self._extra:
            self._work.clear()
            self._idle.set()

    async def _try_write(self, statements: Sequence[Statement]) -> bool:
        try:
            await self._session.batch(statements)
        except LOST as error:
            DATABASE_LOSSES.labels("settle").inc()
            _LOG.warning("pushes cannot be written down, they are kept and tried again: %s", error)
            return False
        except Exception:  # noqa: BLE001  edge of the loop: dropping acks would push everything twice, so try again
            LOOP_ERRORS.labels("settle").inc()
            _LOG.exception("pushes cannot be written down, they are kept and tried again")
            return False
        return True


def _statements(attempts: Sequence[Attempt], extra: Sequence[Statement]) -> list[Statement]:
    statements = [store.settle(attempts)] if attempts else []
    statements += [store.split(a.push.id, a.halves) for a in attempts if a.halves]
    return [*statements, *extra]
