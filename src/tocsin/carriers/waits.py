"""Times as other systems write them: Retry-After of an answer, the time of a receipt. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_S = 3600.0
_MILLIS_FROM = 100_000_000_000
_BACK_S = 30 * 86_400.0


def read_wait_s(retry_after: str, now: float) -> float | None:
    """Seconds that Retry-After (seconds or a date) asks for, at most an hour; None: it does not say."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _MOST_S)
    try:
        wait_s = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait_s, 0.0), _MOST_S)


def read_time(text: str, now: float) -> float:
    """Epoch seconds of epoch seconds, milliseconds or ISO 8601; `now` for what is none, in the future or over a month old."""
    try:
        at = float(text)
        at = at / 1000 if at >= _MILLIS_FROM else at
    except ValueError:
        at = _read_iso(text)
    return at if now - _BACK_S <= at <= now else now


def _read_iso(text: str) -> float:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
