"""How densely instants lie."""

from __future__ import annotations

from collections.abc import Sequence


def most_in_a_window(times: Sequence[float], window_s: float = 1.0) -> int:
    """The largest number of instants that lie within any half-open `window_s`."""
    times = sorted(times)
    most = low = 0
    for high, at in enumerate(times):
        while times[low] <= at - window_s:
            low += 1
        most = max(most, high - low + 1)
    return most
