"""Pure: when the circuit breaker of a channel and country opens, and when it closes again.

It opens when the delivery rate of the last finals falls below a share of that of the last 24 h. After a while it is
half-open: a little traffic goes there, and its finals close it or open it anew. Finals that no carrier brought about
(cancelled, blacklisted, locked) are not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CLOSED, OPEN, HALF_OPEN, DOWN = "closed", "open", "half-open", "down"
ANYWHERE = -1
"""The country of a channel that is down."""
_PROBES_IN_WINDOW = 20
_NUMBERS_MOST = 400  # of a list; the two oldest pairs become one


class BreakerTerms(NamedTuple):
    """`window`: finals that are looked at, and the fewest; `factor`: of the day's rate, 0: it never opens."""

    window: int = 200
    factor: float = 0.5
    half_open_s: float = 60.0


class Counted(NamedTuple):
    """Finals of a channel and country since the last count; both are signed: a time-out may be taken back."""

    channel_id: int
    country_id: int
    good: int
    total: int


class Watched(NamedTuple):
    """A channel and country, with what it had before a count. Pairs are good, total, the oldest first."""

    channel_id: int
    country_id: int
    recent: Sequence[int]
    day_good: int
    day_total: int
    state: str
    rate_at_opening: float  # of the day before


def add(recent: Sequence[int], good: int, total: int, window: int) -> list[int]:
    """The pairs with a new one, cut to the last `window` finals: of the pair that is cut through, as many in proportion."""
    if total <= 0:
        return list(recent)
    pairs = [*recent, max(0, min(good, total)), total]
    over = sum(pairs[1::2]) - window
    while over >= pairs[1]:
        over -= pairs[1]
        del pairs[:2]
    if over > 0:
        pairs[0], pairs[1] = round(pairs[0] * (pairs[1] - over) / pairs[1]), pairs[1] - over
    if len(pairs) > _NUMBERS_MOST:
        pairs[:4] = [pairs[0] + pairs[2], pairs[1] + pairs[3]]
    return pairs


def rate(good: int, total: int) -> float:
    """Of deliveries among finals, 0 to 1."""
    return min(1.0, good / total) if total > 0 else 0.0


def judge(watched: Watched, terms: BreakerTerms) -> str:
    """The state that follows from its finals; that half of the work which needs no clock."""
    good, total = sum(watched.recent[::2]), sum(watched.recent[1::2])
    if watched.state == HALF_OPEN:
        if total < max(1, terms.window // _PROBES_IN_WINDOW):
            return HALF_OPEN
        return CLOSED if rate(good, total) >= terms.factor * watched.rate_at_opening else OPEN
    if watched.state != CLOSED or total < terms.window or watched.day_total < terms.window:
        return watched.state
    fallen = rate(good, total) < terms.factor * rate(watched.day_good, watched.day_total)
    return OPEN if fallen else CLOSED
