"""Who did what to what, and what it was before and after: in the transaction of the change, so that neither is alone.

Nothing secret goes in: callers give names of keys and endpoints, never a key, a secret or a sealed text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.audit import store

Facts = Mapping[str, Any]


class AuditEntry(NamedTuple):
    """A change that somebody made."""

    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def record(
    conn: Connection[TupleRow], actor: str, action: str, subject: str, before: Facts | None, after: Facts | None
) -> None:
    """Append an entry in the caller's transaction. `before` None: it was made; `after` None: it is gone."""
    store.insert_entry(conn, actor, action, subject, before, after)


def read_last(conn: Connection[TupleRow], subject: str | None = None, limit: int = 50) -> list[AuditEntry]:
    """The newest entries, newest first."""
    return [AuditEntry(*row) for row in store.read_last(conn, subject, limit)]
