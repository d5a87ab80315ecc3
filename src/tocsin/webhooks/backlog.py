"""Replays that somebody asked for on a page: written down, and done by the workers in slices of a second.

A slice queues its pages and notes how far it came in one transaction, so that a worker's end costs nothing but time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tocsin.kit import clock
from tocsin.webhooks.replay import Position, begin, find_aim, put_newer, put_pages, replay_some
from tocsin.webhooks.store import QUERIES

Connection = psycopg.Connection[Any]

_SLICE_S = 1.0
_NO_ID = bytes(16)


class ReplayView(NamedTuple):
    """A replay as people see it; `ended_at` None: it goes on. `trouble`: why it ended before its end."""

    id: int
    kind: str
    since: datetime
    until: datetime
    asked_at: datetime
    rows: int  # reports or replies so far
    ended_at: datetime | None
    trouble: str


def ask_replay(conn: Connection, account_id: int, kind: str, since: datetime, asked_by: str) -> int | None:
    """Have everything that ended since then pushed again, up to now; its id. None: one of that kind is under way.

    In the caller's transaction. Raises ValueError where there is nothing to replay it to.
    """
    find_aim(conn, account_id, kind)
    row = conn.execute(QUERIES["has_open_replay"], (account_id, kind)).fetchone()
    if row is not None and row[0]:
        return None
    made = conn.execute(QUERIES["ask_replay"], (account_id, kind, since, clock.now(), asked_by)).fetchone()
    assert made is not None
    return int(made[0])


def list_replays(conn: Connection, account_id: int, limit: int = 5) -> list[ReplayView]:
    """The latest of an account."""
    return [ReplayView(*row) for row in conn.execute(QUERIES["list_replays"], (account_id, limit))]


def replay_attempts(conn: Connection, account_id: int, attempts: Sequence[int]) -> int:
    """Queue what these attempts of the account pushed once more, in its present state; how many reports or replies.

    In the caller's transaction. What has no history (events of emails, tests) is passed over.
    """
    count = 0
    for kind, ids in conn.execute(QUERIES["attempts_ids"], (list(attempts), account_id)).fetchall():
        if kind != "tracking":
            count += replay_some(conn, account_id, kind, ids)
    return count


def work_off(dsn: str) -> int:
    """A slice of the oldest replay that nobody works on; 0: there is none."""
    with psycopg.connect(dsn, application_name="tocsin replay") as conn:
        row = conn.execute(QUERIES["take_replay"]).fetchone()
        if row is None:
            return 0
        replay_id, account_id, kind, since, until, low, after, _, asked_at = row
        position = Position(low, after.bytes if after else _NO_ID) if low else begin(since)
        try:
            aim = find_aim(conn, account_id, kind)
        except ValueError as error:  # it was removed meanwhile
            _note(conn, replay_id, position, 0, str(error))
            return 1
        count, over_s = 0, clock.monotonic_s() + _SLICE_S
        for number, position in put_pages(conn, aim, position, until):  # noqa: B020  it is where the next one begins
            count += number
            if clock.monotonic_s() >= over_s:
                _note(conn, replay_id, position, count)
                return 1
        put_newer(conn, aim, asked_at)
        _note(conn, replay_id, position, count, ended=True)
        return 1


def _note(
    conn: Connection, replay_id: int, position: Position, count: int, trouble: str = "", *, ended: bool = False
) -> None:
    reached = (position.low, UUID(bytes=position.after))
    conn.execute(QUERIES["note_replay"], (*reached, count, trouble, ended or bool(trouble), replay_id))
