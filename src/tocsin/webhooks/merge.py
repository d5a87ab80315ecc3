"""Makes pushes of up to 50 rows out of small ones that were never tried. Pure.

In quiet times every report is an outbox row of its own; a slow endpoint would fall behind on singles.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.webhooks.model import ROWS_PER_PUSH, Push


class Unit:
    """One push to be, and the outbox rows that it is made of (its own first)."""

    __slots__ = ("members", "push")

    def __init__(self, push: Push) -> None:
        self.push = push
        self.members = [push.id]

    def wants_fixing(self) -> bool:
        """True where this is not what the outbox says yet, or might later be made one with others."""
        return len(self.members) > 1 or (not self.push.fixed and self.push.n < ROWS_PER_PUSH)


def plan_merge(pushes: Sequence[Push], *, together: bool) -> list[Unit]:
    """Units in order. `together` off: a row each. Tried, late and full rows stay as they are."""
    units: list[Unit] = []
    bodies: list[bytes] = []
    head: Unit | None = None
    for push in pushes:
        if not together or push.fixed or push.late or push.attempts or push.n >= ROWS_PER_PUSH:
            units.append(Unit(push))
            continue
        if head is not None and head.push.n + push.n <= ROWS_PER_PUSH:
            head.members.append(push.id)
            head.push.n += push.n
            bodies.append(push.body)
            continue
        _close(head, bodies)
        head, bodies = Unit(push), [push.body]
        units.append(head)
    _close(head, bodies)
    return units


def _close(unit: Unit | None, bodies: Sequence[bytes]) -> None:
    if unit is not None and len(bodies) > 1:
        unit.push.body = b",".join(bodies)
