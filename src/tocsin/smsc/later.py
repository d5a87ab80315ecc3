"""What is to be done later: one timer for everything, in steps of 5 ms, however many wait."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Any

from tocsin.kit import clock

_STEPS_PER_S = 200


class Later:
    """`put` may be called from what is done."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: dict[int, list[tuple[Callable[[Any], None], Any]]] = {}
        self._order: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0

    def put(self, after_s: float, do: Callable[[Any], None], what: Any) -> None:
        """Call `do(what)` in `after_s` seconds; never before."""
        slot = int((clock.monotonic_s() + after_s) * _STEPS_PER_S) + 1
        waiting = self._slots.get(slot)
        if waiting is None:
            self._slots[slot] = [(do, what)]
            heapq.heappush(self._order, slot)
            self._arm()
        else:
            waiting.append((do, what))

    def close(self) -> None:
        """Forget everything."""
        self._slots.clear()
        self._order.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        if not self._order or (self._timer is not None and self._armed <= self._order[0]):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = self._order[0]
        wait_s = self._armed / _STEPS_PER_S - clock.monotonic_s()
        self._timer = self._loop.call_later(max(0.0, wait_s), self._run)

    def _run(self) -> None:
        self._timer = None
        now = clock.monotonic_s() * _STEPS_PER_S
        try:
            while self._order and self._order[0] <= now:
                for do, what in self._slots.pop(heapq.heappop(self._order)):
                    do(what)
        finally:
            self._arm()
