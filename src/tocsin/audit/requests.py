"""Requests to the public API, as their account looks at them: by key, newest first. Written by the API, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from psycopg import Connection, errors
from psycopg.rows import TupleRow

from tocsin.audit.store import QUERIES
from tocsin.kit import pgbin
from tocsin.kit.db import Session, drop_partition

NEWEST_REQUEST = (1 << 63) - 1


def accepted_share(rows_per_day: int) -> int:
    """How many rows of a day accepted requests may take."""
    return max(1, rows_per_day // 2)


def strangers_share(rows_per_day: int) -> int:
    """How many rows strangers may take, beside those of the account's own requests."""
    return max(1, rows_per_day // 10)


class RequestEntry(NamedTuple):
    """A request that was answered. `at_s`: epoch seconds; `key_id`, `batch_no` 0: none."""

    account_id: int
    at_s: float
    request_id: str
    method: str
    path: str
    status: int  # of the API page
    http: int
    took_ms: int
    address: str
    key_id: int
    receivers: int
    batch_no: int
    left_out: int  # more that are not kept: of the account, in this second; not signed: of the network, in this minute
    message: str
    body: str  # of a refused one, secrets masked
    signed: bool = True  # False: a stranger named the account


class RequestView(NamedTuple):
    """The same as people see it."""

    id: int
    at: datetime
    request_id: str
    method: str
    path: str
    status: int
    http: int
    took_ms: int
    address: str
    key_id: int
    key_name: str
    receivers: int
    batch_no: int
    left_out: int
    message: str
    body: str
    signed: bool

    @property
    def all_of_them(self) -> int:
        """How many the row stands for."""
        return self.left_out + 1


class DayCount(NamedTuple):
    """Of an account and a day: rows of its own requests and of strangers', and how many requests of each were not written."""

    account_id: int
    own: int
    own_out: int
    strangers: int
    strangers_out: int


class FullDay(NamedTuple):
    """A day (UTC) of which not all was written."""

    day: date
    own: int
    own_out: int
    strangers: int
    strangers_out: int


class AskedRequests(NamedTuple):
    """Which requests: before a key, refused ones only, of a path (None: all), with a status (None: all)."""

    before: int = NEWEST_REQUEST
    refused: bool = False
    path: str | None = None
    status: int | None = None
    limit: int = 50


async def log_requests(session: Session, entries: Sequence[RequestEntry]) -> dict[str, int]:
    """Write them, in one statement. Texts must hold no NUL. Row of each that is not signed, by its request_id."""
    params = (
        pgbin.int4s([each.account_id for each in entries]),
        pgbin.times([each.at_s for each in entries]),
        pgbin.texts([each.request_id for each in entries]),
        pgbin.texts([each.method for each in entries]),
        pgbin.texts([each.path for each in entries]),
        pgbin.int4s([each.status for each in entries]),
        pgbin.int4s([each.http for each in entries]),
        pgbin.int4s([each.took_ms for each in entries]),
        pgbin.texts([each.address for each in entries]),
        pgbin.int4s([each.key_id for each in entries]),
        pgbin.int4s([each.receivers for each in entries]),
        pgbin.int8s([each.batch_no for each in entries]),
        pgbin.int4s([each.left_out for each in entries]),
        pgbin.texts([_clean(each.message) for each in entries]),
        pgbin.texts([_clean(each.body) for each in entries]),
        pgbin.int4s([int(each.signed) for each in entries]),
    )
    try:
        return dict(await session.rows(QUERIES["log_requests"], params))
    except errors.CheckViolation:  # no worker has made the day's partition
        await session.run(QUERIES["make_days"])
        return dict(await session.rows(QUERIES["log_requests"], params))


async def recount_requests(session: Session, counts: Sequence[tuple[int, int, int]]) -> None:
    """Set how many more there were, of rows that are not signed: (account, row, count)."""
    accounts, rows, numbers = zip(*counts, strict=True)
    await session.run(QUERIES["recount_requests"], (pgbin.int4s(accounts), pgbin.int8s(rows), pgbin.int4s(numbers)))


async def count_requests(session: Session, counts: Sequence[DayCount]) -> list[DayCount]:
    """Add to the counts of the present day; what they are now, over all processes."""
    account_ids, *columns = zip(*sorted(counts), strict=True)
    params = (pgbin.int4s(account_ids), *(pgbin.int8s(column) for column in columns))
    return [DayCount(*row) for row in await session.rows(QUERIES["count_requests"], params)]


def _clean(text: str) -> str:
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()


def read_requests(conn: Connection[TupleRow], account_id: int, asked: AskedRequests) -> list[RequestView]:
    """A page of an account's, newest first."""
    return [
        RequestView(*row) for row in conn.execute(QUERIES["read_requests"], {"account": account_id, **asked._asdict()})
    ]


def find_request(conn: Connection[TupleRow], account_id: int, request_id: int) -> RequestView | None:
    """One of the account's, by its key."""
    row = conn.execute(QUERIES["find_request"], (request_id, account_id)).fetchone()
    return None if row is None else RequestView(*row)


def read_full_days(conn: Connection[TupleRow], account_id: int, limit: int) -> list[FullDay]:
    """The last days of which not all of the account's requests were written."""
    return [FullDay(*row) for row in conn.execute(QUERIES["full_days"], (account_id, limit))]


async def forget_requests(session: Session, days: int) -> None:
    """Drop the days whose last request is older. Raises LOST where a long reader puts it off."""
    await session.run(QUERIES["forget_days"], (days,))
    for (name,) in await session.rows(QUERIES["old_days"], (days,)):
        await drop_partition(session, name)
