"""All that is known of one message: what it says, each attempt, receipt and state, what waits. Within one account, by keys.

It shows what is stored, and that is not all that happened: a message that went over to another channel while it waited
leaves no row of its own, and of a receipt that brought an end there is the report.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.media import read_attached
from tocsin.messaging.letters import Letter, read_values
from tocsin.messaging.log import LogRow, find_message
from tocsin.messaging.store import QUERIES
from tocsin.traffic import OutcomeKind, Priority, Product, ReactionKind, Reason

MOST: Final = 200
"""Rows of a kind; no message has more but by a fault."""

Each = TypeVar("Each")
Conn = Connection[TupleRow]


class Said(NamedTuple):
    """What one recipient got, from whom."""

    sender: str
    title: str
    content: str
    files: list[str]
    template_id: int | None


class Submitted(NamedTuple):
    """One part (0: the whole), one attempt, and the carrier's answer."""

    at: datetime
    channel_id: int
    carrier_id: str
    part: int
    attempt: int
    outcome: OutcomeKind
    reason: Reason


class PartReceipt(NamedTuple):
    """Kept of messages of several parts. talk_s: of a call."""

    at: datetime
    part: int
    attempt: int
    reason: Reason
    talk_s: int


class Report(NamedTuple):
    """A state; the last one is the present one."""

    at: datetime
    reason: Reason
    fee_micros: int
    refund_micros: int
    channel_id: int
    billed: int  # parts, minutes, or 1


class Reacted(NamedTuple):
    """What was done with an email."""

    at: datetime
    kind: ReactionKind
    url: str
    machine: str
    place: str
    device: str


class Repeated(NamedTuple):
    """How often more it was done than is told one by one; `at`: the last time."""

    at: datetime
    kind: ReactionKind
    times: int


class Answered(NamedTuple):
    """A reply to it."""

    id: str
    at: datetime
    content: str


class Waits(NamedTuple):
    """In a lane or in the schedule. `due` None: it is ready."""

    due: datetime | None
    attempt: int
    claimed: bool
    scheduled: bool
    paused: bool  # with its batch


class Trace(NamedTuple):
    """`waits` None: it is in no lane, which is so as well where a carrier has it."""

    row: LogRow
    batch_no: int
    priority: Priority
    channel_id: int
    price_micros: int
    due_at: datetime | None
    expires_at: datetime | None
    said: Said
    submitted: list[Submitted]
    receipts: list[PartReceipt]
    reports: list[Report]
    reacted: list[Reacted]
    repeated: list[Repeated]
    answered: list[Answered]
    waits: Waits | None


def owner_of_message(conn: Conn, message_id: str) -> str | None:
    """For the operator: the name of the account whose message this is (UUID in hex)."""
    row = conn.execute(QUERIES["message_owner"], (message_id,)).fetchone()
    return str(row[0]) if row else None


def trace_message(conn: Conn, account_id: int, message_id: str) -> Trace | None:
    """All of the account's message with this id (UUID in hex); None where it has none."""
    row = find_message(conn, account_id, message_id)
    if row is None:
        return None
    params: dict[str, Any] = {"id": message_id, "account": account_id, "phone": row.phone, "limit": MOST}
    found = conn.execute(QUERIES["trace_message"], params).fetchone()
    if found is None:
        return None  # it went with its day in between
    batch_no, priority, channel_id, price, due_at, expires_at, *words = found
    params["batch"] = batch_no
    is_mail = row.product == Product.EMAIL
    reacted = _list(conn, "trace_reactions", params, _reacted) if is_mail else []
    repeated = _list(conn, "trace_repeated", params, _repeated) if is_mail else []
    waits = _list(conn, "trace_waits", params, Waits._make) if row.ended_at is None else []
    return Trace(
        row, batch_no, Priority(priority), channel_id, price, due_at, expires_at, _read_words(row, words),
        _list(conn, "trace_submissions", params, _submitted),
        _list(conn, "trace_receipts", params, _part_receipt),
        _list(conn, "trace_reports", params, lambda r: Report(r[0], Reason(r[1]), *r[2:])),
        reacted,
        repeated,
        _list(conn, "trace_replies", params, lambda r: Answered(bytes(r[0]).hex(), r[1], r[2])),
        waits[0] if waits else None,
    )  # fmt: skip


def _list(conn: Conn, name: str, params: dict[str, Any], make: Callable[[Any], Each]) -> list[Each]:
    return [make(row) for row in conn.execute(QUERIES[name], params)]


def _submitted(row: TupleRow) -> Submitted:
    at, channel_id, carrier_id, part, attempt, outcome, reason = row
    return Submitted(at, channel_id, carrier_id, part, attempt, OutcomeKind(outcome), Reason(reason))


def _part_receipt(row: TupleRow) -> PartReceipt:
    at, part, attempt, reason, talk_s = row
    return PartReceipt(at, part, attempt, Reason(reason), talk_s)


def _reacted(row: TupleRow) -> Reacted:
    at, kind, url, machine, country, city, device_type, device_name = row
    place = ", ".join(each for each in (city, country) if each)
    return Reacted(at, ReactionKind(kind), url, machine, place, device_name or device_type)


def _repeated(row: TupleRow) -> Repeated:
    return Repeated(row[0], ReactionKind(row[1]), row[2])


def _read_words(row: LogRow, words: list[Any]) -> Said:
    """As the recipient got it: an email filled with his values, an SMS from the sender that was his."""
    sender, title, content, attached, template_id, given, own = words
    files = [file.name for file in read_attached(attached)]
    if row.product == Product.EMAIL:
        title, content = Letter(title, content, read_values(given)).fill(read_values(own))
    elif own:
        sender = own
    return Said(sender, title, content, files, template_id)
