"""Attempts of an account's pushes as people look at them: by key, newest first. Always within one account."""

from __future__ import annotations

from typing import Any, NamedTuple

import psycopg

from tocsin.webhooks.model import AttemptView
from tocsin.webhooks.store import QUERIES

Connection = psycopg.Connection[Any]

NEWEST_ATTEMPT = (1 << 63) - 1
_PAGES = {
    "": QUERIES["attempts_all"],
    "failed": QUERIES["attempts_failed"],
    "taken": QUERIES["attempts_taken"],
    "test": QUERIES["attempts_test"],
}
OUTCOMES = tuple(name for name in _PAGES if name)


class AskedAttempts(NamedTuple):
    """Which attempts: before a key, of a kind of endpoint (None: all), with an outcome ("": all)."""

    before: int = NEWEST_ATTEMPT
    kind: str | None = None
    outcome: str = ""
    limit: int = 50


class AttemptDetail(NamedTuple):
    """One attempt, whole."""

    kind: str
    attempt: AttemptView


def read_attempts(conn: Connection, account_id: int, asked: AskedAttempts) -> list[AttemptView]:
    """A page of them, without request and answer's head."""
    where = {"account": account_id, "before": asked.before, "kind": asked.kind, "limit": asked.limit}
    return [AttemptView(*row) for row in conn.execute(_PAGES[asked.outcome], where)]


def find_attempt(conn: Connection, account_id: int, attempt_id: int) -> AttemptDetail | None:
    """One of the account's."""
    row = conn.execute(QUERIES["find_attempt"], (attempt_id, account_id)).fetchone()
    return None if row is None else AttemptDetail(row[0], AttemptView(*row[1:]))


def has_answered(conn: Connection, account_id: int) -> bool:
    """Whether an endpoint of the account took one of its latest pushes."""
    row = conn.execute(QUERIES["has_answered"], (account_id,)).fetchone()
    return row is not None and bool(row[0])
