"""The leases behind batch numbers (see batchno.py), and the look at the clock that goes with them."""

from __future__ import annotations

import asyncio
import logging
import os

from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.messaging.batchno import BatchNumbers
from tocsin.messaging.store import QUERIES

log = logging.getLogger(__name__)

AHEAD_MS = 30_000
CLOCK_OFF_MOST_S = 5.0
_EVERY_S = 5.0


class SlotLease:
    """Keeps `count` slots for one process. While the clock is off, no number is given and so nothing is accepted."""

    def __init__(self, dsn: str, numbers: BatchNumbers, count: int) -> None:
        self._session = Session(dsn, "batch numbers")
        self._numbers = numbers
        self._count = count
        self._owner = int.from_bytes(os.urandom(7), "big")

    async def renew(self) -> None:
        """One round. Raises LOST."""
        ceiling = clock.now_ms() + AHEAD_MS
        slots = self._numbers.slots
        if slots:
            params = {"slots": slots, "owner": self._owner, "ceiling": ceiling}
            rows = await self._session.rows(QUERIES["renew_slots"], params)
        if not slots or not rows:
            params = {"count": self._count, "owner": self._owner, "ceiling": ceiling}
            rows = await self._session.rows(QUERIES["lease_slots"], params)
        if not rows:
            log.error("no slot for batch numbers is free")
            return
        off_s = rows[0][3] - clock.now_s()
        if abs(off_s) > CLOCK_OFF_MOST_S:
            log.error(
                "this machine's clock is %.1f s off the database's: nothing is accepted until it is right", -off_s
            )
            self._numbers.grant({}, 0)
            return
        self._numbers.grant({row[0]: row[1] for row in rows}, min(row[2] for row in rows))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.renew()
            except LOST as error:
                log.warning("batch numbers were not renewed: %s", error)
            await asyncio.sleep(_EVERY_S)

    async def close(self) -> None:
        """Free the slots."""
        await self._session.run(QUERIES["drop_slots"], (self._owner,))
        await self._session.close()
