"""What one lane has in hand, and what it reads next. No I/O; time is an argument.

In hand is what is ready, in flight, or judged but not written down: none of it may be read again. There is no cursor
that skips for good: a writer may commit late under a low seq. A read begins where reads ended some seconds ago, so
that it does not walk over what was deleted since (an old snapshot on the database keeps that), and a sweep from the
very beginning comes every second for whatever was committed late, was put back, or is due again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence

from tocsin.kit.loops import pause_after
from tocsin.webhooks.model import ROWS_PER_PUSH, Push
from tocsin.webhooks.store import UNTRIED, Range

READ_AHEAD = 16
_LOW = 8
_MAX_ROWS = 400
_MAX_UNSETTLED = 256
_LAG_S = 2.0
_SWEEP_S = 1.0
_LEFT_FOR_S = 0.5
_NEWS_GAP_S = 0.005


class Shelf:
    """The rows in hand of one endpoint."""

    def __init__(self, first_retry_s: float) -> None:
        self.ready: deque[Push] = deque()
        self.news = True
        self.tried_upto = 0  # the highest seq that was tried; -1: not known yet
        self._in_hand: set[int] = set()
        self._left: dict[int, float] = {}
        self._more = False
        self._not_before = 0.0
        self._sweep_s = min(_SWEEP_S, first_retry_s / 2)
        self._sweep_at = 0.0
        self._found_at = self._looked_at = -math.inf
        self._mean_n = 2.0  # not known yet: rather one read too many rows than a push too small
        self._read_upto = self._mark_seq = self._floor = -1
        self._mark_at = 0.0

    def put(self, push: Push) -> None:
        """Ready to be pushed."""
        self._in_hand.add(push.id)
        self.ready.append(push)

    def release(self, push_id: int) -> None:
        """It is written down, or not to be pushed by us."""
        self._in_hand.discard(push_id)

    def put_down(self) -> None:
        """Give up what is ready; it still waits in the outbox."""
        self._in_hand.difference_update(push.id for push in self.ready)
        self.ready.clear()

    def leave(self, ids: Iterable[int], now: float) -> None:
        """Not now: an older row of one of their messages still waits."""
        self._left = {each: until for each, until in self._left.items() if until > now}
        self._left.update(dict.fromkeys(ids, now + _LEFT_FOR_S))

    def delay_reads(self, until: float) -> None:
        """The database is away."""
        self._not_before = until

    def note_tried(self, push: Push) -> None:
        """It goes out now."""
        self.tried_upto = max(self.tried_upto, push.seq)

    def is_low(self) -> bool:
        """Time to read on."""
        return len(self.ready) <= _LOW

    def has_unsettled(self) -> bool:
        """Something is in flight or not written down yet."""
        return len(self._in_hand) > len(self.ready)

    def is_empty_since(self, now: float, idle_s: float) -> bool:
        """Nothing in hand and nothing found for so long."""
        return not (self._in_hand or self._more or self.news) and now - self._found_at > idle_s

    def next_read_at(self, *, down: bool, probe_at: float) -> float:
        """When to read (monotonic)."""
        if not self.is_low() or len(self._in_hand) > _MAX_UNSETTLED:
            return math.inf
        when = self._sweep_at
        if down:
            when = min(when, probe_at)
        elif self._more:
            when = 0.0
        elif self.news:
            when = min(when, self._looked_at + _NEWS_GAP_S)
        return max(when, self._not_before)

    def plan_read(self, now: float, *, together: bool) -> Range:
        """The next rows, as many as make the shelf full."""
        want = READ_AHEAD - len(self.ready)
        rows_each = math.ceil(ROWS_PER_PUSH / self._mean_n) if together else 1
        span = Range(self._excluded(), min(want * rows_each, _MAX_ROWS), want * ROWS_PER_PUSH)
        if now < self._sweep_at:
            span.after = self._floor
        self.news = False
        return span

    def plan_retries(self) -> Range:
        """What was tried before."""
        span = Range(self._excluded(), _LOW, READ_AHEAD * ROWS_PER_PUSH)
        span.upto = self.tried_upto
        return span

    def plan_probe(self, also: Sequence[Push]) -> Range:
        """One row that was never tried."""
        span = Range([*self._excluded(), *(push.id for push in also)], 1, ROWS_PER_PUSH)
        span.max_attempts = UNTRIED
        return span

    def _excluded(self) -> list[int]:
        return [*self._in_hand, *self._left]

    def note_read(self, span: Range, pushes: Sequence[Push], began: float, now: float) -> None:
        """What the read found, and how long it took (monotonic)."""
        self._looked_at = now
        reports = sum(push.n for push in pushes)
        self._more = len(pushes) >= span.max_rows or reports > span.max_reports - ROWS_PER_PUSH
        if span.after < 0:
            self._sweep_at = now + pause_after(now - began, self._sweep_s)
            self._left = {each: until for each, until in self._left.items() if until > now}
        if pushes:
            self._found_at = now
            self._mean_n = reports / len(pushes)
            self._read_upto = max(self._read_upto, pushes[-1].seq)
        if now - self._mark_at >= _LAG_S:
            self._floor, self._mark_seq, self._mark_at = self._mark_seq, self._read_upto, now
