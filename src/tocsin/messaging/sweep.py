"""What time alone brings: messages without a receipt end, unmatched receipts are looked at again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import errors

from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import End
from tocsin.messaging.receipt import receive
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason, Receipt

_TURNS = 120
"""Of receipts that are unmatched for over a minute, one look takes one in so many."""

_PAGE = 1000
_TOP = 2**63 - 1


async def end_overdue(session: Session, books: Books, now_s: float) -> int:
    """Messages that were handed over and had no receipt in time end as NO_RECEIPT. One transaction.

    How many watches were looked at: most hold messages that ended long ago.
    """
    try:
        async with session.transaction():
            watches = await session.rows(QUERIES["overdue_watch"])
            if not watches:
                return 0
            ids = [raw[i : i + 16] for _, raw in watches for i in range(24, len(raw), 20)]
            ends = await _find_open(session, ids, now_s)
            drop = Statement(QUERIES["drop_watch"], ([row[0] for row in watches],))
            await session.send([drop, *write_ends(ends, books)])
            return len(watches)
    except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure):
        return 0  # A receipt came at this moment; the next sweep sees it.


async def _find_open(session: Session, ids: list[bytes], now_s: float) -> list[End]:
    rows = await session.rows(QUERIES["open_messages"], (pgbin.uuids(list(dict.fromkeys(ids))),))
    return [
        End(
            *(
                *row[:10],
                (row[10] or 0) + 1,
                Reason.NO_RECEIPT,
                Reason(row[11] or 0),
                row[12] or 0,
                row[13],
                now_s,
                row[14],
            )
        )
        for row in rows
    ]


async def match_again(session: Session, books: Books, keep_trying_s: float, now_s: float) -> int:
    """Receipts whose submission was not stored when they came; how many found theirs. Old ones are given up and kept."""
    found = 0
    below = _TOP
    while below:
        params = {"below": below, "turns": _TURNS, "turn": int(now_s * 2) % _TURNS}
        rows = await session.rows(QUERIES["unmatched_waiting"], params)
        found += await _match_page(session, books, rows)
        below = rows[-1][0] if len(rows) == _PAGE else 0
    await session.run(QUERIES["give_up_unmatched"], (keep_trying_s,))
    return found


async def _match_page(session: Session, books: Books, rows: Sequence[tuple[Any, ...]]) -> int:
    by_channel: dict[int, list[tuple[int, Receipt]]] = {}
    for row_id, channel_id, carrier_id, phone, reason, at, talk_s, others in reversed(rows):
        receipt = Receipt(carrier_id, phone, Reason(reason), at, talk_s, tuple(others.split()))
        by_channel.setdefault(channel_id, []).append((row_id, receipt))
    found = 0
    for channel_id, entries in by_channel.items():
        receipts = [receipt for _, receipt in entries]
        received = await receive(session, channel_id, receipts, books, [row_id for row_id, _ in entries])
        found += len(entries) - received.unmatched
    return found
