"""Messages whose validity is over while they wait in a lane (a paused channel, a slow one): they end, with their money back.

A claim finds the same by itself; this sweep is for lanes from which nobody claims.
"""

from __future__ import annotations

from psycopg import errors

from tocsin import queue
from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import End
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason


async def end_expired(session: Session, books: Books, validity_s: float, now_s: float) -> int:
    """End messages that waited longer than their validity and that no carrier has; how many items. A transaction a page.

    In pages: what was scheduled long ago is old and still valid, and must not stand before what is not.
    """
    found, after = 0, 0
    while after >= 0:
        ended, after = await _end_page(session, books, (validity_s, after), now_s)
        found += ended
    return found


async def _end_page(session: Session, books: Books, place: tuple[float, int], now_s: float) -> tuple[int, int]:
    """(items that ended, the last one that was looked at; -1: none is left)."""
    try:
        async with session.transaction():
            items = await queue.lock_old(session, *place)
            if not items:
                return 0, -1
            ids = pgbin.uuids([message_id for _, ids in items for message_id in ids])
            rows = await session.rows(QUERIES["never_handed_over"], (ids, now_s))
            ends = [End(*(*row[:9], row[8], 1, Reason.EXPIRED, Reason.SENDING, 0, None, now_s, row[9])) for row in rows]
            gone = {end.message_id for end in ends}
            done = [item_id for item_id, item_ids in items if gone.issuperset(item_ids)]
            await session.send([queue.drop(done), *write_ends(ends, books)])
            return len(done), items[-1][0]
    except (errors.UniqueViolation, errors.DeadlockDetected):
        return 0, -1
