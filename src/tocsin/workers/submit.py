"""The worker: a lane and an intake per channel of this moment's settings, and the upkeep that belongs to lanes.

It opens links, starts and stops lanes as channels come, pause and change, and ends in order. It decides nothing about
messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from tocsin.carriers import BadConfigError, ChannelFacts, open_link
from tocsin.kit import clock
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.routing import Channel, Table
from tocsin.traffic import Feedback, Inbound, LinkState, Outcome, Receipt
from tocsin.workers.hands import Hands
from tocsin.workers.lane import Lane
from tocsin.workers.receive import Intake

log = logging.getLogger(__name__)

_LOOK_S = 0.3
_OPEN_S = 10.0
_HAND_OVER_S = 0.5
_DRAIN_S = END_WITHIN_S / 2  # the link's own closing comes before it


class _Sink:
    """A lane and an intake, as a link sees them."""

    def __init__(self, lane: Lane, intake: Intake) -> None:
        self._lane = lane
        self._intake = intake

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self._lane.outcomes(outcomes)

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        await self._intake.receipts(receipts)

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        await self._intake.inbound(replies)

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        await self._intake.feedback(feedback)


class Running:
    """A channel at work: its parts and their loops."""

    def __init__(self, lane: Lane, intake: Intake, stop: Stop) -> None:
        self.lane = lane
        self.intake = intake
        self._loops = Loops(stop)
        self._claims: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._loops.start(self.lane.recorder.run(), self.intake.run())
        async with asyncio.timeout(_OPEN_S):
            await self.lane.link.open(_Sink(self.lane, self.intake))
        if not self.lane.channel.paused:
            self._claims = asyncio.create_task(self.lane.run_claims(), name="Lane.run_claims")
            self._loops.watch(self._claims)

    def state(self) -> LinkState:
        """The link's, with what only the platform knows of it."""
        state = self.lane.link.state()
        delay_ms = state.receipt_delay_ms or int(self.intake.delay_s * 1000)
        window = min(state.window or self.lane.channel.window, self.lane.channel.window)
        return msgspec.structs.replace(state, window=window, receipt_delay_ms=delay_ms)

    async def stop(self) -> None:
        """End in order, and in bounded time even where the link hangs or the database is away."""
        self._loops.let_end()
        self.lane.stop()
        claims = [self._claims] if self._claims is not None else []
        if claims:
            # A hand-over may wait for room that only the link's close gives it.
            await asyncio.wait(claims, timeout=_HAND_OVER_S)
        await self.lane.drain(_DRAIN_S)
        await self._loops.end()
        await self.lane.close()
        await self.intake.close()


class Worker:
    """All channels of this process."""

    def __init__(self, table: Table, hands: Hands, receipt_timeout_s: float, stop: Stop) -> None:
        self._table = table
        self._hands = hands
        self._receipt_timeout_s = receipt_timeout_s
        self._stop = stop
        self._running: dict[int, Running] = {}
        self._refused: dict[int, Channel] = {}
        self._closed: dict[int, LinkState] = {}  # channels that cannot be opened, and why

    def held_items(self) -> list[int]:
        """Items in hand, over all lanes."""
        return [item_id for running in self._running.values() for item_id in running.lane.hold.items]

    def states(self) -> dict[int, LinkState]:
        """Of all links, by channel; one that cannot be opened is down."""
        return {**self._closed, **{channel_id: running.state() for channel_id, running in self._running.items()}}

    def wake(self) -> None:
        """Something new in some lane."""
        for running in self._running.values():
            running.lane.wake.set()

    async def run(self) -> None:
        """Follow the channels' settings until `stop`, then end in order."""
        while not self._stop.is_set():
            await self._follow()
            try:
                await asyncio.wait_for(self._stop.wait(), _LOOK_S)
            except TimeoutError:
                continue
        await asyncio.gather(*(running.stop() for running in self._running.values()))

    async def _follow(self) -> None:
        wanted = {channel.id: channel for channel in self._table.channels()}
        for channel_id, running in list(self._running.items()):
            if wanted.get(channel_id) != running.lane.channel:
                await running.stop()  # until then its items are held, and their leases renewed
                del self._running[channel_id]
        self._closed = {channel_id: state for channel_id, state in self._closed.items() if channel_id in wanted}
        for channel in wanted.values():
            if channel.id not in self._running and self._refused.get(channel.id) != channel:
                await self._start(channel)

    async def _start(self, channel: Channel) -> None:
        facts = ChannelFacts(channel.id, channel.name, channel.config, self._receipt_timeout_s)
        try:
            link = open_link(channel.kind, facts, self._hands.dsn, self._hands.open_sealed)
        except BadConfigError as error:
            log.error("%s", error)  # noqa: TRY400  (the sentence says all; a trace adds nothing)
            self._refused[channel.id] = channel
            self._close(channel, "its settings cannot be used: see `tocsin doctor`")
            return
        lane = Lane(channel, link, self._hands)
        running = Running(lane, Intake(lane, self._hands), self._stop)
        try:
            await running.start()
        except Exception:  # the edge: one channel that cannot open stops no other; it is tried again
            log.exception("channel %s could not be opened", channel.name)
            LOOP_ERRORS.labels("open").inc()
            self._close(channel, "it could not be opened: see the worker's log")
            await running.stop()
            return
        self._running[channel.id] = running
        self._closed.pop(channel.id, None)

    def _close(self, channel: Channel, why: str) -> None:
        self._closed[channel.id] = LinkState(binds_wanted=1, last_error=why, last_error_at=clock.now_s())
