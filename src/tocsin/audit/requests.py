"""Requests to the public API, as their account looks at them: by key, newest first. Written by the API, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.audit.store import QUERIES
from tocsin.kit import pgbin
from tocsin.kit.db import Session

NEWEST_REQUEST = (1 << 63) - 1


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
    left_out: int  # more of the account, in this second, that are not kept
    message: str
    body: str  # of a refused one, secrets masked


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


class AskedRequests(NamedTuple):
    """Which requests: before a key, refused ones only, of a path (None: all), with a status (None: all)."""

    before: int = NEWEST_REQUEST
    refused: bool = False
    path: str | None = None
    status: int | None = None
    limit: int = 50


async def log_requests(session: Session, entries: Sequence[RequestEntry]) -> None:
    """Write them, in one statement. Texts must hold no NUL."""
    await session.run(
        QUERIES["log_requests"],
        (
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
        ),
    )


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


async def forget_requests(session: Session, days: int) -> None:
    """Drop what is older."""
    await session.run(QUERIES["forget_requests"], (days,))
