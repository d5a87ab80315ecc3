"""Keeps each process's memory of accounts, prices, routes, channels and endpoints as new as the database.

One small statement every 0.4 s reads all change clocks; triggers move them with every change, so that a change holds in
every process within a second, a half-open connection included. A round reads one snapshot, and each source takes over what it
read in the order of add(): what others stand on comes before them, so that nobody is known before what belongs to them.
After a loss of the connection everything is read anew: the server that answers then may be another one. It must not share
its session with anybody, and never fails its process: while the database is away the last known state stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from psycopg import errors

from tocsin.kit import clock
from tocsin.kit.db import LOST, Session

_LOG = logging.getLogger("tocsin.reference")
_CLOCKS = b"SELECT name, version FROM change_clock"
_ANSWER_WITHIN_S = 5.0
_READ_WITHIN_S = 60.0


class Source(Protocol):
    """A part of the memory. `clocks`: names of tables (and "<table>.deleted") whose change makes it stale."""

    clocks: tuple[str, ...]

    async def load(self, session: Session) -> None:
        """Read all anew; until it is done the old state stands. Raises LOST."""


@runtime_checkable
class Incremental(Protocol):
    """A source that can also read only what is new."""

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read what changed since the last load or refresh; `moved`: its clocks that moved. Raises LOST."""


class Reference:
    """All sources of a process, renewed by one loop."""

    def __init__(self, dsn: str, name: str = "reference", *, poll_s: float = 0.4) -> None:
        self._session = Session(dsn, name, answer_within_s=_READ_WITHIN_S)
        self._poll_s = poll_s
        self._sources: list[Source] = []
        self._known: dict[str, int] = {}
        self._stale: set[int] = set()  # places of sources that must read all anew
        self._fresh_at_s = clock.monotonic_s()
        self._away = False
        self._turn = asyncio.Lock()
        self.failures = 0

    def add(self, source: Source) -> None:
        """Keep `source` new from now on, after those before it; load_all or the next round of run() reads it."""
        self._stale.add(len(self._sources))
        self._sources.append(source)

    def age_s(self) -> float:
        """Seconds since the memory was last known to be as new as the database."""
        return clock.monotonic_s() - self._fresh_at_s

    async def load_all(self, session: Session) -> None:
        """Read every source, on the caller's session. Raises LOST."""
        async with session.snapshot():
            known = await _read_clocks(session)
            for source in self._sources:
                await source.load(session)
        self._known = known
        self._stale.clear()
        self._fresh_at_s = clock.monotonic_s()

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until `stop` is set."""
        try:
            while not stop.is_set():
                await self._round()
                await _wait(stop, self._poll_s)
        finally:
            await self._session.close()

    async def _round(self) -> None:
        try:
            await self.poll()
        except LOST as error:
            self._lose()
            _LOG.warning("reference data cannot be renewed, the last known state stands: %s", error)

    def _lose(self) -> None:
        self.failures += 1
        self._stale.update(range(len(self._sources)))
        self._session.break_off()

    def stamp(self, clocks: Sequence[str]) -> int:
        """Sum of these clocks as of the last round: what the database says now is never less."""
        return sum(self._known.get(name, 0) for name in clocks)

    async def renew(self) -> None:
        """A round between the rounds of run(), for whoever knows that something changed. Raises LOST."""
        try:
            await self.poll()
        except LOST as error:
            self._lose()
            raise errors.ConnectionFailure("reference data could not be renewed") from error

    async def poll(self) -> None:
        """One round: read the clocks, renew what they say. Raises LOST."""
        async with self._turn:
            await self._poll()

    async def _poll(self) -> None:
        if self._stale or self._find_moved(await _read_clocks(self._session)):
            async with self._session.snapshot():
                now = await _read_clocks(self._session)
                moved = self._find_moved(now)
                for place, source in enumerate(self._sources):
                    mine = moved.intersection(source.clocks)
                    if place in self._stale or mine:
                        await self._renew(place, source, mine)
            self._known = now
        self._fresh_at_s = clock.monotonic_s()

    def _find_moved(self, now: Mapping[str, int]) -> frozenset[str]:
        return frozenset(name for name, version in now.items() if self._known.get(name) != version)

    async def _renew(self, place: int, source: Source, moved: frozenset[str]) -> None:
        whole = place in self._stale
        self._stale.add(place)
        try:
            # A statement that fails ends this source's part of the snapshot alone.
            async with self._session.transaction():
                if isinstance(source, Incremental) and not whole:
                    await source.refresh(self._session, moved)
                else:
                    await source.load(self._session)
        except LOST:
            raise
        except Exception:  # noqa: BLE001  edge of the loop: one source's bad row must not stop the renewal of the others
            self.failures += 1
            _LOG.exception("reference data of %s could not be read; it is tried again", type(source).__name__)
        else:
            self._stale.discard(place)


async def _read_clocks(session: Session) -> dict[str, int]:
    found = await (await session.run_within(_ANSWER_WITHIN_S, _CLOCKS)).fetchall()
    return {str(name): int(version) for name, version in found}


async def _wait(stop: asyncio.Event, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await stop.wait()
    except TimeoutError:
        return
