"""The blacklist of an account for a file: newest first, in steps by key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.compliance.store import QUERIES

_STEP = 2000
_NEWEST = (1 << 63) - 1


class ListedRow(NamedTuple):
    """A number or address that is barred for an account; `origin` says since what."""

    id: int
    value: str
    origin: str
    at: datetime


def export_listed(conn: Connection[TupleRow], account_id: int) -> Iterator[list[ListedRow]]:
    """All of the account's own; those that are barred for every account are the operator's."""
    asked = {"account": account_id, "before": _NEWEST, "limit": _STEP}
    while rows := [ListedRow(*row) for row in conn.execute(QUERIES["list_export"], asked)]:
        yield rows
        asked["before"] = rows[-1].id
