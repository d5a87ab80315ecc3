"""The pusher: finds endpoints that nobody serves, leases them, and runs a lane for each.

New rows are announced by NOTIFY; a look every second is the net, and finds what another pusher left behind. It ends in
order: lanes post nothing more, what is in flight gets a few seconds, then the leases are given up. It decides nothing
about a push (webhooks does), and a database that is away costs it nothing but time: without a lease nobody posts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS
from tocsin.webhooks import Lane, Leases, Tools

_LOG = logging.getLogger("tocsin.push")

_LOOK_S = 1.0
_GAP_S = 0.02
_FINISH_S = END_WITHIN_S / 2  # for answers that are under way
_WRITE_S = 1.0  # for each of the three steps behind it
_MAX_LANES = 5000
_MARGIN = 0.2
"""The part of a lease that is not used: nobody posts under a lease that is about to end."""


class Pusher:
    """One per process. `session` holds the process's registration; nobody else may use it."""

    def __init__(self, session: Session, registration: queue.Registration, lease_s: float, tools: Tools) -> None:
        self._session = session
        self._registration = registration
        self._lease_s = lease_s
        self._tools = tools
        self._lanes: dict[int, tuple[Lane, asyncio.Task[None]]] = {}
        self._renew_at = 0.0
        self._look_at = self._looked_at = 0.0
        self.news = asyncio.Event()
        """Set by whoever hears of new rows."""

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`, then end in order."""
        stopping = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                await self._round()
                await self._wait(stopping)
        finally:
            stopping.cancel()
            await self._finish()

    async def _wait(self, stopping: asyncio.Task[bool]) -> None:
        news = asyncio.create_task(self.news.wait())
        due = min(self._look_at, self._renew_at) - clock.monotonic_s()
        await asyncio.wait({news, stopping}, timeout=max(due, 0.001), return_when=asyncio.FIRST_COMPLETED)
        news.cancel()

    async def _round(self) -> None:
        news = self.news.is_set()
        self.news.clear()
        if news:
            for lane, _ in self._lanes.values():
                lane.wake()
        try:
            await self._keep(news=news)
        except LOST as error:
            DATABASE_LOSSES.labels("push").inc()
            _LOG.warning("the database is away, nothing is pushed: %s", error)
            self._look_at = self._renew_at = clock.monotonic_s() + _LOOK_S
        except Exception:  # noqa: BLE001  edge of the loop: the endpoints that are served go on being served
            LOOP_ERRORS.labels("push").inc()
            _LOG.exception("endpoints cannot be looked for")
            self._look_at = self._renew_at = clock.monotonic_s() + _LOOK_S

    async def _keep(self, *, news: bool) -> None:
        if not await self._registration.hold(self._session):
            self._look_at = self._renew_at = clock.monotonic_s() + _LOOK_S
            return
        if not self._registration.clock.is_right() and not await self._look_at_clock():
            return
        leases = Leases(self._session, self._registration.id, self._lease_s)
        now = clock.monotonic_s()
        if now >= self._renew_at:
            await self._renew(leases, now)
        await self._reap(leases)
        if news:
            self._look_at = min(self._look_at, self._looked_at + _GAP_S)
        if now >= self._look_at:
            self._tools.egress.close_idle()
            await self._take(leases)
            self._looked_at = clock.monotonic_s()
            self._look_at = self._looked_at + _LOOK_S

    async def _look_at_clock(self) -> bool:
        """Whether the clock is right now. While it is not, nobody posts: signatures have the time of our clock."""
        await self._registration.beat(self._session)
        right = self._registration.clock.is_right()
        if not right:
            for lane, _ in self._lanes.values():
                lane.lease_until = 0.0
            self._look_at = clock.monotonic_s() + _LOOK_S
        self._renew_at = 0.0 if right else self._look_at
        return right

    async def _renew(self, leases: Leases, now: float) -> None:
        kept = await leases.renew(list(self._lanes))
        for endpoint_id, (lane, _) in self._lanes.items():
            if endpoint_id in kept:
                lane.lease_until = now + self._lease_s * (1 - _MARGIN)
            else:
                _LOG.warning("endpoint %d is served by another pusher now", endpoint_id)
                lane.stop()
                lane.abort()
        await self._registration.beat(self._session)
        self._renew_at = now + self._lease_s / 4

    async def _reap(self, leases: Leases) -> None:
        ended = [each for each, (_, task) in self._lanes.items() if task.done()]
        for endpoint_id in ended:
            _, task = self._lanes.pop(endpoint_id)
            if not task.cancelled() and (error := task.exception()) is not None:
                LOOP_ERRORS.labels("push").inc()
                _LOG.error("the lane of endpoint %d broke", endpoint_id, exc_info=error)
        await leases.drop(ended)

    async def _take(self, leases: Leases) -> None:
        if len(self._lanes) >= _MAX_LANES:
            return
        now = clock.monotonic_s()
        taken = await leases.take_waiting(list(self._lanes))
        unknown = []
        for endpoint_id in taken:
            endpoint = self._tools.endpoints.get(endpoint_id)
            if endpoint is None or endpoint.paused:
                unknown.append(endpoint_id)  # newer than what we know; in the next round
                continue
            lane = Lane(endpoint, leases.owner, self._tools)
            lane.lease_until = now + self._lease_s * (1 - _MARGIN)
            self._lanes[endpoint_id] = lane, asyncio.create_task(lane.run())
        await leases.drop(unknown)

    async def _finish(self) -> None:
        for lane, _ in self._lanes.values():
            lane.stop()
        tasks = {task for _, task in self._lanes.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=_FINISH_S)
        for lane, _ in self._lanes.values():
            lane.abort()
        written = await self._tools.settler.drain(_WRITE_S)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_WRITE_S)
        if not written:
            return  # the leases end by themselves; what was taken but not written down is pushed once more
        with contextlib.suppress(*LOST):
            async with asyncio.timeout(_WRITE_S):
                await Leases(self._session, self._registration.id, self._lease_s).drop(list(self._lanes))
                await self._registration.leave(self._session)
