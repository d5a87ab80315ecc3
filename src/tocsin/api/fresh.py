"""A text that is costly to make, and that many may ask for at once: made once for all who ask, and at most once a second."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from tocsin.kit import clock

_FRESH_S = 1.0


class Fresh:
    """The text, as long as it is fresh."""

    def __init__(self, now_s: Callable[[], float] = clock.monotonic_s) -> None:
        self._now_s = now_s
        self._lock = asyncio.Lock()
        self._text = b""
        self._made_s = -math.inf

    async def read(self, make: Callable[[], Awaitable[bytes]]) -> bytes:
        """The text. Who asks while it is made waits for it; where that fails, the next one makes it."""
        async with self._lock:
            if self._now_s() - self._made_s >= _FRESH_S:
                self._text = await make()
                self._made_s = self._now_s()
            return self._text
