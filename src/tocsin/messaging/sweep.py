"""What time alone brings: messages without a receipt end, unmatched receipts are looked at again."""

from __future__ import annotations

from psycopg import errors

from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import End
from tocsin.messaging.receipt import receive
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason, Receipt


async def end_overdue(session: Session, books: Books, now_s: float) -> int:
    """Messages that were handed over and had no receipt in time end as NO_RECEIPT; how many. One transaction."""
    try:
        async with session.transaction():
            watches = await session.rows(QUERIES["overdue_watch"])
            if not watches:
                return 0
            ids = [raw[i : i + 16] for _, raw in watches for i in range(24, len(raw), 20)]
            ends = await _find_open(session, ids, now_s)
            drop = Statement(QUERIES["drop_watch"], ([row[0] for row in watches],))
            await session.send([drop, *write_ends(ends, books)])
            return len(ends)
    except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure):
        return 0  # A receipt came at this moment; the next sweep sees it.


async def _find_open(session: Session, ids: list[bytes], now_s: float) -> list[End]:
    rows = await session.rows(QUERIES["open_messages"], (pgbin.uuids(list(dict.fromkeys(ids))),))
    return [
        End(*(*r[:8], r[12] or 0, (r[8] or 0) + 1, Reason.NO_RECEIPT, Reason(r[9] or 0), r[10] or 0, r[11], now_s))
        for r in rows
    ]


async def match_again(session: Session, books: Books, keep_trying_s: float) -> int:
    """Receipts whose submission was not stored when they came; how many found theirs. Old ones are given up and kept."""
    rows = await session.rows(QUERIES["unmatched_waiting"])
    if not rows:
        return 0
    by_channel: dict[int, list[tuple[int, Receipt]]] = {}
    for row_id, channel_id, carrier_id, phone, reason, at in rows:
        by_channel.setdefault(channel_id, []).append((row_id, Receipt(carrier_id, phone, Reason(reason), at)))
    found = 0
    for channel_id, entries in by_channel.items():
        receipts = [receipt for _, receipt in entries]
        received = await receive(session, channel_id, receipts, books, [row_id for row_id, _ in entries])
        found += len(entries) - received.unmatched
    await session.run(QUERIES["give_up_unmatched"], (keep_trying_s,))
    return found
