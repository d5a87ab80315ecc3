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

import psycopg

from tocsin.api.faults import Fault, read_fault
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.messaging import Draft, accept_statement, make_partitions_of, read_funds, read_refusals

log = logging.getLogger(__name__)

ROWS_MOST = 500
WAITING_MOST = 5_000
FATE_S = 5.0
WRITE_S = 10.0  # and for each row:
_WRITE_ROW_S = 0.0005
_LOOK_S = 10.0
_LOOK_ROWS = 100
_POOR_S = 5.0
_AGAIN_S = 0.05
_GATHER_S = 0.001  # what uvloop's timers can tell apart
_VAIN_REST = 8
"""So many groups wait for nobody after one that waited in vain: its clients take longer to come back than that."""


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
        self._session = Session(dsn, "accept", generic_plans=True, answer_within_s=_LOOK_S)
        self._waiting: list[_Waiting] = []
        self._event = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None  # asking for it is a system call (Python 3.11)
        self._poor: dict[int, float] = {}
        self._away = False
        self._wanted = 1  # so many that wait wake the writer
        self._rest = 0  # groups that wait for nobody

    async def accept(self, draft: Draft) -> Fate:
        """Store and charge; returns when the outcome is known."""
        if len(self._waiting) >= WAITING_MOST:
            return Fate.FULL
        loop = self._loop = self._loop or asyncio.get_running_loop()
        future: asyncio.Future[Fate] = loop.create_future()
        self._waiting.append(_Waiting(draft, future))
        if len(self._waiting) >= self._wanted:
            self._event.set()
        return await future

    async def run(self) -> None:
        """Until cancelled."""
        around = 1
        while True:
            await self._event.wait()
            if len(self._waiting) < around:
                await self._gather(around)
            group = self._next()
            try:
                await self._commit(group)
            except Exception:  # the edge of the loop: whoever is not answered yet must be
                log.exception("group of %d requests", len(group))
                LOOP_ERRORS.labels("group").inc()
                _answer(group, Fate.UNKNOWN)
            around = len(group) + len(self._waiting)
            if not self._waiting:
                self._event.clear()

    async def _gather(self, around: int) -> None:
        """Let those who were around when the last group ended join this one: each that does saves a commit of its own.

        One client alone waits for nobody. Several come back together as soon as they have their replies.
        """
        if self._rest:
            self._rest -= 1
            return
        here = len(self._waiting)
        self._wanted = around
        self._event.clear()
        timer = asyncio.get_running_loop().call_later(_GATHER_S, self._event.set)
        await self._event.wait()
        timer.cancel()
        self._wanted = 1
        if len(self._waiting) == here:
            self._rest = _VAIN_REST

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
        group = await self._begin(group)
        partitions_made = False
        while group:
            rows = sum(len(entry.draft.ids) for entry in group)
            error = await self._write(group, again=False, within_s=WRITE_S + rows * _WRITE_ROW_S)
            fault = read_fault(error) if error else None
            if error is None:
                self._away = False
                _answer(group, Fate.ACCEPTED)
            elif fault is Fault.REFUSED:
                group = self._drop_refused(group, error)
                continue
            elif fault is Fault.PARTITION and not partitions_made:
                partitions_made = await self._make_partitions(group)
                group = _list_open(group)
                continue
            elif fault is Fault.CROSSED:
                continue
            elif fault is Fault.LOST:
                await self._find_fate(group, error)
            elif fault is Fault.AWAY:
                self._say_unavailable(group, error)
            else:
                await self._commit_singly(group, error)
            return

    async def _begin(self, group: list[_Waiting]) -> list[_Waiting]:
        """What is found out before rows are written: that the database is there, and who surely cannot pay."""
        try:
            await self._session.wake()
            try:
                return await self._look(group)
            except LOST:
                self._session.break_off()
                return await self._look(group)  # it only asks: once more, on a new connection
        except psycopg.Error as error:
            self._say_unavailable(group, error)
            return []

    def _say_unavailable(self, group: Sequence[_Waiting], error: Exception) -> None:
        """Nothing is stored; the session may be that of a server which will not work again."""
        if not self._away:  # said once, not for each of thousands of requests
            log.warning("storage is not available, requests are refused: %s", error)
        self._away = True
        self._session.break_off()
        _answer(group, Fate.UNAVAILABLE)

    async def _make_partitions(self, group: Sequence[_Waiting]) -> bool:
        """Whether they are there now; not where another one was in the way."""
        try:
            await make_partitions_of(self._session, [entry.draft for entry in group])
        except psycopg.Error as error:
            if read_fault(error) is not Fault.CROSSED:
                self._say_unavailable(group, error)
            return False
        return True

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
        return _list_open(group)

    async def _write(self, group: Sequence[_Waiting], *, again: bool, within_s: float) -> Exception | None:
        """One try; what went wrong."""
        try:
            statement = accept_statement([entry.draft for entry in group], again=again)
        except Exception as error:  # noqa: BLE001  whatever cannot be put into a column; nothing was sent yet
            return error
        try:
            await self._session.run_prepared(within_s, statement.query, statement.params)
        except psycopg.Error as error:
            return error
        return None

    def _drop_refused(self, group: list[_Waiting], error: Exception) -> list[_Waiting]:
        for refused in read_refusals(error):
            entry = group[refused["i"]]
            fate = Fate(refused["why"])
            if fate is Fate.POOR:
                self._remember_poor(entry.draft.account_id)
            _answer([entry], fate)
        return _list_open(group)

    def _remember_poor(self, account_id: int) -> None:
        now = clock.monotonic_s()
        self._poor = {i: until for i, until in self._poor.items() if until > now}
        self._poor[account_id] = now + _POOR_S

    async def _commit_singly(self, group: list[_Waiting], error: Exception) -> None:
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
        while group and (left_s := deadline - clock.monotonic_s()) > 0:
            again = await self._write(group, again=True, within_s=left_s)
            fault = read_fault(again) if again else Fault.WON
            if again is None or fault is Fault.WON:
                _answer(group, Fate.ACCEPTED)
            elif fault is Fault.REFUSED and not _is_held(again):
                # The first try surely did not win: its money and keys would be there under its own number.
                group = self._drop_refused(group, again)
            elif fault in {Fault.PARTITION, Fault.DATA}:
                await self._commit(group)  # the first try failed by it, too
            else:
                if fault is not Fault.REFUSED:
                    self._session.break_off()
                await asyncio.sleep(_AGAIN_S)
            group = _list_open(group)
        _answer(group, Fate.UNKNOWN)

    async def close(self) -> None:
        """End the session."""
        await self._session.close()


def _answer(group: Sequence[_Waiting], fate: Fate) -> None:
    for entry in group:
        if not entry.future.done():
            entry.future.set_result(fate)


def _list_open(group: Sequence[_Waiting]) -> list[_Waiting]:
    """Those without an answer; whoever went away meanwhile is none of them."""
    return [entry for entry in group if not entry.future.done()]


def _is_held(error: Exception) -> bool:
    """A key that is held may be so by our own first try, which is still at work: look again."""
    return any(refused["why"] == Fate.KEY_HELD.value for refused in read_refusals(error))
