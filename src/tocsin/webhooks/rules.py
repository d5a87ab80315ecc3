"""When a push is tried again, and what a failure means. Pure: numbers in, numbers out."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import NamedTuple

MAX_DELAY_S = 3600.0
FAILURES_BEFORE_SPLIT = 3
FAILURES_BEFORE_DOWN = 8
"""Failures in a row, as many as may be in flight, after which only retries and single probes are sent."""

GONE = 410
_WAIT_CODES = frozenset({429, 503})


def retry_delay_s(failures: int, first_s: float, chance: float) -> float:
    """Seconds until try number `failures` + 1: doubling, at most an hour; `chance` in [0, 1) takes off up to half."""
    return min(MAX_DELAY_S, first_s * 2.0 ** min(failures - 1, 30)) * (0.5 + chance / 2)


def asked_wait_s(status: int, retry_after: str, now_s: float) -> float:
    """Seconds that a 429 or 503 asks for by Retry-After (seconds or a date), at most an hour; 0: nothing asked."""
    if status not in _WAIT_CODES or not retry_after:
        return 0.0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_DELAY_S)
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - now_s
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(wait_s, 0.0), MAX_DELAY_S)


def is_taken(status: int) -> bool:
    """Any 2xx acknowledges."""
    return 200 <= status < 300


class Tries(NamedTuple):
    """When failed tries of one row began (monotonic)."""

    first_at: float
    last_at: float


def is_unwelcome(n: int, failures: int, others_taken_at: float, before: Tries | None) -> bool:
    """True where the endpoint takes others but not these `n` rows: split them, or set the one aside.

    `failures` counts this one, `before` does not. A split does no harm: a 2xx for others since the first try is enough.
    One row is set aside only after a 2xx since the try before this one: else an outage would look like a bad row.
    """
    if failures < FAILURES_BEFORE_SPLIT or before is None:
        return False
    return others_taken_at > (before.first_at if n > 1 else before.last_at)
