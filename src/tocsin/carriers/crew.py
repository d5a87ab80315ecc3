"""What carriers over HTTP share: so many requests at once, a pause where the carrier asks for one, and each submission
answered exactly once.

Jobs begin in the order in which they came. A job that had not begun when the link closes is TEMPORARY: nothing was sent;
one whose request is under way may finish for a short while and is UNKNOWN after it. It must not know what is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from tocsin.kit import clock
from tocsin.kit.address import Guard
from tocsin.kit.egress import Egress, Talk
from tocsin.traffic import Outcome, OutcomeKind, Product, Reason, Sink, Submission

_GRACE_S = 2.0
_ANYWHERE = Guard((ip_network("0.0.0.0/0"), ip_network("::/0")))
"""A carrier's address is the operator's choice: it may be next door."""

_COMPLAIN_EVERY_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Job:
    """Submissions of one request. `sent`: the carrier may have it."""

    submissions: Sequence[Submission]
    sent: bool = False


Carry = Callable[[Job], Awaitable[list[Outcome]]]
"""Asks and answers for all submissions of the job; sets `sent` before anything leaves."""


def open_egress(connect_s: float, total_s: float, talk: Talk) -> Egress:
    """The way to an operator's carrier: any address."""
    return Egress(_ANYWHERE, connect_s=connect_s, total_s=total_s, talk=talk)


def answer_all(
    submissions: Sequence[Submission], kind: OutcomeKind, at: float, reason: Reason = Reason.SENDING
) -> list[Outcome]:
    """The same answer to each."""
    return [Outcome(s.message_id, s.attempt, s.part, kind, at, None, reason) for s in submissions]


class Crew:
    """So many workers over one queue of jobs."""

    def __init__(self, name: str, size: int, longest_pause_s: float, carry: Carry) -> None:
        self.faults = 0
        self._name = name
        self._size = size
        self._longest_pause_s = longest_pause_s
        self._carry = carry
        self._waiting: deque[Job] = deque()
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._closing = asyncio.Event()
        self._paused_until = 0.0
        self._said: dict[str, float] = {}

    def open(self, sink: Sink) -> None:
        """Begin."""
        self._sink = sink
        self._workers = [asyncio.create_task(self._work(), name=f"{self._name} {i}") for i in range(self._size)]

    def answer(self, outcomes: Sequence[Outcome]) -> None:
        """Of submissions that need no job."""
        self._sink.outcomes(outcomes)

    async def submit(self, jobs: Sequence[Job]) -> None:
        """Take these; waits while as many are waiting as are under way. After close() they are TEMPORARY."""
        if self._closing.is_set():
            for job in jobs:
                self._sink.outcomes(answer_all(job.submissions, OutcomeKind.TEMPORARY, clock.now_s()))
            return
        self._waiting.extend(jobs)
        self._arrived.set()
        while len(self._waiting) > self._size and not self._closing.is_set():
            self._room.clear()
            await self._room.wait()

    def pause(self, wait_s: float) -> None:
        """Begin nothing for so long, within the channel's bound."""
        until = clock.monotonic_s() + min(wait_s, self._longest_pause_s)
        self._paused_until = max(self._paused_until, until)

    def complain(self, text: str) -> None:
        """Tell the operator, once a minute for each text."""
        now_s = clock.monotonic_s()
        if now_s - self._said.get(text, -_COMPLAIN_EVERY_S) >= _COMPLAIN_EVERY_S:
            if len(self._said) > 100:
                self._said.clear()
            self._said[text] = now_s
            _log.error("channel %s: %s", self._name, text)

    async def close(self) -> None:
        """Answer what has not begun, let what is under way finish for about two seconds, end."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._arrived.set()
        self._room.set()
        rest = [submission for job in self._waiting for submission in job.submissions]
        self._waiting.clear()
        if rest:
            self._sink.outcomes(answer_all(rest, OutcomeKind.TEMPORARY, clock.now_s()))
        _, late = await asyncio.wait(self._workers, timeout=_GRACE_S)
        for worker in late:
            worker.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            await self._sit_out()
            if self._closing.is_set():
                return
            if not self._waiting:
                self._arrived.clear()
                continue
            job = self._waiting.popleft()
            self._room.set()
            await self._carry_one(job)

    async def _sit_out(self) -> None:
        while (left_s := self._paused_until - clock.monotonic_s()) > 0 and not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), left_s)

    async def _carry_one(self, job: Job) -> None:
        outcomes = None
        try:
            outcomes = await self._carry(job)
        except Exception:  # noqa: BLE001  the edge: one request's fault, logged, counted, and its submissions answered
            self.faults += 1
            _log.exception("channel %s: fault in a request", self._name)
        finally:
            if outcomes is None:
                kind = OutcomeKind.UNKNOWN if job.sent else OutcomeKind.TEMPORARY
                outcomes = answer_all(job.submissions, kind, clock.now_s())
            self._sink.outcomes(outcomes)


def pick_sms(crew: Crew, submissions: Sequence[Submission]) -> Sequence[Submission]:
    """Those that are SMS. The rest is TEMPORARY: a route leads wrong, and another one may take it."""
    foreign = [each for each in submissions if each.product is not Product.SMS]
    if not foreign:
        return submissions
    crew.complain(f"it carries SMS alone, and a route leads {foreign[0].product.name} to it")
    crew.answer(answer_all(foreign, OutcomeKind.TEMPORARY, clock.now_s()))
    return [each for each in submissions if each.product is Product.SMS]
