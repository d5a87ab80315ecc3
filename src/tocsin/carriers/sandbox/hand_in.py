"""Hands the sandbox's receipts and replies to the platform, and forgets each only after the platform has committed it.

An event is in the table, under a lease that is renewed while this process has it in hand, from before its first hand-in
until after its acknowledgement: a worker that dies, or a sink that raises, makes it come again when the lease is over.
Several links share a channel: a lease is taken with SKIP LOCKED, so none hands in what another has. Memory is bounded:
over _HOLD receipts in hand nothing more is claimed. One task uses the session; hand-ins run beside it.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Sequence

from tocsin.carriers.sandbox import store
from tocsin.carriers.sandbox.mapping import Body
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.loops import pause_after
from tocsin.traffic import Feedback, Inbound, Outcome, Receipt, Sink

_HOLD = 8_000
_CALLS = 4
_CALL_RECEIPTS = 1_000
_CLAIM_EVENTS = 64
_POLL_S = 1.0
_FRESH_S = 2
_ANY_TIME_S = 100_000_000
_PAUSE_S = 0.5
_GRAIN_S = 0.005
_FORGET_EVERY_S = 3600.0
_FORGET_ROWS = 10_000
_log = logging.getLogger(__name__)


class Held:
    """An event in our hands."""

    __slots__ = ("body", "id", "since_s", "size", "then")

    def __init__(self, event_id: bytes, body: Body, then: Sequence[Outcome] = ()) -> None:
        self.id = event_id
        self.body = body
        self.then = then
        self.size = len(body.ids) + len(body.replies) + len(body.feedback)
        self.since_s = clock.monotonic_s()


class HandIn:
    """The way back of one link. `lease_s` and `keep_days` as in the settings."""

    def __init__(self, channel_id: int, session: Session, lease_s: float, keep_days: int) -> None:
        self.faults = 0
        self._channel_id = channel_id
        self._session = session
        self._lease_s = lease_s
        self._keep_days = keep_days
        self._held: dict[bytes, Held] = {}
        self._held_receipts = 0
        self._ready: deque[Held] = deque()
        self._calls: set[asyncio.Task[None]] = set()
        self._done: list[Held] = []
        self._dues: list[float] = []
        self._claim_at = 0.0
        self._forget_at = clock.monotonic_s() + _FORGET_EVERY_S
        self._wake = asyncio.Event()
        self._closing = False

    @property
    def lease_ms(self) -> int:
        """The length of a lease."""
        return int(self._lease_s * 1000)

    def open(self, sink: Sink) -> None:
        """Begin to hand in what is due, also what a link before us left."""
        self._sink = sink
        self._task = asyncio.create_task(self._run(), name=f"sandbox {self._channel_id} hand-in")

    def has_room(self) -> bool:
        """Whether events may come straight from memory; else they wait in the table."""
        return self._held_receipts < _HOLD and not self._closing

    def take(self, event_id: bytes, body: Body, then: Sequence[Outcome] = ()) -> None:
        """Hand in an event that is stored under our lease. `then` is given to the sink after the first try."""
        held = Held(event_id, body, then)
        self._held[event_id] = held
        self._held_receipts += held.size
        self._ready.append(held)

    def expect(self, delay_s: float) -> None:
        """An event was stored that is due in `delay_s`: look then, not only at the next poll."""
        if delay_s < _POLL_S * 60:
            due = clock.monotonic_s() + delay_s
            # Those that come together are claimed together.
            due -= due % _GRAIN_S - _GRAIN_S
            if due not in self._dues[-1:]:
                heapq.heappush(self._dues, due)
                self._wake.set()

    def start_calls(self) -> None:
        """Hand in what is ready, as far as calls are free; several events join in one call."""
        while self._ready and len(self._calls) < _CALLS:
            batch = [self._ready.popleft()]
            size = batch[0].size
            while self._ready and size + self._ready[0].size <= _CALL_RECEIPTS:
                size += self._ready[0].size
                batch.append(self._ready.popleft())
            self._calls.add(asyncio.create_task(self._call(batch)))

    async def close(self, grace_s: float) -> None:
        """Finish what is in hand for up to `grace_s`; give the rest back to the table, and end."""
        self._closing = True
        self._wake.set()
        end_s = clock.monotonic_s() + grace_s
        tasks = {self._task, *self._calls}
        while tasks and (left_s := end_s - clock.monotonic_s()) > 0:
            await asyncio.wait(tasks, timeout=left_s)
            tasks = {task for task in (self._task, *self._calls) if not task.done()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for held in self._ready:
            self._answer(held)
        try:
            async with asyncio.timeout(max(end_s - clock.monotonic_s(), 0.5)):
                await self._acknowledge()
                if self._held:
                    await store.renew(self._session, list(self._held), 0)
        except (TimeoutError, *LOST):
            _log.info("sandbox channel %d: %d events come again later", self._channel_id, len(self._held))
        await self._session.close()

    async def _call(self, batch: list[Held]) -> None:
        try:
            await self._hand_over(batch)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001  the sink's fault: logged, counted, and the receipts come again
            self.faults += 1
            _log.warning("sandbox channel %d: receipts were not taken", self._channel_id, exc_info=True)
            for held in batch:
                self._drop(held)
        else:
            self._done.extend(batch)
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._calls.discard(task)
            for held in batch:
                self._answer(held)
        self.start_calls()
        self._wake.set()

    async def _hand_over(self, batch: list[Held]) -> None:
        receipts: list[Receipt] = []
        replies: list[Inbound] = []
        feedback: list[Feedback] = []
        for held in batch:
            receipts += held.body.receipts()
            replies += held.body.replies
            feedback += held.body.feedback
        if receipts:
            await self._sink.receipts(receipts)
        if replies:
            await self._sink.inbound(replies)
        if feedback:
            await self._sink.feedback(feedback)

    def _answer(self, held: Held) -> None:
        then, held.then = held.then, ()
        if then:
            self._sink.outcomes(then)

    def _drop(self, held: Held) -> None:
        if self._held.pop(held.id, None) is not None:
            self._held_receipts -= held.size

    async def _run(self) -> None:
        while not self._closing:
            await self._wait()
            try:
                await self._acknowledge()
                await self._renew()
                await self._claim()
                await self._forget()
            except LOST as error:
                _log.warning("sandbox channel %d lost its store: %s", self._channel_id, error)
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # noqa: BLE001  edge of the loop: logged, counted, and tried again
                self.faults += 1
                _log.exception("sandbox channel %d: fault in the hand-in loop", self._channel_id)
                await asyncio.sleep(_PAUSE_S)

    async def _wait(self) -> None:
        now_s = clock.monotonic_s()
        until_s = now_s + self._lease_s / 3
        if self.has_room():
            until_s = min(self._claim_at, self._dues[0] if self._dues else self._claim_at, until_s)
        if self._done or until_s <= now_s:
            return
        self._wake.clear()
        if self._closing:
            return
        try:
            async with asyncio.timeout(until_s - now_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _acknowledge(self) -> None:
        if not self._done:
            return
        done, self._done = self._done, []
        try:
            await store.acknowledge(self._session, [held.id for held in done])
        except BaseException:
            self._done = done + self._done  # still leased, still ours to forget
            raise
        for held in done:
            self._drop(held)

    async def _renew(self) -> None:
        now_s = clock.monotonic_s()
        old = [held for held in self._held.values() if held.since_s < now_s - self._lease_s / 3]
        if old:
            await store.renew(self._session, [held.id for held in old], self.lease_ms)
            for held in old:
                held.since_s = now_s

    async def _claim(self) -> None:
        now_s = clock.monotonic_s()
        poll = self._claim_at <= now_s
        due = poll or bool(self._dues and self._dues[0] <= now_s)
        if not due or not self.has_room():
            return
        while self._dues and self._dues[0] <= now_s:
            heapq.heappop(self._dues)
        since_s = _ANY_TIME_S if poll else _FRESH_S
        claimed = await store.claim(self._session, self._channel_id, since_s, _CLAIM_EVENTS, self.lease_ms)
        if len(claimed) == _CLAIM_EVENTS:
            self._claim_at = now_s
        elif poll:
            answered_s = clock.monotonic_s()
            self._claim_at = answered_s + pause_after(answered_s - now_s, _POLL_S)
        for event in claimed:
            # In our hands already: the lease ran out while the hand-in still goes on.
            if event.id not in self._held:
                self.take(event.id, event.body)
        self.start_calls()

    async def _forget(self) -> None:
        now_s = clock.monotonic_s()
        if now_s >= self._forget_at:
            gone = await store.forget(self._session, self._channel_id, self._keep_days, _FORGET_ROWS)
            self._forget_at = now_s + (_POLL_S if gone == _FORGET_ROWS else _FORGET_EVERY_S)
