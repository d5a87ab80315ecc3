"""Pushes again what was pushed before, or never was: the present state of messages, from a point in time on.

Bodies are built anew from reports. It works in pages, each read and written by itself, so that no snapshot stays open
for long; the caller's connection must be in autocommit. What is replayed may repeat, and never overtakes what waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from tocsin.kit import clock, pgbin
from tocsin.traffic import Product, Reason
from tocsin.webhooks import enqueue, rows
from tocsin.webhooks.model import ROWS_PER_PUSH, OutboxRow
from tocsin.webhooks.store import QUERIES

_PAGE = 1000
_MIN_SLICE_S = 1.0
_MAX_SLICE_S = 86_400.0
_OVERLAP = timedelta(seconds=60)
_NO_ID = bytes(16)
_PRODUCTS = {
    "sms": {Product.SMS},
    "mms": {Product.MMS},
    "vos": {Product.VOICE_NOTICE, Product.VOICE_OTP},
    "mail": {Product.EMAIL},
}

Connection = psycopg.Connection[Any]


class Aim(NamedTuple):
    """Where rows of a replay go, and how they look."""

    account_id: int
    endpoint_id: int
    kind: str
    eight_fields: bool
    swap_uplink: bool


class Position(NamedTuple):
    """How far a replay is: all before `low` (epoch seconds), and of that instant what is up to `after`."""

    low: str
    after: bytes = _NO_ID


def replay(conn: Connection, account_id: int, kind: str, since: datetime, until: datetime | None = None) -> int:
    """Queue every final report (or reply) of [since, until) once more; how many. Needs autocommit.

    Raises ValueError where the account has no endpoint of that kind, or for a kind that has no history.
    """
    if not conn.autocommit:
        raise ValueError("a replay needs a connection in autocommit")
    aim = find_aim(conn, account_id, kind)
    began, count = clock.now(), 0
    for number, _ in put_pages(conn, aim, begin(since), until or began):
        count += number
    put_newer(conn, aim, began)
    return count


def begin(since: datetime) -> Position:
    """Nothing done yet."""
    return Position(repr(since.timestamp()))


def put_pages(conn: Connection, aim: Aim, position: Position, until: datetime) -> Iterator[tuple[int, Position]]:
    """Queue page after page from `position` on; how many reports or replies, and how far it is then."""
    if aim.kind == "uplink":
        yield from _put_replies(conn, aim, position, until)
        return
    for page, reached in _pages(conn, aim, position, until):
        yield _put(conn, aim, page), reached


def put_newer(conn: Connection, aim: Aim, began: datetime) -> None:
    """A report written since may have come before an older state of its message that was read here: say it again."""
    if aim.kind == "uplink":
        return
    for page, _ in _pages(conn, aim, begin(began - _OVERLAP), clock.now() + _OVERLAP):
        _put(conn, aim, [row for row in page if row[6] is not None and row[6] > 1])


def replay_some(conn: Connection, account_id: int, kind: str, ids: Sequence[UUID]) -> int:
    """Queue these messages (or replies) of the account once more, in their present state; how many.

    In the caller's transaction. Raises ValueError as `replay` does.
    """
    aim = find_aim(conn, account_id, kind)
    if kind == "uplink":
        found = conn.execute(QUERIES["replies_of"], (account_id, list(ids)), binary=True).fetchall()
        _run(conn, [_reply(aim, row) for row in found])
        return len(found)
    page = conn.execute(QUERIES["reports_mine"], (list(ids), account_id), binary=True).fetchall()
    return _put(conn, aim, [("", *row) for row in page])


def retry_aside(conn: Connection, account_id: int, kind: str) -> int:
    """Queue what was set aside once more, in its present state; how many rows. Needs autocommit."""
    aim = find_aim(conn, account_id, kind)
    conn_rows = 0
    while True:
        with conn.transaction():
            found = conn.execute(QUERIES["aside_rows"], (aim.endpoint_id, _PAGE), binary=True).fetchall()
            if not found:
                return conn_rows
            _run(conn, _rebuild(conn, aim, found))
            conn.execute(QUERIES["delete_aside"], ([row[0] for row in found],))
            conn_rows += sum(row[1] for row in found)


def find_aim(conn: Connection, account_id: int, kind: str) -> Aim:
    """The account's endpoint. Raises ValueError."""
    if kind not in {*_PRODUCTS, "uplink"}:
        raise ValueError(f"{kind} has no history to replay")
    row = conn.execute(QUERIES["find_endpoint"], (account_id, kind)).fetchone()
    if row is None:
        raise ValueError(f"the account has no endpoint for {kind}: set one first")
    return Aim(account_id, row[0], kind, row[1], row[2])


def _pages(
    conn: Connection, aim: Aim, position: Position, until: datetime
) -> Iterator[tuple[list[tuple[Any, ...]], Position]]:
    """Pages in the order of time; the slice of time that one statement looks at follows what it finds."""
    low, after = position
    slice_s, end = _MIN_SLICE_S, until.timestamp()
    while float(low) < end:
        high = min(float(low) + slice_s, end)
        where = {"low": low, "high": high, "account": aim.account_id, "after": UUID(bytes=after), "limit": _PAGE}
        page = conn.execute(QUERIES["reports_between"], where, binary=True).fetchall()
        if len(page) == _PAGE:
            low, after = page[-1][0], page[-1][1]
            slice_s = max(slice_s / 2, _MIN_SLICE_S)
        else:
            low, after = repr(high), _NO_ID
            slice_s = min(slice_s * 2, _MAX_SLICE_S)
        yield page, Position(low, after)


def _put(conn: Connection, aim: Aim, page: Sequence[tuple[Any, ...]]) -> int:
    entries = []
    for _, message_id, product, phone, batch_no, parts, _, reason, fee, at_s in page:
        if product in _PRODUCTS[aim.kind] and reason is not None:
            facts = rows.ReportFacts(message_id, phone, at_s, Reason(reason), batch_no, parts, fee)
            entries.append((message_id, _row(aim, facts)))
    _run(conn, _chunk(aim, entries))
    return len(entries)


def _row(aim: Aim, facts: rows.ReportFacts) -> bytes:
    return rows.report_row(facts, rows.shape(aim.kind, eight_fields=aim.eight_fields))


def _chunk(aim: Aim, entries: Sequence[tuple[bytes, bytes]]) -> list[OutboxRow]:
    chunks = [entries[i : i + ROWS_PER_PUSH] for i in range(0, len(entries), ROWS_PER_PUSH)]
    # Late: an older state of one of these messages may still wait, and must come first.
    return [
        OutboxRow(aim.endpoint_id, len(chunk), [e[0] for e in chunk], b",".join([e[1] for e in chunk]), late=True)
        for chunk in chunks
    ]


def _rebuild(conn: Connection, aim: Aim, aside: Sequence[tuple[Any, ...]]) -> list[OutboxRow]:
    """Rows that were set aside, each with the present state of its message where that is still known."""
    ids = [each for row in aside for each in row[2] or ()]
    present: dict[bytes, bytes] = {}
    if aim.kind != "uplink":
        pgbin.register(conn)
        for row in conn.execute(QUERIES["reports_of"], (pgbin.uuids(ids),), binary=True):
            message_id, _, phone, batch_no, parts, _, reason, fee, at_s = row
            facts = rows.ReportFacts(message_id, phone, at_s, Reason(reason), batch_no, parts, fee)
            present[message_id] = _row(aim, facts)
    return [
        OutboxRow(aim.endpoint_id, n, list(names or ()), _present(names, body, present), late=True)
        for _, n, names, body in aside
    ]


def _present(names: Sequence[bytes] | None, body: bytes, present: dict[bytes, bytes]) -> bytes:
    if not names or any(each not in present for each in names):
        return body
    return b",".join([present[each] for each in names])


def _put_replies(conn: Connection, aim: Aim, position: Position, until: datetime) -> Iterator[tuple[int, Position]]:
    low, after = position
    if after == _NO_ID:
        floor = conn.execute(QUERIES["uuid_floor"], (float(low),), binary=True).fetchone()
        assert floor is not None
        after = floor[0]
    while True:
        page = conn.execute(
            QUERIES["replies_between"], (aim.account_id, UUID(bytes=after), until.timestamp(), _PAGE), binary=True
        ).fetchall()
        if not page:
            return
        _run(conn, [_reply(aim, row) for row in page])
        after = page[-1][0]
        yield len(page), Position(low, after)


def _reply(aim: Aim, row: Sequence[Any]) -> OutboxRow:
    uplink_id, user, service, content, at_s, message_id = row
    answered = message_id.hex() if message_id else ""
    body = rows.uplink_body(user, service, content, at_s, message_id=answered, swap=aim.swap_uplink)
    return OutboxRow(aim.endpoint_id, 1, [uplink_id], body)


def _run(conn: Connection, made: list[OutboxRow]) -> None:
    if made:
        pgbin.register(conn)
        query, params = enqueue.statement(made)
        conn.execute(query, params)
