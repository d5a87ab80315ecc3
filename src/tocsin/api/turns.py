"""Fair use of a few places by many customers: who holds as many as he may waits behind his own, and nobody else does.

The line of each customer is bounded, and so may all lines be together. A free place goes to the customer whose last turn,
or whose coming after a time without requests, is the longest ago. A customer who asks for nothing costs nothing. No I/O.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import psycopg


class CrowdedError(psycopg.OperationalError):
    """Too many wait already. It is one of kit.db.LOST: whoever retries after a loss retries after this."""


class Turns:
    """`places` for all, `each` of them for one key at a time, and a line of `waiting` behind them for each key.

    `crowd`: all lines together. Where it is reached, a newcomer takes the place of the last in the longest line.
    """

    def __init__(self, places: int, each: int = 1, waiting: int = 32, crowd: int | None = None) -> None:
        self._free = places
        self._each = each
        self._most = waiting
        self._crowd = crowd
        self._held: Counter[Hashable] = Counter()
        self._lines: dict[Hashable, deque[asyncio.Future[None]]] = {}  # in the order of their next turns

    async def wait(self, key: Hashable) -> None:
        """Returns with a place, to be given back. Raises CrowdedError. Who is cancelled while he waits leaves the line."""
        if self._free and self._held[key] < self._each and key not in self._lines:
            self._hold(key)
            return
        self._make_way(key)
        line = self._lines.setdefault(key, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:  # the place was given just now
                self.give_back(key)
            elif turn in line:
                line.remove(turn)
                if not line:
                    del self._lines[key]
            raise

    def give_back(self, key: Hashable) -> None:
        """The place is free for the next."""
        self._free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        while self._free and self._let_next():
            pass

    @asynccontextmanager
    async def take(self, key: Hashable) -> AsyncIterator[None]:
        """A place for the block. Raises CrowdedError."""
        await self.wait(key)
        try:
            yield
        finally:
            self.give_back(key)

    def _hold(self, key: Hashable) -> None:
        self._free -= 1
        self._held[key] += 1

    def _make_way(self, key: Hashable) -> None:
        """So that one more of `key` may wait. Raises CrowdedError."""
        mine = len(self._lines.get(key, ()))
        if mine >= self._most:
            raise CrowdedError("too many requests of this account wait already")
        if self._crowd is None or sum(map(len, self._lines.values())) < self._crowd:
            return
        longest = max(self._lines.values(), key=len)
        if len(longest) <= mine + 1:
            raise CrowdedError("too many requests wait already")
        last = longest.pop()
        if not last.done():
            last.set_exception(CrowdedError("requests of accounts with fewer came before this one"))

    def _let_next(self) -> bool:
        """Give a place to the first line whose customer may have one; that line is the last from then on."""
        key = next((key for key in self._lines if self._held[key] < self._each), None)
        if key is None:
            return False
        line = self._lines.pop(key)
        turn = line.popleft()
        if line:
            self._lines[key] = line
        if not turn.done():
            self._hold(key)
            turn.set_result(None)
        return True
