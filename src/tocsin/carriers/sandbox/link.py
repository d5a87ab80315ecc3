"""The sandbox carrier's link: takes submissions, keeps them as a real carrier would, answers, sends receipts later.

What arrives together is stored together, in one statement and one round trip; only after its commit is it answered.
Every submission is answered exactly once: by its fate, TEMPORARY where it is certain that nothing was stored, UNKNOWN
where that is not certain or the fate is silence. It must not remember a message outside the table, nor start a task or
a timer for a single message.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from tocsin.carriers.meter import Meter, Metered
from tocsin.carriers.model import ChannelFacts
from tocsin.carriers.sandbox import mapping, store
from tocsin.carriers.sandbox.config import SandboxConfig
from tocsin.carriers.sandbox.hand_in import HandIn
from tocsin.carriers.sandbox.later import Later
from tocsin.carriers.sandbox.mapping import Event, Plan
from tocsin.carriers.sandbox.store import Kept, NewEvent
from tocsin.kit import clock, ids
from tocsin.traffic import LinkState, Outcome, OutcomeKind, Sink, Submission

_GROUP = 1_000
"""Submissions stored together, and those that may wait while a group is under way."""

_GRACE_S = 2.0
_log = logging.getLogger(__name__)


class _Booked(NamedTuple):
    """An event with its row; `direct`: handed in from memory after the commit."""

    event: Event
    row: NewEvent
    direct: bool


class SandboxLink:
    """One talk with the sandbox carrier for one channel; several at once are fine."""

    whole = wide = False

    def __init__(self, channel: ChannelFacts, config: SandboxConfig, dsn: str) -> None:
        self.faults = 0
        self._channel = channel
        self._config = config
        self._terms = mapping.work_out_terms(config, channel.receipt_timeout_s)
        self._allowance = mapping.Allowance(config.rate_parts_per_s) if config.rate_parts_per_s else None
        self._session = store.make_session(dsn, f"sandbox {channel.id} submit")
        events = store.make_session(dsn, f"sandbox {channel.id} events")
        self._hand_in = HandIn(channel.id, events, config.lease_s, config.keep_days)
        self._meter = Meter()
        self._ids = ids.Ids()
        # Time, then chance: unlike every other link's, and ascending over restarts.
        self._stem = self._ids.one().hex()[1:20]
        self._count = 0
        self._waiting: deque[Submission] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = False

    def state(self) -> LinkState:
        """Bound, unless it is told to be down."""
        return self._meter.read(0 if self._config.down else 1, 1)

    async def open(self, sink: Sink) -> None:
        """Begin. Never fails for a database that is away: what cannot be stored is answered so."""
        sink = Metered(sink, self._meter)
        self._sink = sink
        self._delayed = Later(self._config.submit_delay_ms / 1000, sink.outcomes)
        self._hanging = Later(self._config.unknown_after_s, sink.outcomes)
        self._hand_in.open(sink)
        self._task = asyncio.create_task(self._run(), name=f"sandbox {self._channel.id} submit")

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """Take these; waits while a full group is ahead. After close(), or while down, they are TEMPORARY failures."""
        self._meter.hand(len(submissions))
        if self._closing or self._config.down:
            self._refuse(submissions, OutcomeKind.TEMPORARY)
            return ()
        self._waiting.extend(submissions)
        self._arrived.set()
        while len(self._waiting) > _GROUP and not self._closing:
            self._room.clear()
            await self._room.wait()
        return ()

    async def close(self) -> None:
        """Store and answer what was taken, let receipts under way finish, for about two seconds; what is silent by then
        is UNKNOWN, what was not stored TEMPORARY."""
        if self._closing:
            return
        self._closing = True
        self._arrived.set()
        self._room.set()
        _, late = await asyncio.wait([self._task], timeout=_GRACE_S)
        if late:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        rest = list(self._waiting)
        self._waiting.clear()
        self._refuse(rest, OutcomeKind.TEMPORARY)
        self._delayed.flush()
        await self._hand_in.close(_GRACE_S)
        self._hanging.flush()
        await self._session.close()

    async def _run(self) -> None:
        while True:
            await self._arrived.wait()
            if not self._waiting:
                if self._closing:
                    return
                self._arrived.clear()
                continue
            group = [self._waiting.popleft() for _ in range(min(len(self._waiting), _GROUP))]
            self._room.set()
            await self._carry(group)

    async def _carry(self, group: list[Submission]) -> None:
        now, began_s = clock.now_s(), clock.monotonic_s()
        try:
            plan, throttled = self._plan(group, now)
            booked = [self._book(event) for event in plan.events]
            rows = [booking.row for booking in booked]
            kept = await self._keep(plan, rows)
        except asyncio.CancelledError:
            self._refuse(group, OutcomeKind.UNKNOWN)
            raise
        except Exception:  # noqa: BLE001  edge of the loop: logged, counted, and every submission answered
            self.faults += 1
            _log.exception("sandbox channel %d: fault while storing", self._channel.id)
            self._refuse(group, OutcomeKind.UNKNOWN)
            return
        self._delayed.add(throttled + plan.refused)
        if kept is Kept.YES:
            self._delayed.add(plan.answers)
            self._hanging.add(plan.hanging)
            self._send_back(booked, in_time=clock.monotonic_s() - began_s < self._config.lease_s / 3)
        else:
            self._refuse(plan.kept, OutcomeKind.TEMPORARY if kept is Kept.NO else OutcomeKind.UNKNOWN)

    def _plan(self, group: list[Submission], now: float) -> tuple[Plan, list[Outcome]]:
        throttled: list[Outcome] = []
        if self._allowance is not None:
            granted = self._allowance.take(len(group), clock.monotonic_s())
            throttled = mapping.refuse(group[granted:], OutcomeKind.THROTTLED, now)
            group = group[:granted]
        carrier_ids = mapping.name_carrier_ids(self._stem, self._count, len(group))
        self._count += len(group)
        return mapping.plan_submissions(group, carrier_ids, self._terms, now), throttled

    def _book(self, event: Event) -> _Booked:
        direct = event.delay_ms == 0 and (bool(event.then) or self._hand_in.has_room())
        lease_ms = self._hand_in.lease_ms if direct else 0
        return _Booked(event, NewEvent(self._ids.one(), event.delay_ms, lease_ms, event.body), direct)

    async def _keep(self, plan: Plan, rows: list[NewEvent]) -> Kept:
        if not plan.kept:
            return Kept.YES
        return await store.keep(self._session, self._channel.id, plan, rows, self._config.unknown_after_s)

    def _send_back(self, booked: list[_Booked], *, in_time: bool) -> None:
        for booking in booked:
            if booking.direct and not in_time:
                # The lease may be over and the event in other hands: it comes by the table.
                self._delayed.add(booking.event.then)
            elif booking.direct:
                self._hand_in.take(booking.row.id, booking.event.body, booking.event.then)
            else:
                self._hand_in.expect(booking.event.delay_ms / 1000)
        self._hand_in.start_calls()

    def _refuse(self, submissions: Sequence[Submission], kind: OutcomeKind) -> None:
        if submissions:
            self._sink.outcomes(mapping.refuse(submissions, kind, clock.now_s()))
