"""Batch numbers: 13 digits of epoch milliseconds and 4 of a slot, unique across processes by construction.

A slot is leased in the database with a high-water mark: a holder uses milliseconds above the mark that it found and
below the one that it raised, so no number comes twice, whatever the clocks do and however long a holder was stopped.
Each slot gives one number a millisecond; when all are used the next millisecond begins early.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tocsin.kit import clock

SLOTS = 10_000


class Exhausted(Exception):  # noqa: N818  (it names a state)
    """No number can be given: the lease could not be renewed in time, or the clock is off."""


class Span(NamedTuple):
    """The milliseconds of one slot that may be used: above `floor_ms`, up to `ceiling_ms`."""

    floor_ms: int
    ceiling_ms: int


class BatchNumbers:
    """The slots of one process."""

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._last_ms: dict[int, int] = {}
        self._ceiling_ms: dict[int, int] = {}
        self._turn = 0

    @property
    def slots(self) -> list[int]:
        return self._slots

    @property
    def last_ms(self) -> int:
        """The latest millisecond that was used; 0: none."""
        return max(self._last_ms.values(), default=0)

    def grant(self, spans: Mapping[int, Span]) -> None:
        """Use these slots and no others."""
        self._last_ms = {slot: max(self._last_ms.get(slot, 0), span.floor_ms) for slot, span in spans.items()}
        self._ceiling_ms = {slot: span.ceiling_ms for slot, span in spans.items()}
        self._slots = list(spans)

    def take(self, now_ms: int | None = None) -> int:
        """The next number. Raises Exhausted."""
        now = clock.now_ms() if now_ms is None else now_ms
        # Slots in turn. After the clock was set back, some may be used up (until it has caught up) and others not.
        for _ in self._slots:
            slot = self._slots[self._turn % len(self._slots)]
            self._turn += 1
            ms = max(now, self._last_ms[slot] + 1)
            if ms <= self._ceiling_ms[slot]:
                self._last_ms[slot] = ms
                return ms * SLOTS + slot
        raise Exhausted
