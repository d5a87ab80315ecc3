"""Batch numbers: 13 digits of epoch milliseconds and 4 of a slot, unique across processes by construction.

A slot is leased in the database with a high-water mark: a holder uses milliseconds above the mark that it found and
below the one that it raised, so no number comes twice, whatever the clocks do and however long a holder was stopped.
Each slot gives one number a millisecond; when all are used the next millisecond begins early.
"""

from __future__ import annotations

from tocsin.kit import clock

SLOTS = 10_000


class Exhausted(Exception):  # noqa: N818  (it names a state)
    """No number can be given: the lease could not be renewed in time, or the clock is off."""


class BatchNumbers:
    """The slots of one process."""

    def __init__(self) -> None:
        self._slots: list[int] = []
        self._last_ms: dict[int, int] = {}
        self._ceiling_ms = 0
        self._turn = 0

    @property
    def slots(self) -> list[int]:
        return self._slots

    def grant(self, slots: dict[int, int], ceiling_ms: int) -> None:
        """Use these slots, each above its old high-water mark, up to `ceiling_ms`; slots that are missing are lost."""
        self._last_ms = {slot: max(self._last_ms.get(slot, 0), floor) for slot, floor in slots.items()}
        self._slots = list(slots)
        self._ceiling_ms = ceiling_ms

    def take(self, now_ms: int | None = None) -> int:
        """The next number. Raises Exhausted."""
        if not self._slots:
            raise Exhausted
        now = clock.now_ms() if now_ms is None else now_ms
        slot = self._slots[self._turn % len(self._slots)]
        self._turn += 1
        ms = max(now, self._last_ms[slot] + 1)
        if ms > self._ceiling_ms:
            raise Exhausted
        self._last_ms[slot] = ms
        return ms * SLOTS + slot
