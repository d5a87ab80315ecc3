"""What the users of an account do to its own lists: pages by key, many values at once, rows by their id.

In the caller's transaction; nothing here commits or audits. Every statement is bound to the account.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.compliance import store
from tocsin.compliance.caps import CapBook
from tocsin.compliance.model import Barred, Cap
from tocsin.traffic import Priority

CONSOLE: Final = "console"
"""Origin of what users put on a list by hand."""
NEWEST: Final = 2**62


class ListAsked(NamedTuple):
    """A page: rows below an id whose value begins with `start` and which came from `origin` ("": any)."""

    before: int = NEWEST
    start: str = ""
    origin: str = ""
    limit: int = 50


def page_listed(conn: Connection[TupleRow], account_id: int, asked: ListAsked) -> list[Barred]:
    """A page of the account's blacklist, newest first."""
    return store.read_page(conn, "list_page", _bind(account_id, asked))


def page_opt_outs(conn: Connection[TupleRow], account_id: int, asked: ListAsked) -> list[Barred]:
    """A page of the account's opt-outs, newest first."""
    return store.read_page(conn, "opt_page", _bind(account_id, asked))


def _bind(account_id: int, asked: ListAsked) -> dict[str, object]:
    high = asked.start[:-1] + chr(ord(asked.start[-1]) + 1) if asked.start else ""
    return {
        "account": account_id, "before": asked.before, "low": asked.start, "high": high, "origin": asked.origin,
        "limit": asked.limit,
    }  # fmt: skip


def add_many_listed(conn: Connection[TupleRow], account_id: int, values: Sequence[str]) -> int:
    """Bar those that are not barred yet; how many. `values`: as read_list makes them."""
    return store.insert_listed_many(conn, account_id, values, CONSOLE)


def add_many_opt_outs(conn: Connection[TupleRow], account_id: int, values: Sequence[str], sender: str) -> int:
    """Opt them out of MARKETING, of one sender or ("") of all; how many had not."""
    return store.insert_opt_outs(conn, account_id, values, sender, CONSOLE)


def remove_listed_row(conn: Connection[TupleRow], account_id: int, row_id: int) -> str | None:
    """The value that was barred; None: the account has no such row."""
    row = store.delete_row(conn, "list_remove_row", account_id, row_id)
    return None if row is None else str(row[0])


def remove_opt_out_row(conn: Connection[TupleRow], account_id: int, row_id: int) -> str | None:
    """The number that is in again; None: the account has no such row."""
    row = store.delete_row(conn, "opt_remove_row", account_id, row_id)
    return None if row is None else str(row[0])


def read_caps(conn: Connection[TupleRow], account_id: int) -> list[Cap]:
    """The caps that hold for the account's sends of any action."""
    book = CapBook(store.read_caps_of(conn, account_id))
    found = {cap.id: cap for action in Priority for cap in book.find(account_id, action) if cap.most is not None}
    return [found[cap_id] for cap_id in sorted(found, key=lambda cap_id: (found[cap_id].kind, cap_id))]
