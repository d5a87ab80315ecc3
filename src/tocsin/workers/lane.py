"""One channel's work in one worker: claim, hand to the link, write the answers. Two loops over one Hold.

`run_claims` asks for no more than window and rate have room for, looks at the lease directly before it hands over, and
holds no transaction while the link works. `run_writes` writes all answers that came meanwhile as one transaction; while
the database is away it keeps them, and claims stand still. What an answer means is decided in messaging.submit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS, SUBMITTED
from tocsin.messaging import Books, NextChannel, Texts, Verdicts, judge, load_ended, load_work, merge_retries, record
from tocsin.routing import Channel
from tocsin.traffic import Link, Outcome
from tocsin.workers.hold import Answers, Hold
from tocsin.workers.lease import Lease
from tocsin.workers.pace import Pace

log = logging.getLogger(__name__)

CLAIM_MOST = 250
CLAIM_SHARE_S = 0.05
_POLL_S = 0.25
_PAUSE_S = 0.2


@dataclass(slots=True)
class Hands:
    """What the lanes of a worker share."""

    dsn: str
    lease: Lease
    books: Books
    next_channel: NextChannel
    receipt_timeout_s: float
    waker: queue.Waker


class Lane:
    """A channel in the hands of this worker."""

    def __init__(self, channel: Channel, link: Link, hands: Hands) -> None:
        self.channel = channel
        self.link = link
        self.hold = Hold()
        self.wake = asyncio.Event()
        self._hands = hands
        self._claims = Session(hands.dsn, f"lane {channel.name}", generic_plans=True)
        self._writes = Session(hands.dsn, f"answers {channel.name}", generic_plans=True)
        self._pace = None if channel.rate is None else Pace(channel.id, channel.rate, self._claims)
        self._texts = Texts()
        self._served = [0, 0, 0]
        self._stopping = False
        self._collected = self._written = 0  # writes begun, writes done
        self._write_done = asyncio.Event()

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Answers from the link."""
        self.hold.answer(outcomes)
        self.wake.set()

    async def run_claims(self) -> None:
        """Until `stop`; survives the database's absence."""
        while not self._stopping:
            try:
                await self._claim_once()
            except LOST:
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # the edge of the loop: the next claim starts afresh
                log.exception("claim of channel %s", self.channel.name)
                LOOP_ERRORS.labels("claim").inc()
                await asyncio.sleep(_PAUSE_S)

    async def _claim_once(self) -> None:
        if self.hold.throttled:
            # The carrier wants less: the lane rests, in order, and nobody storms.
            self.hold.throttled = 0
            await asyncio.sleep(_PAUSE_S)
        room = await self._find_room()
        if room <= 0:
            return
        self.wake.clear()
        asked = clock.monotonic_s()
        lease = self._hands.lease
        items = await queue.claim(self._claims, self.channel.id, lease.owner, lease.lease_s, (room, self._served))
        if not items:
            await self._rest()
            return
        for item in items:
            self._served[item.priority] = item.account_id
        self.hold.claim(items)
        await self._hand_over(items, asked)

    async def _find_room(self) -> int:
        room = min(self.channel.window - self.hold.parts_out, CLAIM_MOST)
        if room <= 0 or not self._hands.lease.held:
            self.wake.clear()
            await self._rest()
            return 0
        if self._pace is None:
            return room
        allowed = await self._pace.room(self._hands.lease.owner)
        if allowed <= 0:
            await asyncio.sleep(self._pace.wait_s())
            return 0
        return min(room, allowed)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self.wake.wait(), _POLL_S)
        except TimeoutError:
            return

    async def _hand_over(self, items: Sequence[queue.Item], asked: float) -> None:
        try:
            work = await load_work(self._claims, items, self._texts, self.channel.id, clock.now_s())
        except psycopg.Error:
            self.hold.give_back(items)
            raise
        if not self._hands.lease.covers(asked):
            log.warning(
                "channel %s: the lease of %d items was over before they were sent", self.channel.name, len(items)
            )
            self.hold.give_back(items)
            return
        self.hold.take(work)
        if self._pace is not None:
            self._pace.spend(len(work.submissions))
        if work.submissions:
            await self.link.submit(work.submissions)

    async def run_writes(self) -> None:
        """Until cancelled: all answers that came meanwhile, as one transaction."""
        while True:
            await self.hold.answered.wait()
            answers = self.hold.collect()
            self._collected += 1
            if answers:
                await self._write_until_done(answers)
            self._written += 1
            done, self._write_done = self._write_done, asyncio.Event()
            done.set()

    async def written(self) -> None:
        """Returns when the answers that are known by now are stored: a receipt of theirs then finds its submission."""
        target = self._collected + self.hold.answered.is_set()
        while self._written < target:
            await self._write_done.wait()

    async def _write_until_done(self, answers: Answers) -> None:
        verdicts = judge(answers.complete, self.channel, self._hands.next_channel)
        verdicts.ends += answers.ends
        while True:
            try:
                await self._write(answers, verdicts)
                break
            except psycopg.errors.UniqueViolation:
                # A receipt was quicker than the answer and ended the message.
                ended = await load_ended(self._writes, [end.message_id for end in verdicts.ends])
                verdicts.ends = [end for end in verdicts.ends if end.message_id not in ended]
            except LOST:
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # the edge of the loop: answers are kept and tried again
                log.exception("answers of channel %s", self.channel.name)
                LOOP_ERRORS.labels("answers").inc()
                await asyncio.sleep(_PAUSE_S * 5)
        self.hold.forget(answers)
        self.wake.set()
        self._tell(answers, verdicts)

    async def _write(self, answers: Answers, verdicts: Verdicts) -> None:
        owner = self._hands.lease.owner
        done, partly = self.hold.settle(answers)
        statements = []
        if done:
            statements.append(queue.finish(owner, done))
        if answers.release:
            statements.append(queue.release(owner, answers.release))
        statements += [queue.shrink(owner, item_id, ids) for item_id, ids in partly.items()]
        if verdicts.retries:
            statements.append(queue.add(merge_retries(verdicts.retries)))
        phones = self.hold.phones(answers.outcomes)
        timeout_s = self._hands.receipt_timeout_s
        statements += record(self.channel.id, (answers.outcomes, phones), verdicts, self._hands.books, timeout_s)
        await self._writes.batch(statements)

    def _tell(self, answers: Answers, verdicts: Verdicts) -> None:
        for kind, n in Counter(outcome.kind for outcome in answers.outcomes).items():
            SUBMITTED.labels(self.channel.name, kind.name).inc(n)
        if verdicts.ends:
            self._hands.waker.wake(queue.OUTBOX)

    def stop(self) -> None:
        """Claim no more."""
        self._stopping = True
        self.wake.set()

    async def drain(self, most_s: float) -> None:
        """Close the link and wait until its last answers are written."""
        await self.link.close()
        if self.hold.items:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.hold.empty.wait(), most_s)

    async def close(self) -> None:
        """End the sessions."""
        await self._claims.close()
        await self._writes.close()
