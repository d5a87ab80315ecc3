"""Takes what waits for a channel that is down, or that it waits for too long, to the next channels of its routes.

A job of upkeep, in bounded pages; several workers may be at it at once, since each page skips what another has. It decides
which channels are in trouble; how messages move is in messaging.failover.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.kit.metrics import FAILED_OVER
from tocsin.messaging import Claimed, move_page
from tocsin.queue import FIRST, Outage, Place, Waker
from tocsin.routing import mark_down

log = logging.getLogger(__name__)

PAGES = 10
"""Of one channel in one round."""
REST_S = 5.0
"""Where a whole lane was looked at and nothing could go, so long until the next look."""

Alternatives = Callable[[Claimed, str, int], Sequence[int]]
"""(message, its sender, its present channel) -> the other channels of its route, in the order in which they are tried."""


class FailOver:
    """The job, with what it remembers from round to round."""

    def __init__(
        self, alternatives: Alternatives, waker: Waker, monotonic_s: Callable[[], float] = clock.monotonic_s
    ) -> None:
        self._alternatives = alternatives
        self._waker = waker
        self._monotonic_s = monotonic_s
        self._after: dict[int, Place] = {}
        self._resting: dict[int, float] = {}  # until when
        self._moved: dict[int, int] = {}  # of channels in trouble

    async def run(self, session: Session) -> int:
        """One round; how many messages went elsewhere. Raises LOST."""
        outages = await queue.read_outages(session)
        unfit = {outage.channel_id for outage in outages if outage.unfit}
        troubled = [outage for outage in outages if outage.troubled]
        for outage in outages:
            if outage.marked != outage.down:
                await mark_down(session, outage.channel_id, down=outage.down)
        self._tell(outages, {outage.channel_id for outage in troubled})
        moved = 0
        for outage in troubled:
            if self._monotonic_s() >= self._resting.get(outage.channel_id, 0.0):
                moved += await self._move(session, outage, unfit)
        if moved:
            self._waker.wake(queue.LANE)
        return moved

    async def _move(self, session: Session, outage: Outage, unfit: set[int]) -> int:
        channel_id = outage.channel_id

        def choose(message: Claimed, sender: str) -> int | None:
            return next((each for each in self._alternatives(message, sender, channel_id) if each not in unfit), None)

        moved = 0
        for _ in range(PAGES):
            age_s = 0.0 if outage.down else outage.queue_age_s
            page = await move_page(session, channel_id, self._after.get(channel_id, FIRST), age_s, choose)
            moved += page.moved
            self._after[channel_id] = page.after
            if page.after == FIRST:
                if not moved:
                    self._resting[channel_id] = self._monotonic_s() + REST_S
                break
        self._moved[channel_id] += moved
        if moved:
            FAILED_OVER.labels(outage.name).inc(moved)
        return moved

    def _tell(self, outages: Sequence[Outage], troubled: set[int]) -> None:
        """One line when it begins and one when it is over."""
        for outage in outages:
            channel_id = outage.channel_id
            if channel_id in troubled and channel_id not in self._moved:
                why = "is down" if outage.down else "has messages that wait too long"
                log.warning("channel %s %s: what waits takes its next route", outage.name, why)
                self._moved[channel_id] = 0
            elif channel_id not in troubled and channel_id in self._moved:
                log.warning(
                    "channel %s is well again; %d messages went elsewhere", outage.name, self._moved.pop(channel_id)
                )
                self._after.pop(channel_id, None)
                self._resting.pop(channel_id, None)
