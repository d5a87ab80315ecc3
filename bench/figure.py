"""What a figure is: a sentence, what must be reached, what was reached, and the numbers behind it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Figure:
    """One row of the table."""

    name: str
    what: str
    must: str
    reached: str
    ok: bool
    processes: str  # how many of which it used
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


Say = Callable[[str], None]
Measure = Callable[[Say], list[Figure]]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def quantile_ms(waits_s: Sequence[float], q: float) -> float:
    """The q-th quantile in milliseconds (nearest rank)."""
    ordered = sorted(waits_s)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000, 2)


ONE_EACH = "1 api + its helper, 1 worker, 1 push, postgres"
