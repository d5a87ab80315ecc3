"""What goes into files: an account's messages and replies, in steps whose work is bounded whatever is wanted of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.clock import UTC
from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.log import NEWEST, OLDEST, State, after_prefix
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason

STEP = 2000
_STATES = {0: State.UNDER_WAY, 1: State.DELIVERED}


class Wanted(NamedTuple):
    """Which messages: None or "" is every one. `since` and `until` (not itself) are times of acceptance."""

    prefix: str = ""
    state: State | None = None
    product: int | None = None
    country_id: int | None = None
    batch_no: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class ExportRow(NamedTuple):
    """A message as a line of a file."""

    id: str  # UUID in hex
    batch_no: int
    product: int
    phone: str
    country_id: int
    sender: str
    content: str  # of an email: its subject; of a code: ""
    parts: int
    fee_micros: int
    state: State
    reason: Reason
    accepted_at: datetime
    submitted_at: datetime | None
    ended_at: datetime | None


class ReplyLine(NamedTuple):
    """A reply as a line of a file."""

    at: datetime
    user_number: str
    service_number: str
    content: str
    message_id: str  # "": none that is known


class Progress(NamedTuple):
    """Rows of a step, and how much of the way lies behind it: 0 to 1."""

    rows: list[ExportRow]
    share: float


def export_messages(conn: Connection[TupleRow], account_id: int, wanted: Wanted) -> Iterator[Progress]:
    """Newest first. A statement of its own for each step: what comes in meanwhile is above the first."""
    floor, before = _find_range(conn, account_id, wanted)
    asked = {
        "account": account_id, "floor": floor, "before": before, "step": STEP - 1,
        "low": wanted.prefix, "high": after_prefix(wanted.prefix), "state": wanted.state,
        "product": wanted.product, "country": wanted.country_id, "batch": wanted.batch_no,
    }  # fmt: skip
    oldest = conn.execute(QUERIES["export_oldest"], asked).fetchone()
    if oldest is None:
        return
    bottom_ms, top_ms = uuid7_ms(oldest[0]), 0
    while True:
        step = conn.execute(QUERIES["export_step"], asked).fetchone()
        low = floor if step is None else bytes(step[0]).hex()
        rows = [_row(row) for row in conn.execute(QUERIES["export_rows"], {**asked, "floor": low})]
        if step is None:
            yield Progress(rows, 1.0)
            return
        at_ms = uuid7_ms(step[0])
        top_ms = top_ms or (uuid7_ms(bytes.fromhex(rows[0].id)) if rows else at_ms)
        yield Progress(rows, (top_ms - at_ms) / max(top_ms - bottom_ms, 1))
        asked["before"] = low


def _find_range(conn: Connection[TupleRow], account_id: int, wanted: Wanted) -> tuple[str, str]:
    """(lowest id, the one behind the highest) that can fit."""
    floor = _first_id(wanted.since) if wanted.since else OLDEST
    before = _first_id(wanted.until) if wanted.until else NEWEST
    if wanted.batch_no is not None:
        asked = {"batch": wanted.batch_no, "account": account_id}
        row = conn.execute(QUERIES["export_batch"], asked).fetchone()
        if row is None:
            return OLDEST, OLDEST
        floor = max(floor, bytes(row[0]).hex())
        before = min(before, f"{int.from_bytes(row[1]) + 1:032x}")
    return floor, before


def _first_id(at: datetime) -> str:
    """The lowest id of an instant."""
    return f"{max(int(at.timestamp() * 1000), 0):012x}{'0' * 20}"


def _row(row: TupleRow) -> ExportRow:
    message_id, batch_no, product, phone, country_id, sender, content, parts, price, *end = row
    refused_why, refused, why, status, fee, submitted_at, at = end
    accepted_at = datetime.fromtimestamp(uuid7_ms(message_id) / 1000, UTC)
    found = (
        (State.FAILED, Reason(refused_why)) if refused else (_STATES.get(status or 0, State.FAILED), Reason(why or 0))
    )
    net = 0 if refused else price if fee is None else fee
    ended_at = accepted_at if refused else None if found[0] is State.UNDER_WAY else at
    return ExportRow(
        bytes(message_id).hex(), batch_no, product, phone, country_id, sender, content, parts, net, *found,
        accepted_at, submitted_at, ended_at,
    )  # fmt: skip


def export_replies(
    conn: Connection[TupleRow], account_id: int, since: datetime | None, until: datetime | None
) -> Iterator[list[ReplyLine]]:
    """In the order in which they were written, in steps."""
    seen, last = "0", OLDEST
    while True:
        asked = {"account": account_id, "seen": seen, "id": last, "limit": STEP}
        rows = conn.execute(QUERIES["uplink_page"], asked).fetchall()
        if not rows:
            return
        seen, last = rows[-1][6], bytes(rows[-1][0]).hex()
        found = [
            ReplyLine(datetime.fromtimestamp(at, UTC), user, service, text, bytes(message).hex() if message else "")
            for _, user, service, text, at, message, _ in rows
        ]
        yield [row for row in found if (not since or row.at >= since) and (not until or row.at < until)]
