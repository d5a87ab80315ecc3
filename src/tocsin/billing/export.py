"""The movements of an account's money for a file: newest first, in steps by key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing.model import Entry
from tocsin.billing.store import QUERIES

_STEP = 2000
_NEWEST = (1 << 63) - 1


def export_entries(
    conn: Connection[TupleRow], account_id: int, kind: str, since: datetime | None, until: datetime | None
) -> Iterator[list[Entry]]:
    """Of one kind ("": of all), from `since` on, before `until`."""
    asked = {"account": account_id, "before": _NEWEST, "kind": kind, "since": since, "until": until, "limit": _STEP}
    while rows := [Entry(*row) for row in conn.execute(QUERIES["ledger_export"], asked)]:
        yield rows
        asked["before"] = rows[-1].id
