"""Rows to push, written in the transaction that makes them true.

Nothing is sent from here. After the commit the writer wakes the pushers (queue.Waker, OUTBOX); they also look by
themselves every second.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.kit import pgbin
from tocsin.kit.db import Statement
from tocsin.webhooks import store
from tocsin.webhooks.model import ROWS_PER_PUSH, OutboxRow

ReportEntry = tuple[bytes, bytes, bool]
"""Message id, its row, whether an older row of this message may still wait."""


def chunk_reports(endpoint_id: int, entries: Sequence[ReportEntry]) -> list[OutboxRow]:
    """Reports in pushes of up to 50; late ones each by itself, so that they hold up nobody but themselves."""
    plain = [entry for entry in entries if not entry[2]]
    chunks = [plain[i : i + ROWS_PER_PUSH] for i in range(0, len(plain), ROWS_PER_PUSH)]
    rows = [
        OutboxRow(endpoint_id, len(chunk), [e[0] for e in chunk], b",".join([e[1] for e in chunk])) for chunk in chunks
    ]
    rows += [OutboxRow(endpoint_id, 1, [entry[0]], entry[1], late=True) for entry in entries if entry[2]]
    return rows


def statement(rows: Sequence[OutboxRow]) -> Statement:
    """One INSERT of all rows, in their order."""
    return Statement(
        store.QUERIES["enqueue"],
        (
            pgbin.uuids([each for row in rows for each in row.ids]),
            pgbin.int4s([row.endpoint_id for row in rows]),
            pgbin.int4s([row.n for row in rows]),
            pgbin.int4s([len(row.ids) for row in rows]),
            pgbin.int4s([int(row.late) for row in rows]),
            pgbin.byteas([row.body for row in rows]),
        ),
    )
