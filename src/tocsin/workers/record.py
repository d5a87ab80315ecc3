"""Writes down what a lane's link answered: all answers that came meanwhile as one transaction, again and again.

While the database is away the answers are kept, and because they are not recorded the lane hands nothing over. Where
the answer to a COMMIT was lost it looks whether the items are still there before it writes again: a retry that is put
into the lane twice would be sent twice. What an answer means is decided in messaging.submit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter

from psycopg import errors

from tocsin import queue
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS, SUBMITTED
from tocsin.messaging import Verdicts, judge, merge_retries, record, renew_ends
from tocsin.routing import Channel
from tocsin.workers.hands import Hands
from tocsin.workers.hold import Answers, Hold, Settled

log = logging.getLogger(__name__)

_PAUSE_S = 0.2
_AFTER_FAULT_S = 1.0


class Recorder:
    """Of one lane."""

    def __init__(self, channel: Channel, hold: Hold, hands: Hands) -> None:
        self._channel = channel
        self._hold = hold
        self._hands = hands
        self._session = Session(hands.dsn, f"answers {channel.name}", generic_plans=True)
        self._begun = self._done = 0  # writes
        self._write_done = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._hold.answered.wait()
            answers = self._hold.collect()
            self._begun += 1
            if answers:
                await self._write_until_done(answers)
            self._done += 1
            done, self._write_done = self._write_done, asyncio.Event()
            done.set()

    async def written(self) -> None:
        """Returns when the answers that are known by now are stored: a receipt of theirs then finds its submission."""
        target = self._begun + self._hold.answered.is_set()
        while self._done < target:
            await self._write_done.wait()

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    async def _write_until_done(self, answers: Answers) -> None:
        verdicts = Verdicts()
        judged = doubt = False
        while True:
            settled = self._hold.settle(answers)
            try:
                if not judged:
                    verdicts, judged = self._judge(answers), True
                if not (doubt and (settled.written or await self._is_written(settled))):
                    await self._write(answers, verdicts, settled)
                break
            except errors.UniqueViolation:
                # A receipt was quicker than the answer and brought the message into a state.
                await self._renew_ends(verdicts)
            except LOST as error:
                log.warning("answers of channel %s wait for the database: %s", self._channel.name, error)
                doubt = True
                await asyncio.sleep(_PAUSE_S)
            except Exception:  # the edge of the loop: answers are kept and tried again
                log.exception("answers of channel %s", self._channel.name)
                LOOP_ERRORS.labels("answers").inc()
                await asyncio.sleep(_AFTER_FAULT_S)
        self._hold.forget(answers, settled)
        self._tell(answers, verdicts)

    def _judge(self, answers: Answers) -> Verdicts:
        verdicts = judge(answers.complete, self._channel, self._hands.next_channel)
        verdicts.ends += answers.ends
        return verdicts

    async def _renew_ends(self, verdicts: Verdicts) -> None:
        with contextlib.suppress(*LOST):  # then the next write finds out
            verdicts.ends = await renew_ends(self._session, verdicts.ends)

    async def _is_written(self, settled: Settled) -> bool:
        """After a lost answer: are these items changed already? Waits for a transaction that is still under way."""
        wanted = {*settled.done, *settled.release, *settled.shrink}
        if not wanted:
            return False
        found = await queue.look(self._session, self._hands.lease.owner, list(wanted))
        return any(
            item_id not in found or not found[item_id].issuperset(settled.shrink.get(item_id, ())) for item_id in wanted
        )

    async def _write(self, answers: Answers, verdicts: Verdicts, settled: Settled) -> None:
        owner = self._hands.lease.owner
        statements = [queue.shrink(owner, item_id, ids) for item_id, ids in settled.shrink.items()]
        if settled.done:
            statements.append(queue.finish(owner, settled.done))
        if settled.release:
            statements.append(queue.release(owner, settled.release))
        if retries := [*merge_retries(verdicts.retries), *(each for each in answers.later if not each.batch_no)]:
            statements.append(queue.add(retries))
        if held := [each for each in answers.later if each.batch_no]:
            statements.append(queue.hold(held))
        phones = self._hold.phones(answers.outcomes)
        timeout_s = self._hands.receipt_timeout_s
        if verdicts.ends:
            await self._hands.books.look(self._session)
        statements += record(self._channel.id, (answers.outcomes, phones), verdicts, self._hands.books, timeout_s)
        await self._session.batch(statements)

    def _tell(self, answers: Answers, verdicts: Verdicts) -> None:
        for kind, n in Counter(outcome.kind for outcome in answers.outcomes).items():
            SUBMITTED.labels(self._channel.name, kind.name).inc(n)
        if verdicts.ends:
            self._hands.waker.wake(queue.OUTBOX)
