"""What carriers bring, for one channel: receipts and replies, gathered and stored in bulk. The sink's awaited half.

Whoever waits in `receipts` is told only after the commit, so that a carrier is acknowledged for what is on disk.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.ids import Ids
from tocsin.kit.metrics import LOOP_ERRORS, RECEIPTS
from tocsin.messaging import Answers, End, receive, receive_feedback, receive_replies
from tocsin.traffic import Feedback, Inbound, Receipt
from tocsin.workers.hands import Hands
from tocsin.workers.lane import Lane

log = logging.getLogger(__name__)

MOST_AT_ONCE = 1000
_NEWEST = 0.2  # weight of the last batch in the average delay

Group = list[tuple[Sequence[Receipt], asyncio.Future[None]]]
"""Receipts, and who waits for them to be stored."""


class WrongClockError(Exception):
    """This process may end nothing now."""

    def __init__(self) -> None:
        super().__init__("this machine's clock is wrong")


class Intake:
    """Receipts and replies of one channel."""

    def __init__(self, lane: Lane, hands: Hands) -> None:
        self._lane = lane
        self._clock = hands.lease.clock
        self._channel_id, self._name = lane.channel.id, lane.channel.name
        self._session = Session(hands.dsn, f"receipts {self._name}", generic_plans=True)
        self._books = hands.books
        self._answers = Answers(hands.ground, hands.books)
        self._waker = hands.waker
        self._ids = Ids()
        self._waiting: Group = []
        self._event = asyncio.Event()
        self._turn = asyncio.Lock()
        self.delay_s = 0.0  # from hand-over to receipt, average of the last ones; 0: none came

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        """Returns when they are committed; raises what kept them from it."""
        self._check_clock()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((receipts, future))
        self._event.set()
        await future

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        """Returns when they are committed; raises what kept them from it."""
        self._check_clock()
        async with self._turn:
            stored = await receive_replies(self._session, self._channel_id, replies, self._answers, self._ids)
        self._waker.wake(queue.OUTBOX)
        if stored.answered:
            self._waker.wake(queue.LANE)

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        """Returns when it is committed; raises what kept it from it."""
        self._check_clock()
        await self._lane.written()  # its submissions are stored
        async with self._turn:
            await receive_feedback(self._session, self._channel_id, feedback, self._books, self._ids)
        self._waker.wake(queue.OUTBOX)

    def _check_clock(self) -> None:
        """What a carrier brings has the time of our clock, and ends messages. Raises WrongClockError: it is brought again."""
        if not self._clock.is_right():
            raise WrongClockError

    async def run(self) -> None:
        """Until cancelled: one transaction for what came meanwhile."""
        while True:
            await self._event.wait()
            group = self._take()
            # After the taking: of what comes meanwhile the answers may still be on their way to the disk.
            await self._lane.written()
            if not await self._store(group) and len(group) > 1:
                # One that cannot be stored at all hurts only what came in its own call.
                for entry in group:
                    await self._store([entry])

    async def _store(self, group: Group) -> bool:
        """Store and tell who waits. False, without a word to them: several together were not taken, try each alone."""
        receipts = [receipt for some, _ in group for receipt in some]
        try:
            async with self._turn:
                received = await receive(self._session, self._channel_id, receipts, self._books)
        except Exception as error:  # the edge of the loop: the carrier is not told and brings them again
            log.warning("receipts of channel %s were not stored: %s", self._name, error, exc_info=not _is_away(error))
            LOOP_ERRORS.labels("receipts").inc()
            if len(group) > 1 and not _is_away(error):
                return False
            _finish(group, error)
            return True
        _finish(group, None)
        RECEIPTS.labels(self._name).inc(len(receipts))
        if received.ends:
            self._note_delay(received.ends)
            self._waker.wake(queue.OUTBOX)
        return True

    def _note_delay(self, ends: Sequence[End]) -> None:
        handed = [end.submitted_at for end in ends if end.submitted_at]
        if handed:
            delay_s = max(0.0, clock.now_s() - sum(handed) / len(handed))
            self.delay_s += (delay_s - self.delay_s) * (_NEWEST if self.delay_s else 1.0)

    def _take(self) -> Group:
        group: Group = []
        count = 0
        while self._waiting and count < MOST_AT_ONCE:
            group.append(self._waiting.pop(0))
            count += len(group[-1][0])
        if not self._waiting:
            self._event.clear()
        return group

    async def close(self) -> None:
        """End the session."""
        await self._session.close()


def _is_away(error: Exception) -> bool:
    return isinstance(error, LOST)


def _finish(group: Group, error: Exception | None) -> None:
    for _, future in group:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
