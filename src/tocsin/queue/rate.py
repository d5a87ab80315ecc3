"""A process's share of a channel's rate, as pure state: shares by epoch of 5 s, spent on the monotonic clock.

A share holds for its epoch on the database's clock. Both ends are carried over to the monotonic clock
on the safe side: the start by when the answer came, the end by when the question went out. So two processes never
spend the same moment's rate, and one that was paused wakes with a share that is over.
"""

from __future__ import annotations

from typing import NamedTuple

EPOCH_S = 5
_BURST_S = 0.05
_ROUNDING = 1e-6
_LEAST_S = 0.001


def epoch_of(database_s: float) -> int:
    """Number of the epoch that holds the instant."""
    return int(database_s // EPOCH_S)


class Share(NamedTuple):
    epoch: int
    starts: float  # monotonic
    ends: float  # monotonic
    rate: int  # parts per second


def place(epoch: int, rate: int, database_s: float, asked: float, answered: float) -> Share:
    """Where an epoch lies on the monotonic clock."""
    start, end = epoch * EPOCH_S, (epoch + 1) * EPOCH_S
    return Share(epoch, answered + (start - database_s), asked + (end - database_s), rate)


class Bucket:
    """Tokens (parts) of the shares at hand."""

    def __init__(self) -> None:
        self._shares: list[Share] = []
        self._tokens = 0.0
        self._filled = 0.0

    def give(self, share: Share) -> None:
        """Add the share of an epoch."""
        if all(s.epoch != share.epoch for s in self._shares):
            self._shares = sorted([*self._shares[-2:], share])

    def wants(self, epoch: int) -> bool:
        """Is the share of this epoch still unknown?"""
        return all(s.epoch != epoch for s in self._shares)

    def _current(self, now: float) -> Share | None:
        return next((s for s in self._shares if s.starts <= now < s.ends), None)

    def _fill(self, now: float) -> Share | None:
        current = self._current(now)
        if current is None:
            self._tokens = min(self._tokens, 0.0)
            self._filled = now
            return None
        since = max(self._filled, current.starts)
        # One part and what comes in 50 ms: a loop that wakes a little late loses nothing of the rate.
        burst = 1.0 + current.rate * _BURST_S if current.rate else 0.0
        self._tokens = min(burst, self._tokens + max(0.0, now - since) * current.rate)
        self._filled = now
        return current

    def room(self, now: float) -> int:
        """Whole parts that may go now."""
        self._fill(now)
        return max(0, int(self._tokens + _ROUNDING))

    def spend(self, parts: int) -> None:
        """Parts went out; a message of several parts may borrow, the next waits longer."""
        self._tokens -= parts

    def wait_s(self, now: float) -> float:
        """Until a part may go."""
        current = self._fill(now)
        if current is None:
            starts = [s.starts for s in self._shares if s.starts > now]
            return min([0.2, *(s - now for s in starts)])
        if current.rate <= 0:
            return min(0.2, max(_LEAST_S, current.ends - now))
        # At least a millisecond: a wait that is smaller than the clock can tell would never end.
        return min(0.2, max(_LEAST_S, (1.0 - self._tokens) / current.rate))
