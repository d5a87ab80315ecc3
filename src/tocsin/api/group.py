"""Group commit: the requests that arrived while the last group was being written become one statement and one commit.

The one place where sends are stored and charged, and where it is found out what became of a commit whose answer was
lost: the group runs again with the same ids on a new connection, where unique keys prove that the first try won. Nobody
is answered before the outcome is known. A request of many numbers commits alone; a group that fails for a reason of its
data is tried again one request at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec
import psycopg
from psycopg import errors

from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.messaging import Draft, accept_statement, make_partitions, read_funds

log = logging.getLogger(__name__)

ROWS_MOST = 500
WAITING_MOST = 5_000
FATE_S = 5.0
_LOOK_ROWS = 100
_POOR_S = 5.0
_REFUSED, _WON = "TC001", "TC002"


class Fate(Enum):
    """What became of a request."""

    ACCEPTED = "accepted"
    POOR = "balance"
    KEY_HELD = "held"
    KEY_TAKEN = "taken"
    UNAVAILABLE = "unavailable"  # certainly nothing was stored
    UNKNOWN = "unknown"
    BROKEN = "broken"  # its own data cannot be stored
    FULL = "full"


@dataclass(slots=True)
class _Waiting:
    draft: Draft
    future: asyncio.Future[Fate]


class Group:
    """One writer of one process."""

    def __init__(self, dsn: str) -> None:
        self._session = Session(dsn, "accept", generic_plans=True)
        self._waiting: list[_Waiting] = []
        self._event = asyncio.Event()
        self._poor: dict[int, float] = {}

    async def accept(self, draft: Draft) -> Fate:
        """Store and charge; returns when the outcome is known."""
        if len(self._waiting) >= WAITING_MOST:
            return Fate.FULL
        future: asyncio.Future[Fate] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(draft, future))
        self._event.set()
        return await future

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._event.wait()
            group = self._next()
            try:
                await self._commit(group)
            except Exception:  # the edge of the loop: whoever is not answered yet must be
                log.exception("group of %d requests", len(group))
                LOOP_ERRORS.labels("group").inc()
                _answer(group, Fate.UNKNOWN)
            if not self._waiting:
                self._event.clear()

    def _next(self) -> list[_Waiting]:
        """What arrived, up to a bound of rows; a large request goes alone."""
        rows = 0
        count = 0
        for entry in self._waiting:
            rows += len(entry.draft.ids)
            if count and rows > ROWS_MOST:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group

    async def _commit(self, group: list[_Waiting]) -> None:
        try:
            group = await self._look(group)
        except LOST:
            self._session.break_off()
            _answer(group, Fate.UNAVAILABLE)
            return
        partitions_made = False
        while group:
            try:
                await self._write(group, again=False)
            except errors.CheckViolation as error:
                if partitions_made:
                    await self._commit_singly(group, error)
                    return
                await make_partitions(self._session, 1)
                partitions_made = True
            except (errors.DeadlockDetected, errors.SerializationFailure):
                continue
            except LOST as error:
                await self._find_fate(group, error)
                return
            except psycopg.DatabaseError as error:
                if error.sqlstate != _REFUSED:
                    await self._commit_singly(group, error)
                    return
                group = self._drop_refused(group, error)
            else:
                _answer(group, Fate.ACCEPTED)
                return

    async def _look(self, group: list[_Waiting]) -> list[_Waiting]:
        """Before rows are written: those whose account surely cannot pay. Asked only of large requests and known poor."""
        now = clock.monotonic_s()
        suspects = {
            entry.draft.account_id for entry in group
            if len(entry.draft.ids) > _LOOK_ROWS or self._poor.get(entry.draft.account_id, 0.0) > now
        }  # fmt: skip
        if not suspects:
            return group
        funds = await read_funds(self._session, sorted(suspects))
        poor = [e for e in group if e.draft.amount_micros > funds.get(e.draft.account_id, e.draft.amount_micros)]
        _answer(poor, Fate.POOR)
        return [entry for entry in group if not entry.future.done()]

    async def _write(self, group: Sequence[_Waiting], *, again: bool) -> None:
        statement = accept_statement([entry.draft for entry in group], again=again)
        await self._session.run(statement.query, statement.params)

    def _drop_refused(self, group: list[_Waiting], error: psycopg.DatabaseError) -> list[_Waiting]:
        for refused in msgspec.json.decode(error.diag.message_primary or "[]"):
            entry = group[refused["i"]]
            fate = Fate(refused["why"])
            if fate is Fate.POOR:
                self._remember_poor(entry.draft.account_id)
            entry.future.set_result(fate)
        return [entry for entry in group if not entry.future.done()]

    def _remember_poor(self, account_id: int) -> None:
        now = clock.monotonic_s()
        self._poor = {i: until for i, until in self._poor.items() if until > now}
        self._poor[account_id] = now + _POOR_S

    async def _commit_singly(self, group: list[_Waiting], error: psycopg.Error) -> None:
        if len(group) == 1:
            log.error("a request could not be stored: %s", error, extra={"request_id": group[0].draft.request_id})
            _answer(group, Fate.BROKEN)
            return
        for entry in group:
            await self._commit([entry])

    async def _find_fate(self, group: list[_Waiting], error: Exception) -> None:
        """The connection was lost while the group was under way: did it commit?"""
        log.warning("the connection was lost in a commit, its fate is being found: %s", error)
        deadline = clock.monotonic_s() + FATE_S
        self._session.break_off()
        while clock.monotonic_s() < deadline:
            try:
                async with asyncio.timeout(deadline - clock.monotonic_s()):
                    await self._write(group, again=True)
            except errors.UniqueViolation:
                _answer(group, Fate.ACCEPTED)
                return
            except (*LOST, TimeoutError, errors.DeadlockDetected, errors.SerializationFailure):
                self._session.break_off()
                await asyncio.sleep(0.1)
            except psycopg.DatabaseError as other:
                if other.sqlstate == _WON:
                    _answer(group, Fate.ACCEPTED)
                    return
                if other.sqlstate != _REFUSED:
                    await self._commit_singly(group, other)
                    return
                if not _is_own_key(other):
                    # The first try surely did not win: its money and keys would be there under its own number.
                    group = self._drop_refused(group, other)
                await asyncio.sleep(0.05)
            else:
                _answer(group, Fate.ACCEPTED)
                return
            if not group:
                return
        _answer(group, Fate.UNKNOWN)

    async def close(self) -> None:
        """End the session."""
        await self._session.close()


def _answer(group: Sequence[_Waiting], fate: Fate) -> None:
    for entry in group:
        if not entry.future.done():
            entry.future.set_result(fate)


def _is_own_key(refused: psycopg.DatabaseError) -> bool:
    """A key that is held or taken may be our own first try's: look again, it is seen as won when it is over."""
    return any(entry["why"] != "balance" for entry in msgspec.json.decode(refused.diag.message_primary or "[]"))
