"""What `tocsin doctor` says of one thing."""

from __future__ import annotations

from typing import NamedTuple

OK, LOOK, WRONG = "ok", "look", "WRONG"


class Finding(NamedTuple):
    """What one look found. LOOK: worth a look, nothing is broken."""

    check: str
    state: str
    detail: str


def tell_age(age_s: float) -> str:
    """An age in the largest unit of which there are two."""
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if age_s >= 2 * seconds:
            return f"{age_s / seconds:.0f} {unit}"
    return f"{max(age_s, 0):.0f} s"
