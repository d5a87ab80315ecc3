"""Replies as people look at them: newest first, by key, within one account; a filter that fits rarely is looked for in pieces."""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.messaging.log import OLDEST, after_prefix
from tocsin.messaging.store import QUERIES

_STRETCH: Final = 20_000
"""Replies that one look reads at most."""

ReplyPlace = tuple[str, str]
"""Key of a reply: the transaction that wrote it, and its id in hex."""

NEWEST_REPLY: Final[ReplyPlace] = (str((1 << 63) - 1), "f" * 32)


class ReplyRow(NamedTuple):
    """A reply. `message_id` "": of no message that is known."""

    id: str
    at: datetime
    user_number: str
    service_number: str
    content: str
    message_id: str


class FoundReplies(NamedTuple):
    """Replies, newest first, and before which key the search goes on; None: it is over. full: the page is."""

    rows: list[ReplyRow]
    next: ReplyPlace | None
    full: bool


def list_replies(
    conn: Connection[TupleRow], account_id: int, before: ReplyPlace, numbers: tuple[str, str], limit: int
) -> FoundReplies:
    """A page before a key. `numbers`: what the user's number and the one that he wrote to begin with, "" for any."""
    user, service = numbers
    params = {"account": account_id, "seen": before[0], "before": before[1], "skip": _STRETCH - 1}
    edge = conn.execute(QUERIES["reply_edge"], params).fetchone() if user or service else None
    floor: ReplyPlace = (edge[0], edge[1].hex()) if edge else ("0", OLDEST)
    params |= {
        "floor_seen": floor[0], "floor": floor[1], "low": user, "high": after_prefix(user), "service": service, "limit": limit,
    }  # fmt: skip
    found = conn.execute(QUERIES["reply_page"], params).fetchall()
    rows = [ReplyRow(bytes(r[0]).hex(), r[2], r[3], r[4], r[5], bytes(r[6]).hex() if r[6] else "") for r in found]
    if len(rows) == limit:
        return FoundReplies(rows, (found[-1][1], rows[-1].id), full=True)
    return FoundReplies(rows, floor if edge else None, full=False)
