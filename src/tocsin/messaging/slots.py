"""The leases behind batch numbers (see batchno.py).

High-water marks follow the database's clock, and never that of a process: one whose clock is far ahead would use up
slot after slot for everybody. Such a process gets no slots, and so accepts nothing, until its clock is right.
"""

from __future__ import annotations

import asyncio
import logging
import os

from psycopg.rows import TupleRow

from tocsin.kit.db import LOST, Params, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.messaging.batchno import BatchNumbers, Span
from tocsin.messaging.store import QUERIES
from tocsin.queue import DatabaseClock

log = logging.getLogger(__name__)

AHEAD_MS = 30_000
_ANSWER_WITHIN_S = 5.0
_RETRY_S = 1.0


class SlotLease:
    """Keeps `count` slots for one process. While the clock is off, no number is given and so nothing is accepted."""

    def __init__(
        self,
        dsn: str,
        numbers: BatchNumbers,
        count: int,
        database_clock: DatabaseClock,
        *,
        every_s: float = 5.0,
    ) -> None:
        self._session = Session(dsn, "batch numbers")
        self._numbers = numbers
        self._count = count
        self._clock = database_clock
        self._every_s = every_s
        self._owner = int.from_bytes(os.urandom(7), "big")

    async def renew(self) -> None:
        """One round. Raises LOST."""
        before_s = self._clock.read()
        self._clock.note(before_s, float((await self._ask(QUERIES["clock"]))[0][0]))
        if not self._clock.is_right():
            self._numbers.grant({})
            return
        slots = self._numbers.slots
        rows = []
        if slots:
            params = {"slots": slots, "owner": self._owner, "ahead": AHEAD_MS, "used": self._numbers.last_ms}
            rows = await self._ask(QUERIES["renew_slots"], params)
        if not rows:
            params = {"count": self._count, "owner": self._owner, "ahead": AHEAD_MS}
            rows = await self._ask(QUERIES["lease_slots"], params)
        if not rows:
            log.error("no slot for batch numbers is free")
        self._numbers.grant({slot: Span(floor_ms, ceiling_ms) for slot, floor_ms, ceiling_ms in rows})

    async def _ask(self, query: bytes, params: Params = ()) -> list[TupleRow]:
        return await (await self._session.run_within(_ANSWER_WITHIN_S, query, params)).fetchall()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wait_s = min(self._every_s, _RETRY_S)
            try:
                await self.renew()
                wait_s = self._every_s
            except LOST as error:
                log.warning("batch numbers were not renewed: %s", error)
            except Exception:  # the edge of the loop: without it nothing would ever be accepted again
                log.exception("batch numbers were not renewed")
                LOOP_ERRORS.labels("batch numbers").inc()
                self._session.break_off()  # it may lead to a server that was made read-only
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        """Free the slots."""
        await self._session.run_within(_ANSWER_WITHIN_S, QUERIES["drop_slots"], (self._owner,))
        await self._session.close()
