"""What became of messages: the report query, the pull of replies, the balance. Always within one account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason


class Standing(NamedTuple):
    """The present state of one message."""

    message_id: bytes
    phone: str
    at: float  # hand-over, else the end, else the accept
    reason: Reason
    batch_no: int
    parts: int
    fee_micros: int
    handed_over: bool
    product: int


async def find_reports(
    session: Session, account_id: int, ids: Sequence[bytes], products: Sequence[int]
) -> list[Standing]:
    """The messages of this account among `ids`, in their order."""
    params = {"ids": pgbin.uuids(ids), "account": account_id, "products": list(products)}
    return [_standing(row) for row in await session.rows(QUERIES["report_by_ids"], params)]


def _standing(row: tuple[Any, ...]) -> Standing:
    message_id, phone, batch_no, parts, price, refused, refused_why, why, fee, handed, ended, sent, product = row
    accepted = uuid7_ms(message_id) / 1000
    if refused:
        return Standing(message_id, phone, accepted, Reason(refused_why), batch_no, parts, 0, False, product)
    at = handed or ended or accepted
    net = price if fee is None else fee
    return Standing(message_id, phone, at, Reason(why or 0), batch_no, parts, net, bool(sent or handed), product)


class Span(NamedTuple):
    """Which messages a page runs over: of a batch, or accepted in [low, high)."""

    low: bytes
    high: bytes
    batch_no: int | None


async def batch_span(session: Session, account_id: int, batch_no: int) -> Span | None:
    """The span of a batch of this account."""
    rows = await session.rows(QUERIES["batch_range"], (batch_no, account_id))
    if not rows:
        return None
    last = int.from_bytes(rows[0][1], "big") + 1
    return Span(rows[0][0], last.to_bytes(16, "big"), batch_no)


def time_span(start_s: int, end_s: int) -> Span:
    """Messages accepted from `start_s` to before `end_s` (epoch seconds)."""
    return Span((start_s * 1000 << 80).to_bytes(16, "big"), (end_s * 1000 << 80).to_bytes(16, "big"), None)


async def page_ids(
    session: Session, account_id: int, span: Span, products: Sequence[int], after: tuple[bytes, int]
) -> list[bytes]:
    """The next ids behind `after` = (id, how many), by key and not by offset."""
    params = {
        "account": account_id, "low": span.low.hex(), "high": span.high.hex(), "after": after[0].hex(), "batch": span.batch_no,
        "products": list(products), "limit": after[1],
    }  # fmt: skip
    return [row[0] for row in await session.rows(QUERIES["report_ids"], params)]


class Reply(NamedTuple):
    """A reply of a terminal user, for the pull."""

    id: bytes
    user_number: str
    service_number: str
    content: str
    at: int
    message_id: bytes | None
    seen: str


async def page_replies(session: Session, account_id: int, after: tuple[str, bytes], limit: int) -> list[Reply]:
    """Replies behind the cursor, below the oldest open writing transaction: a slow writer's rows are not skipped."""
    params = {"account": account_id, "seen": after[0], "id": after[1].hex(), "limit": limit}
    return [Reply(*row) for row in await session.rows(QUERIES["uplink_page"], params)]


async def read_balance(session: Session, account_id: int) -> tuple[int, int, int]:
    """(balance, gift, credit) in micros."""
    rows = await session.rows(QUERIES["balance"], (account_id,))
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else (0, 0, 0)


async def read_funds(session: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """What each account could spend now, in micros, without a lock."""
    return {row[0]: row[1] for row in await session.rows(QUERIES["funds"], (list(account_ids),))}


async def find_accepted(session: Session, account_id: int, key: str, keep_s: float) -> tuple[bytes, int] | None:
    """(hash, batch number) of the accepted send with this idempotency key; one past its time is forgotten."""
    rows = await session.rows(QUERIES["find_idempotency"], (account_id, key, keep_s))
    if rows:
        return rows[0][0], rows[0][1]
    await session.run(QUERIES["forget_idempotency"], (account_id, key, keep_s))
    return None


async def read_batch(session: Session, batch_no: int) -> list[tuple[bytes, str, int, int]]:
    """(id, phone, status, reason) of every number of a request, in its order."""
    return await session.rows(QUERIES["batch_rows"], (batch_no,))
