"""What people look at: an account's messages by key, newest first, and what they ask of them. Always within one account."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason

NEWEST = "f" * 32
"""A key above all others: the log's first page is before it."""
OLDEST = "0" * 32
"""A key below all others."""


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
    """Which messages: below the key `before` and not below `floor` (both UUIDs in hex), and what they must be."""

    before: str = NEWEST
    prefix: str = ""  # of the number, or of an address in lower case
    state: State | None = None
    limit: int = 50
    floor: str = OLDEST
    batch_no: int | None = None
    product: int | None = None
    country_id: int | None = None

    @property
    def picks(self) -> bool:
        """Whether a message may be left out."""
        return bool(self.prefix) or any(each is not None for each in self[2:3] + self[5:])


def read_log(conn: Connection[TupleRow], account_id: int, asked: Asked, among: list[str] | None = None) -> list[LogRow]:
    """A page of the account's messages, newest first; `among`: only of these ids.

    It looks at every message between its keys until the page is full: `search_log` is for what may fit rarely.
    """
    params = {
        **asked._asdict(), "account": account_id, "low": asked.prefix, "high": after_prefix(asked.prefix), "among": among,
    }  # fmt: skip
    return [_row(row) for row in conn.execute(QUERIES["log_page"], params)]


def find_message(conn: Connection[TupleRow], account_id: int, message_id: str) -> LogRow | None:
    """One message of the account, by its UUID in hex; None where the account has none of that id."""
    found = read_log(conn, account_id, Asked(floor=message_id, limit=1), [message_id])
    return found[0] if found else None


def after_prefix(prefix: str) -> str:
    """The first text behind all that begin with `prefix`; "" behind none."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1) if prefix else ""


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
