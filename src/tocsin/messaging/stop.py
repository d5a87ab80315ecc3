"""Batches that are paused, resumed, cancelled.

The row of table batch_stop decides. Once it is committed no claim hands over a message of the batch: what waits free in lanes is
held at once, what comes back into them later (a retry, a schedule, a claim of this moment) is set aside by whoever claims it
(submit.py). What was claimed before may still leave, and so does the rest of a message of which a carrier has a part.
What is held of a cancelled batch ends with its money back; any worker does it, in pages. What is held costs other claims nothing:
it is not in the index that they read.
"""

from __future__ import annotations

from psycopg import Connection, errors
from psycopg.rows import TupleRow

from tocsin import queue
from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import End
from tocsin.messaging.schedule import mark_cancelled
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason

ITEMS_MOST = 40
"""In one transaction: 2,000 messages."""

_CROSSED = (errors.UniqueViolation, errors.DeadlockDetected)


def pause_batch(conn: Connection[TupleRow], account_id: int | None, batch_no: int) -> int | None:
    """Keep what has not left of a batch of the account (None: of any) from leaving; how many messages are held now. None: there
    is no such batch, or it is stopped already. In the caller's transaction.
    """
    return _stop(conn, account_id, batch_no, cancelled=False)


def cancel_batch(conn: Connection[TupleRow], account_id: int | None, batch_no: int) -> int | None:
    """End what has not left, for good: how many messages are marked now; a worker ends and refunds them within a second. None:
    there is no such batch, or it is cancelled already. In the caller's transaction.
    """
    if _stop(conn, account_id, batch_no, cancelled=True) is None:
        return None
    scheduled = mark_cancelled(conn, batch_no, account_id).messages
    return scheduled + _read_sum(conn, "held_count", (batch_no,))


def resume_batch(conn: Connection[TupleRow], account_id: int | None, batch_no: int) -> int | None:
    """Let a paused batch go on; how many messages were held. None: it is not paused. In the caller's transaction."""
    params = {"batch": batch_no, "account": account_id}
    if conn.execute(QUERIES["resume_batch"], params).fetchone() is None:
        return None
    # A statement of its own: only so does it see what was set aside by those for whom the one above has waited.
    return _read_sum(conn, "release_batch", (batch_no,))


def _stop(conn: Connection[TupleRow], account_id: int | None, batch_no: int, *, cancelled: bool) -> int | None:
    params = {"batch": batch_no, "account": account_id, "cancelled": cancelled}
    if conn.execute(QUERIES["stop_batch"], params).fetchone() is None:
        return None
    return _read_sum(conn, "hold_batch", {"batch": batch_no})


def _read_sum(conn: Connection[TupleRow], name: str, params: tuple[int] | dict[str, int]) -> int:
    row = conn.execute(QUERIES[name], params).fetchone()
    assert row is not None
    return int(row[0])


async def end_stopped(session: Session, books: Books, now_s: float) -> int:
    """One round of what stopped batches want: hold what was in other hands, end what is cancelled; how many items ended."""
    for (batch_no,) in await session.rows(QUERIES["young_stops"]):
        await session.run(QUERIES["hold_batch"], {"batch": batch_no})
    cancelled = await session.rows(QUERIES["cancelled_held"])
    if cancelled:
        await books.look(session)
    return sum([await _end_page(session, books, batch_no, now_s) for (batch_no,) in cancelled])


async def _end_page(session: Session, books: Books, batch_no: int, now_s: float) -> int:
    try:
        async with session.transaction():
            items = await session.rows(QUERIES["lock_held"], (batch_no, ITEMS_MOST))
            # array_send(uuid[]): a head of 20 bytes, then 4 bytes of length before each 16.
            ids = [ids[at : at + 16] for _, ids in items for at in range(24, len(ids), 20)]
            rows = await session.rows(QUERIES["never_left"], (pgbin.uuids(ids),))
            ends = [
                End(*(*row[:9], row[8], 1, Reason.CANCELLED, Reason.SENDING, 0, None, now_s, row[9])) for row in rows
            ]
            await session.send([queue.drop([row[0] for row in items]), *write_ends(ends, books)])
            return len(items)
    except _CROSSED:
        return 0
