"""What people look at: an account's messages by key, newest first, and its sums by day. Always within one account."""

from __future__ import annotations

from datetime import date, datetime
from enum import IntEnum
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason

NEWEST = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""A key above all others: the log's first page is before it."""


class State(IntEnum):
    """Of a message, as people ask for it."""

    UNDER_WAY = 0
    DELIVERED = 1
    FAILED = 2


class LogRow(NamedTuple):
    """A message and its present state. Times are epoch seconds; `ended_at` None: it is under way."""

    id: str  # UUID in hex
    accepted_at: float
    phone: str
    country_id: int
    product: int
    parts: int
    fee_micros: int  # as of now: a refund makes it 0
    reason: Reason
    state: State
    ended_at: float | None


class Asked(NamedTuple):
    """Which messages: before a key, to numbers that begin with digits, in a state."""

    before: str = NEWEST
    prefix: str = ""
    state: State | None = None
    limit: int = 50


class Day(NamedTuple):
    """Sums of one day (UTC): messages by state, and money."""

    day: date
    under_way: int
    delivered: int
    failed: int
    fee_micros: int


def read_log(conn: Connection[TupleRow], account_id: int, asked: Asked) -> list[LogRow]:
    """A page of the account's messages, newest first."""
    params = {
        "account": account_id, "before": asked.before, "low": asked.prefix, "high": _after(asked.prefix),
        "state": asked.state, "limit": asked.limit,
    }  # fmt: skip
    return [_row(row) for row in conn.execute(QUERIES["log_page"], params)]


def find_message(conn: Connection[TupleRow], account_id: int, message_id: str) -> LogRow | None:
    """One message of the account, by its UUID in hex; None where the account has none of that id."""
    behind = f"{int(message_id, 16) + 1:032x}"
    found = read_log(conn, account_id, Asked(before=behind, limit=1))
    return found[0] if found and found[0].id == message_id else None


def _after(prefix: str) -> str:
    """The first text behind all digits that begin with `prefix`."""
    return prefix + ":" if prefix else ""  # ":" comes after "9"


def _row(row: TupleRow) -> LogRow:
    message_id, phone, country_id, product, parts, price, refused_why, refused, why, status, fee, reported_at = row
    accepted_at = uuid7_ms(message_id) / 1000
    ended: float | None
    if refused:
        state, reason, ended, net = State.FAILED, Reason(refused_why), accepted_at, 0
    else:
        reason, net = Reason(why or 0), price if fee is None else fee
        state = {0: State.UNDER_WAY, 1: State.DELIVERED}.get(status or 0, State.FAILED)
        ended = None if state is State.UNDER_WAY or reported_at is None else reported_at.timestamp()
    return LogRow(bytes(message_id).hex(), accepted_at, phone, country_id, product, parts, net, reason, state, ended)


def read_days(conn: Connection[TupleRow], account_id: int, since: datetime) -> list[Day]:
    """Sums of the days from `since` on that have any, oldest first; some seconds behind."""
    return [Day(*row) for row in conn.execute(QUERIES["log_days"], {"account": account_id, "since": since})]
