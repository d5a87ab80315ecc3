"""What the API's endpoints stand on: one per process, made by bootstrap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from psycopg import errors

from tocsin.accounts import Directory
from tocsin.api.ears import Ears
from tocsin.api.group import Group
from tocsin.api.limits import Allowance
from tocsin.api.wire import Reply, Request
from tocsin.content import Places
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids
from tocsin.kit.settings import Settings
from tocsin.messaging import Ground, Terms
from tocsin.queue import Waker

ANSWER_WITHIN_S = 5.0
"""A look-up of the API that takes longer is given up: behind a half-open network it would never end."""


class Readers:
    """A few sessions for look-ups, lent one request at a time; who finds none waits."""

    def __init__(self, dsn: str, count: int) -> None:
        self._free: asyncio.Queue[Session] = asyncio.Queue()
        self._all = [Session(dsn, "read", generic_plans=True, answer_within_s=ANSWER_WITHIN_S) for _ in range(count)]
        for session in self._all:
            self._free.put_nowait(session)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Session]:
        """A session of one's own. Raises LOST where none becomes free in time: the database does not answer."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                session = await self._free.get()
        except TimeoutError:
            raise errors.ConnectionTimeout("no session became free") from None
        try:
            yield session
        except asyncio.CancelledError:
            session.break_off()
            raise
        finally:
            self._free.put_nowait(session)

    async def close(self) -> None:
        """End them."""
        for session in self._all:
            await session.close()


@dataclass(slots=True)
class Tracking:
    """What the links stand on. `keys`: those that may have signed; without one every link is unknown."""

    keys: tuple[bytes, ...] = ()
    places: Places = field(default_factory=Places)
    ids: Ids = field(default_factory=Ids)


@dataclass(slots=True)
class Desk:
    """Reference data, the writer, the limits."""

    settings: Settings
    directory: Directory
    ground: Ground
    group: Group
    allowance: Allowance
    readers: Readers
    waker: Waker
    terms: Terms
    tracking: Tracking = field(default_factory=Tracking)
    ears: Ears | None = None  # of carriers that call us
    console_keys: tuple[bytes, ...] = ()  # those that may have signed the console's calls; without one it cannot call
    in_flight_keys: dict[tuple[int, str], asyncio.Future[None]] = field(default_factory=dict)
    bulk: Callable[[Request, int], Awaitable[Reply]] | None = None  # large sends go to the helper process
    is_ready: Callable[[], bool] = lambda: True
    is_clock_right: Callable[[], bool] = lambda: True  # else signs and validity cannot be judged
