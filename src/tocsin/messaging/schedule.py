"""What waits for its time: listed and cancelled, for its account and for the operator. What is due moves by move.py."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import Session
from tocsin.messaging.move import Terms, end_cancelled
from tocsin.messaging.store import QUERIES


class Scheduled(NamedTuple):
    """What is left of a batch in the schedule. Times: epoch seconds; `zone` "": none was named."""

    batch_no: int
    due_at: float
    zone: str
    product: int
    messages: int
    amount_micros: int
    accepted_at: float


class Cancelled(NamedTuple):
    """How many messages will not go, and what they were charged."""

    messages: int
    amount_micros: int


Place = tuple[str, int]
"""Where a page ends: (accepting transaction, batch number)."""


async def page_schedules(
    session: Session, account_id: int, after: Place, limit: int
) -> tuple[list[Scheduled], Place | None]:
    """What waits behind `after`, in the order of accepting; where to go on, if there is more.

    It ends below the oldest open writing transaction: a slow writer's rows are not skipped.
    """
    params = {"account": account_id, "seen": after[0], "batch": after[1], "limit": limit + 1}
    rows = await session.rows(QUERIES["schedule_page"], params)
    last = rows[limit - 1] if len(rows) > limit else None
    return [Scheduled(*row[:7]) for row in rows[:limit]], (last[7], last[0]) if last else None


async def cancel_schedule(
    session: Session, account_id: int, batch_no: int, terms: Terms, now_s: float
) -> Cancelled | None:
    """Cancel what is left of a batch of this account: marked in one commit, which decides the race against the move, then
    ended and refunded. None: nothing of it waits. Raises LOST; a worker ends what is marked, whatever happens here.
    """
    rows = await session.rows(QUERIES["cancel_schedule"], {"batch": batch_no, "account": account_id})
    cancelled = Cancelled(*rows[0])
    if not cancelled.messages:
        return None
    await end_cancelled(session, batch_no, terms, now_s)
    return cancelled


class Planned(NamedTuple):
    """A batch that waits for its time, for its account's people."""

    scheduled: Scheduled
    sender: str
    content: str  # its beginning
    title: str
    priority: int


class Slot(NamedTuple):
    """A quarter of an hour in which something is due; `begin_s`: epoch seconds."""

    begin_s: int
    batches: int
    messages: int


def read_slots(conn: Connection[TupleRow], account_id: int, low_s: float, high_s: float) -> list[Slot]:
    """What waits of an account with its time in [low, high), by quarters of an hour."""
    params = {"account": account_id, "low": low_s, "high": high_s}
    return [Slot(*row) for row in conn.execute(QUERIES["scheduled_slots"], params)]


def page_planned(
    conn: Connection[TupleRow], account_id: int, span_s: tuple[float, float], after: tuple[float, int], limit: int
) -> list[Planned]:
    """What waits of an account with its time in `span_s`, the next first, behind `after` = (epoch seconds, batch number)."""
    params = {
        "account": account_id, "low": span_s[0], "high": span_s[1], "after": after[0], "batch": after[1], "limit": limit,
    }  # fmt: skip
    rows = conn.execute(QUERIES["scheduled_page"], params)
    return [Planned(Scheduled(*row[:7]), *row[7:]) for row in rows]


def list_schedules(conn: Connection[TupleRow], account_id: int | None, limit: int) -> list[tuple[Scheduled, int]]:
    """For the operator: what waits, the next first, each with its account; of one account or of all."""
    params = {"account": account_id, "limit": limit}
    return [(Scheduled(*row[:7]), row[7]) for row in conn.execute(QUERIES["schedules_of_all"], params)]


def sum_scheduled(conn: Connection[TupleRow], account_id: int) -> int:
    """Micro-units that the account paid for what still waits for its time."""
    row = conn.execute(QUERIES["schedule_amount"], (account_id,)).fetchone()
    assert row is not None
    return int(row[0])


def mark_cancelled(conn: Connection[TupleRow], batch_no: int, account_id: int | None = None) -> Cancelled:
    """Cancel what is left of a batch of this account (None: of any); a worker ends and refunds it."""
    row = conn.execute(QUERIES["cancel_schedule"], {"batch": batch_no, "account": account_id}).fetchone()
    assert row is not None
    return Cancelled(*row)
