"""What the API's endpoints stand on: one per process, made by bootstrap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from psycopg import errors

from tocsin.accounts import Directory
from tocsin.api.ears import Ears
from tocsin.api.fresh import Fresh
from tocsin.api.group import Group
from tocsin.api.limits import Windows
from tocsin.api.turns import Turns
from tocsin.api.wire import Reply, Request
from tocsin.content import Places
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids
from tocsin.kit.settings import Settings
from tocsin.kit.window import Window
from tocsin.messaging import Ground, Terms
from tocsin.queue import Waker

ANSWER_WITHIN_S = 5.0
"""A look-up of the API that takes longer is given up: behind a half-open network it would never end."""
LOOKUP_S = 4.0
"""The server ends a statement of a look-up that takes longer, before we give it up: so it does not go on without us."""
_SEND_S = 30.0  # files of an email of 20 MB are written within


class Readers:
    """A few sessions, each lent for one request. A customer has one at a time: his next request waits behind his own.

    `statement_s`: the server ends a statement that takes longer. `hold_s`: a session that is lent for longer is cut.
    """

    def __init__(
        self, dsn: str, name: str, count: int, *, waiting: int = 32, statement_s: float | None = None,
        hold_s: float = ANSWER_WITHIN_S,
    ) -> None:  # fmt: skip
        self._turns = Turns(count, waiting=waiting)
        self._free = [
            Session(dsn, name, generic_plans=True, answer_within_s=ANSWER_WITHIN_S, statement_s=statement_s)
            for _ in range(count)
        ]
        self._all = tuple(self._free)
        self._hold_s = hold_s

    @asynccontextmanager
    async def lend(self, key: Hashable) -> AsyncIterator[Session]:
        """A session for one request of `key`. Raises LOST: none is free in time, or too many of the key's wait already."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await self._turns.wait(key)
        except TimeoutError:
            raise errors.ConnectionTimeout("no session became free") from None
        session = self._free.pop()
        try:
            with session.within(self._hold_s):
                yield session
        except asyncio.CancelledError:  # psycopg has ended the statement at the server by now
            session.break_off()
            raise
        finally:
            self._free.append(session)
            self._turns.give_back(key)

    async def close(self) -> None:
        """End them."""
        for session in self._all:
            await session.close()


class Pools(NamedTuple):
    """The sessions of an API process, apart by whom they serve, so that none of these waits for another.

    A session connects when it is first lent.
    """

    lookups: Readers  # queries of customers, by account
    sends: Readers  # what a send looks up and writes beside its acceptance, by account
    carriers: Readers  # what carriers bring, by channel
    links: Readers  # links of emails, by message; and the gauges

    async def close(self) -> None:
        """End all."""
        for readers in self:
            await readers.close()


def make_pools(dsn: str) -> Pools:
    """Of a process."""
    return Pools(
        Readers(dsn, "look-up", 4, statement_s=LOOKUP_S),
        Readers(dsn, "send", 4, waiting=1_000, hold_s=_SEND_S),
        Readers(dsn, "carrier", 2, waiting=1_000),
        Readers(dsn, "link", 2, statement_s=LOOKUP_S),
    )


@dataclass(slots=True)
class Tracking:
    """What the links stand on. `keys`: those that may have signed; without one every link is unknown."""

    keys: tuple[bytes, ...] = ()
    places: Places = field(default_factory=Places)
    ids: Ids = field(default_factory=Ids)
    window: Window = field(default_factory=lambda: Window(6_000))  # of opens and clicks, by address


@dataclass(slots=True)
class Desk:
    """Reference data, the writer, the limits."""

    settings: Settings
    directory: Directory
    ground: Ground
    group: Group
    rates: Windows  # requests of an account, by the second
    bad_signs: Windows  # of strangers, by the minute
    pools: Pools
    waker: Waker
    terms: Terms
    tracking: Tracking = field(default_factory=Tracking)
    ears: Ears | None = None  # of carriers that call us
    console_keys: tuple[bytes, ...] = ()  # those that may have signed the console's calls; without one it cannot call
    in_flight_keys: dict[tuple[int, str], asyncio.Future[None]] = field(default_factory=dict)
    metrics_text: Fresh = field(default_factory=Fresh)
    bulk: Callable[[Request, int], Awaitable[Reply]] | None = None  # large sends go to the helper process
    is_ready: Callable[[], bool] = lambda: True
    is_clock_right: Callable[[], bool] = lambda: True  # else signs and validity cannot be judged
