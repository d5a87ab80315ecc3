"""Where a lane's next claim begins: which account was served last, and below which item there is surely nothing for now."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.queue import Item

WHOLE_EVERY_S = 0.5
_PRIORITIES = 3


class Turn:
    """By priority. Without `looks_ahead` (a paced or narrow lane, whose items are divided) every claim looks at the whole lane."""

    def __init__(self, *, looks_ahead: bool) -> None:
        self.served = [0] * _PRIORITIES
        self._looks_ahead = looks_ahead
        self._floors = [0] * _PRIORITIES
        self._whole_at = 0.0

    def floors(self, now_s: float) -> list[int]:
        """For the next claim; all nought twice a second, for what came back or was written late."""
        if now_s - self._whole_at >= WHOLE_EVERY_S:
            self._whole_at = now_s
            self._floors = [0] * _PRIORITIES
        return self._floors

    def note(self, items: Sequence[Item]) -> bool:
        """What the claim gave; False: nothing, but it did not look at the whole lane, so claim again."""
        if not items:
            whole = not any(self._floors)
            self._floors = [0] * _PRIORITIES
            return whole
        first: dict[int, int] = {}
        for item in items:
            self.served[item.priority] = item.account_id
            first[item.priority] = min(item.id, first.get(item.priority, item.id))
        if self._looks_ahead:
            # Codes never wait for a look at the whole lane: their priority has no floor.
            self._floors = [0, *(max(first.get(p, 0) - 1, self._floors[p]) for p in range(1, _PRIORITIES))]
        return True
