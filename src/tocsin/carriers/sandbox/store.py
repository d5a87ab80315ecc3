"""Typed functions over queries.sql: what the sandbox carrier keeps, in sessions of its own."""

from __future__ import annotations

import asyncio
import logging
import select
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tocsin.carriers.sandbox.mapping import Body, Plan
from tocsin.kit import clock, pgbin
from tocsin.kit.db import LOST, Queries, Session

_SQL = Queries(Path(__file__).with_name("queries.sql"))
_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Body).decode
_LOOK_EVERY_S = 0.1
_log = logging.getLogger(__name__)


class Kept(Enum):
    """Whether the carrier has what was to be kept."""

    YES = 0
    NO = 1
    UNKNOWN = 2


class NewEvent(NamedTuple):
    """An event to be stored. lease_ms 0: whoever claims it first when it is due."""

    id: bytes
    delay_ms: int
    lease_ms: int
    body: Body


class ClaimedEvent(NamedTuple):
    """An event that is leased to us."""

    id: bytes
    body: Body


def make_session(dsn: str, name: str) -> Session:
    """A session that does not wait for the disk; why that is safe stands in queries.sql."""
    options = conninfo_to_dict(dsn).get("options") or ""
    return Session(make_conninfo(dsn, options=f"{options} -c synchronous_commit=off"), name, generic_plans=True)


async def keep(session: Session, channel_id: int, plan: Plan, events: Sequence[NewEvent], wait_s: float) -> Kept:
    """Store what the carrier takes and the events to come, together, in one round trip.

    Where the connection breaks meanwhile the fate is looked up on a new one for up to `wait_s` seconds.
    """
    try:
        conn = await _find_live(session)
    except LOST:
        return Kept.NO
    pid = conn.info.backend_pid
    try:
        await session.run(_SQL["keep"], _columns(channel_id, plan, events))
    except psycopg.Error as error:
        if error.sqlstate is not None and not conn.closed:
            # The server itself says that it undid the statement.
            _log.warning("sandbox channel %d could not store %d submits: %s", channel_id, len(plan.kept), error)
            return Kept.NO
        return await _look_up(session, pid, plan, wait_s)
    return Kept.YES


def _columns(channel_id: int, plan: Plan, events: Sequence[NewEvent]) -> tuple[Any, ...]:
    kept = plan.kept
    return (
        channel_id,
        pgbin.texts(plan.kept_ids),
        pgbin.uuids([s.message_id for s in kept]),
        pgbin.int4s([s.part for s in kept]),
        pgbin.int4s([s.attempt for s in kept]),
        pgbin.texts([s.phone for s in kept]),
        channel_id,
        pgbin.uuids([event.id for event in events]),
        pgbin.int8s([event.delay_ms for event in events]),
        pgbin.int8s([event.lease_ms for event in events]),
        pgbin.byteas([_ENCODE(event.body) for event in events]),
    )


async def _find_live(session: Session) -> AsyncConnection[Any]:
    """The session's connection, a new one if the server left meanwhile: else the first statement after a restart of the
    database would end in doubt."""
    conn = await session.conn()
    look = select.poll()
    look.register(conn.fileno(), select.POLLIN)
    if look.poll(0):  # nobody asked anything, so it is a notice or the end
        try:
            await conn.execute("SELECT 1")
        except LOST:
            return await session.conn()
    return conn


async def _look_up(session: Session, pid: int, plan: Plan, wait_s: float) -> Kept:
    deadline_s = clock.monotonic_s() + wait_s
    while clock.monotonic_s() < deadline_s:
        try:
            # Two statements: the second must see what the old backend committed before it went.
            if (await session.rows(_SQL["backend_is_gone"], (pid,)))[0][0]:
                first = pgbin.uuids([plan.kept[0].message_id])
                found = await session.rows(_SQL["is_kept"], (first, plan.kept_ids[0]))
                return Kept.YES if found[0][0] else Kept.NO
        except LOST:
            pass
        await asyncio.sleep(_LOOK_EVERY_S)
    return Kept.UNKNOWN


async def claim(session: Session, channel_id: int, since_s: int, limit: int, lease_ms: int) -> list[ClaimedEvent]:
    """Events due within the last `since_s` seconds and in nobody's hands, oldest first; ours for `lease_ms`."""
    rows = await session.rows(_SQL["claim"], (channel_id, since_s, limit, lease_ms))
    rows.sort(key=lambda row: (row[2], row[0]))
    return [ClaimedEvent(row[0], _DECODE(row[1])) for row in rows]


async def renew(session: Session, ids: Sequence[bytes], lease_ms: int) -> None:
    """Hold these events for `lease_ms` from now; 0 gives them back."""
    await session.run(_SQL["renew"], (lease_ms, pgbin.uuids(ids)))


async def acknowledge(session: Session, ids: Sequence[bytes]) -> None:
    """These were handed in: forget them."""
    await session.run(_SQL["acknowledge"], (pgbin.uuids(ids),))


async def forget(session: Session, channel_id: int, keep_days: int, limit: int) -> int:
    """Drop up to `limit` old rows of what the carrier took; how many it was."""
    return (await session.run(_SQL["forget"], (channel_id, keep_days, limit))).rowcount
