"""Frequency limits that hold over all API processes: each takes small shares of a window from the database.

A share is asked for only when the last one is spent, so an account far below its limit costs one look-up a second, and
one without a limit none. Failed signs are counted the same way by the minute; who is over is refused before authentication.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tocsin.kit import clock
from tocsin.kit.db import LOST, Queries, Session

log = logging.getLogger(__name__)

QUERIES = Queries(Path(__file__).with_name("queries.sql"))
_SHARES = 8
_AWAY_S = 1.0  # who waits behind one that had no answer does not wait for his own
_NAMES_MOST = 50_000


class Allowance:
    """Takes tokens of named limits: `limit` per `window_s`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # name -> (window, tokens in hand, does the window give no more)
        self._left: dict[str, tuple[int, int, bool]] = {}
        self._turn = asyncio.Lock()
        self._away_until = 0.0
        self.any_spent = False
        """Whether some window may be spent: spares most requests the look-up."""

    async def take(self, name: str, limit: int, window_s: int, now_s: float) -> bool:
        """One token; False: the limit of this window is reached. While the database is away nobody is limited."""
        window = int(now_s) // window_s * window_s
        if self._take_in_hand(name, window):
            return True
        if self.is_spent(name, window_s, now_s):
            return False
        async with self._turn:
            if self._take_in_hand(name, window):
                return True
            if clock.monotonic_s() < self._away_until:
                return True
            try:
                share, last = await self._ask(name, limit, window)
            except LOST:
                self._away_until = clock.monotonic_s() + _AWAY_S
                return True
            if len(self._left) > _NAMES_MOST:
                self._left = {n: entry for n, entry in self._left.items() if entry[0] >= window - window_s}
            self._left[name] = (window, max(0, share - 1), last)
            self.any_spent |= last
            return share > 0

    def _take_in_hand(self, name: str, window: int) -> bool:
        held, left, last = self._left.get(name, (0, 0, False))
        if held != window or left <= 0:
            return False
        self._left[name] = (window, left - 1, last)
        return True

    async def _ask(self, name: str, limit: int, window: int) -> tuple[int, bool]:
        ask = max(1, limit // _SHARES)
        rows = await self._session.rows(QUERIES["take"], (name, window, ask))
        given: int = rows[0][0]
        return max(0, min(ask, limit - (given - ask))), given >= limit

    def is_spent(self, name: str, window_s: int, now_s: float) -> bool:
        """Is it known that this window gives no more?"""
        held, left, last = self._left.get(name, (0, 0, False))
        return last and left == 0 and held == int(now_s) // window_s * window_s

    async def forget(self, now_s: float) -> None:
        """Drop windows that are over."""
        self._left = {name: entry for name, entry in self._left.items() if entry[0] > now_s - 120}
        self.any_spent = any(last for _, _, last in self._left.values())
        async with self._turn:
            await self._session.run(QUERIES["forget"], (int(now_s) - 600,))
