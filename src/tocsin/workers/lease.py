"""The worker's proof of life: registration, its lock, and the leases of what it holds.

A claim is good until its lease is over on the monotonic clock, less a second in hand; a worker that was stopped in
between finds that out directly before the write and sends nothing. While the session's lock is held nobody takes items over, so
what this worker already sent is not sent again by another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS

log = logging.getLogger(__name__)

IN_HAND_S = 1.0


class Lease:
    """One per worker process."""

    def __init__(self, dsn: str, lease_s: float, database_clock: queue.DatabaseClock | None = None) -> None:
        self.lease_s = lease_s
        self.registration = queue.Registration("worker", database_clock)
        self._session = Session(dsn, "worker lease")
        self.held_items: Callable[[], Iterable[int]] = tuple  # the worker says what its lanes hold
        self._good_until = 0.0
        self._renewed_at = 0.0

    @property
    def owner(self) -> int:
        return self.registration.id

    @property
    def clock(self) -> queue.DatabaseClock:
        """What decides about times of rows."""
        return self.registration.clock

    @property
    def held(self) -> bool:
        """May this worker claim now? Not while its clock is wrong."""
        return clock.monotonic_s() < self._good_until and self.clock.is_right()

    def covers(self, asked_at: float, held_at: float) -> bool:
        """Is what was claimed at `asked_at` and in hand since `held_at` still surely ours, with a second to spare?

        A renewal counts for what was in hand when it began. While the clock is wrong nothing is: links tell carriers until when a
        message is valid.
        """
        if not self.clock.is_right():
            return False
        begun = self._renewed_at if self._renewed_at > held_at else asked_at
        return clock.monotonic_s() < begun + self.lease_s - min(IN_HAND_S, self.lease_s / 4)

    async def renew(self) -> None:
        """One round: be registered, hold the lock, lengthen what is held. Raises LOST."""
        locked = await self.registration.hold(self._session)
        await self.registration.beat(self._session)
        if not locked:
            log.warning("the worker's old session still holds its lock; waiting")
            return
        asked = clock.monotonic_s()
        await queue.renew(self._session, self.owner, self.lease_s, list(self.held_items()))
        self._renewed_at, self._good_until = asked, asked + self.lease_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.renew()
            except LOST as error:
                log.warning("the lease could not be renewed: %s", error)
            except Exception:  # the edge of the loop: without it nothing would be claimed for ever
                log.exception("the lease could not be renewed")
                LOOP_ERRORS.labels("lease").inc()
            await asyncio.sleep(min(self.lease_s / 5, queue.BEAT_S))

    async def leave(self) -> None:
        """End in order."""
        await self.registration.leave(self._session)
        await self._session.close()
