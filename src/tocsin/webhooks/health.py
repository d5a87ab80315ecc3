"""What is known of one endpoint from its answers, and what follows for the next push. Pure: time is an argument.

Down means: as many failures in a row as may be in flight. Then only rows that were tried before are tried again, each
on its own schedule, and new rows one at a time, as probes; so a dead endpoint costs next to nothing, and one that
cannot take eight rows is still offered others.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tocsin.webhooks import rules

_MARK_AFTER_S = 5.0
_MAX_TRIES_KNOWN = 10_000


class Failure(NamedTuple):
    """One push that was not taken."""

    push_id: int
    n: int  # rows in it
    failures: int  # of this row, this one included
    started_at: float  # monotonic
    now: float  # monotonic
    wall: float  # epoch seconds
    asked_wait_s: float
    chance: float  # in [0, 1)


class Consequence(NamedTuple):
    """What a failure leads to."""

    delay_s: float
    unwelcome: bool  # the endpoint takes others, but not this row
    mark_since: float | None  # write down that the endpoint fails since then


class Health:
    """State of one endpoint while this process serves it."""

    def __init__(self, first_retry_s: float, failing_since: float | None) -> None:
        self._first_s = first_retry_s
        self.failing_since = failing_since  # epoch seconds
        self.marked = failing_since is not None
        self.down = self.marked
        self.hold_until = 0.0
        self.probe_at = 0.0
        self._probes = 0
        self._in_a_row = 0
        self._taken_at = -math.inf
        self._tries: dict[int, rules.Tries] = {}

    def take(self, push_id: int, now: float) -> bool:
        """A 2xx. True if the endpoint was down until now."""
        came_back = self.down
        self._tries.pop(push_id, None)
        self._taken_at = now
        self._in_a_row = self._probes = 0
        self.down, self.failing_since = False, None
        self.probe_at = 0.0
        return came_back

    def fail(self, failure: Failure) -> Consequence:
        """Anything else."""
        self._in_a_row += 1
        if self.failing_since is None:
            self.failing_since = failure.wall
        if not self.down and self._in_a_row >= rules.FAILURES_BEFORE_DOWN:
            self.down = True
            self.delay_probe(failure.now, failure.chance)
        if failure.asked_wait_s:
            self.hold_until = max(self.hold_until, failure.now + failure.asked_wait_s)
        before = self._tries.get(failure.push_id)
        unwelcome = rules.is_unwelcome(failure.n, failure.failures, self._taken_at, before)
        if len(self._tries) > _MAX_TRIES_KNOWN:
            self._tries.clear()  # costs such rows one more try before they are judged
        first_at = before.first_at if before else failure.started_at
        self._tries[failure.push_id] = rules.Tries(first_at, failure.started_at)
        delay_s = rules.retry_delay_s(failure.failures, self._first_s, failure.chance)
        return Consequence(max(delay_s, failure.asked_wait_s), unwelcome, self._mark(failure.wall))

    def _mark(self, wall: float) -> float | None:
        since = self.failing_since
        if self.marked or since is None or wall - since < min(_MARK_AFTER_S, self._first_s):
            return None
        self.marked = True
        return since

    def forget(self, push_id: int) -> None:
        """This row is no more (split, set aside)."""
        self._tries.pop(push_id, None)

    def unmark(self) -> bool:
        """True once after a mark: write down that it answers again."""
        marked, self.marked = self.marked, False
        return marked

    def delay_probe(self, now: float, chance: float) -> None:
        """A new row was tried, or is not to be tried at once: the next one later, and later each time."""
        self._probes += 1
        self.probe_at = now + rules.retry_delay_s(self._probes, self._first_s, chance)

    def is_failing(self) -> bool:
        """No 2xx since the last failure."""
        return self.failing_since is not None
