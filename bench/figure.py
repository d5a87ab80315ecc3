"""What a figure is: a sentence, what must be reached, what was reached, and the numbers behind it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple


class Own(NamedTuple):
    """What the product alone reached, for the comparison with another tree of it."""

    value: float
    unit: str
    more_is_better: bool = True


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
    own: Own | None = None

    def as_json(self) -> dict[str, Any]:
        own = self.own._asdict() if self.own else None
        return {**asdict(self), "own": own}


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
