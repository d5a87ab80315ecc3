"""Answers that wait a fixed time: one timer for all of them, whatever their number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tocsin.traffic import Outcome


class Later:
    """Gives outcomes on after `delay_s`, in the order in which they came. With no delay: at once."""

    def __init__(self, delay_s: float, give: Callable[[Sequence[Outcome]], None]) -> None:
        self._delay_s = delay_s
        self._give = give
        self._queue: deque[tuple[float, Sequence[Outcome]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Wait with these."""
        if not outcomes:
            return
        if self._delay_s <= 0:
            self._give(outcomes)
            return
        self._queue.append((asyncio.get_running_loop().time() + self._delay_s, outcomes))
        self._arm()

    def flush(self) -> None:
        """Give on what waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._queue:
            self._give(self._queue.popleft()[1])

    def _arm(self) -> None:
        if self._timer is None and self._queue:
            self._timer = asyncio.get_running_loop().call_at(self._queue[0][0], self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._queue and self._queue[0][0] <= now:
            self._give(self._queue.popleft()[1])
        self._arm()
