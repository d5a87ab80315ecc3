"""The only place that reads a clock. Pure code takes `now` as an argument."""

from __future__ import annotations

import time
from datetime import datetime, timezone

UTC = timezone.utc  # noqa: UP017  (one name for both supported interpreters)


def now_s() -> float:
    """Seconds since the epoch, wall clock."""
    return time.time()


def now_ms() -> int:
    """Milliseconds since the epoch, wall clock."""
    return time.time_ns() // 1_000_000


def monotonic_s() -> float:
    """Seconds of a clock that never goes back; goes on while the process is stopped."""
    return time.monotonic()


def now() -> datetime:
    """Present instant, aware, UTC."""
    return datetime.now(UTC)
