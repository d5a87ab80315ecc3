"""Frequency limits that hold over all API processes: each takes small shares of a window from the database.

A share is asked for only when the last one is spent, so an account far below its limit costs one look-up a second, and
one without a limit none. Failed signs are counted the same way by the minute; who is over is refused before authentication.

Customers and strangers have windows of their own, with a session and a memory of their own: the names that strangers
make up delay no customer's window and push none out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tocsin.kit import clock, pgbin
from tocsin.kit.db import LOST, Queries, Session

log = logging.getLogger(__name__)

QUERIES = Queries(Path(__file__).with_name("queries.sql"))
MAX_NAMES = 50_000
"""Windows that one kind has in memory. Beyond that the oldest go that still give: the database knows what they gave."""
_SHARES = 8
_AWAY_S = 1.0  # while the database does not answer, it is asked once in this time
_KEPT_S = 600  # in the database, after a window's end


class _Held(NamedTuple):
    """What is known of a name's latest window."""

    window: int  # epoch seconds of its start
    left: int  # tokens in hand
    is_last: bool  # the window gives no more


class _Asked(NamedTuple):
    """A window of which the next share is wanted."""

    limit: int
    window: int

    @property
    def share(self) -> int:
        """So many tokens are asked for."""
        return max(1, self.limit // _SHARES)


_NOTHING = _Held(0, 0, is_last=False)


class Windows:
    """Takes tokens of named limits: `limit` in each window of `window_s`.

    All names that want a share at the same time are asked for in one statement, so that none waits for its turn.
    """

    def __init__(self, session: Session, window_s: int, max_names: int = MAX_NAMES) -> None:
        self._session = session
        self._window_s = window_s
        self._max_names = max_names
        self._held: dict[str, _Held] = {}
        self._asked: dict[str, _Asked] = {}
        self._asking = asyncio.Lock()
        self._away_until = 0.0
        self.any_spent = False
        """Whether some window may be spent: spares most requests the look-up."""

    def __len__(self) -> int:
        return len(self._held)

    def _window(self, now_s: float) -> int:
        return int(now_s) // self._window_s * self._window_s

    def wait_s(self, now_s: float) -> int:
        """Seconds until the next window begins."""
        return self._window_s - int(now_s) % self._window_s

    async def take(self, name: str, limit: int, now_s: float) -> bool:
        """One token; False: the limit of this window is reached. While the database is away nobody is limited."""
        window = self._window(now_s)
        while not self._take_in_hand(name, window):
            if self._is_spent(name, window):
                return False
            if clock.monotonic_s() < self._away_until:
                return True
            try:
                await self._ask(name, limit, window)
            except LOST:
                return True
        return True

    def _take_in_hand(self, name: str, window: int) -> bool:
        held = self._held.get(name, _NOTHING)
        if held.window != window or held.left <= 0:
            return False
        self._held[name] = held._replace(left=held.left - 1)
        return True

    def is_spent(self, name: str, now_s: float) -> bool:
        """Is it known that this window gives no more?"""
        return self._is_spent(name, self._window(now_s))

    def _is_spent(self, name: str, window: int) -> bool:
        held = self._held.get(name, _NOTHING)
        return held.is_last and held.left == 0 and held.window == window

    async def _ask(self, name: str, limit: int, window: int) -> None:
        """Have a share, in one statement with all others who want one by now. Raises LOST."""
        asked = self._asked.setdefault(name, _Asked(limit, window))
        async with self._asking:
            if self._asked.get(name) is not asked:
                return  # it was asked for while this one waited, whatever came of it
            wanted, self._asked = self._asked, {}
            names = sorted(wanted)  # in the same order everywhere: no two processes wait for each other
            try:
                given = await self._take_shares(names, [wanted[each] for each in names])
            except LOST:
                self._away_until = clock.monotonic_s() + _AWAY_S
                self._asked.clear()  # those that came meanwhile do not wait for a failure of their own
                raise
            for each in names:
                self._hold(each, wanted[each], given[each])

    async def _take_shares(self, names: Sequence[str], wanted: Sequence[_Asked]) -> dict[str, int]:
        rows = await self._session.rows(
            QUERIES["take"],
            (
                pgbin.texts(names),
                pgbin.int8s([each.window for each in wanted]),
                pgbin.int4s([each.share for each in wanted]),
            ),
        )
        return dict(rows)

    def _hold(self, name: str, asked: _Asked, given: int) -> None:
        """`given`: what the window has given to all processes, this share included."""
        share = max(0, min(asked.share, asked.limit - (given - asked.share)))
        before = self._held.get(name, _NOTHING)
        left = before.left if before.window == asked.window else 0
        held = _Held(asked.window, left + share, given >= asked.limit)
        if before is _NOTHING and len(self._held) >= self._max_names:
            self._make_room(asked.window)
        self._held[name] = held
        self.any_spent |= held.is_last

    def _make_room(self, window: int) -> None:
        """Half of the memory becomes free. Windows that are spent stay the longest: they hold the limit."""
        most = self._max_names // 2
        spent = [name for name, held in self._held.items() if held.is_last and held.window >= window]
        self._held = {name: self._held[name] for name in spent[-most:]}

    async def forget(self, now_s: float) -> None:
        """Drop windows that are over. Raises LOST."""
        since = self._window(now_s) - self._window_s
        self._held = {name: held for name, held in self._held.items() if held.window >= since}
        self.any_spent = any(held.is_last for held in self._held.values())
        async with self._asking:
            await self._session.run(QUERIES["forget"], (int(now_s) - _KEPT_S,))
