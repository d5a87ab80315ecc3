"""Receipts: matched to their submissions, put through the lifecycle, written with all that follows. In bulk.

The straight way (one part, first attempt, delivered) is one query and one write. Everything else (several parts,
several attempts, failures, which are final only when no other attempt is open) locks its message rows first, in order,
so that two processes cannot each wait for the other's part. A receipt without a submission is kept: its submit's answer may not be
stored yet, or was lost; the storing side and a sweep look again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from psycopg import errors

from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.lifecycle import decide, follows
from tocsin.messaging.model import End
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason, Receipt

MATCH_WITHIN_S = 80 * 3600.0
_TRIES = 5


class Matched(msgspec.Struct, gc=False):
    """A receipt and the part that it speaks of."""

    receipt: Receipt
    message_id: bytes
    part: int
    attempt: int
    submitted_at: float
    channel_id: int
    account_id: int
    batch_no: int
    product: int
    phone: str
    country_id: int
    parts: int
    price_micros: int
    version: int
    present: Reason
    refunded: int


class Received(NamedTuple):
    """What a batch of receipts came to."""

    ends: list[End]
    unmatched: int


@dataclass(slots=True)
class Sorted:
    """A batch after matching."""

    receipts: Sequence[Receipt] = ()
    straight: list[Matched] = field(default_factory=list)
    careful: list[Matched] = field(default_factory=list)
    missing: list[Receipt] = field(default_factory=list)


async def receive(
    session: Session, channel_id: int, receipts: Sequence[Receipt], books: Books, kept: Sequence[int] | None = None
) -> Received:
    """Store receipts and what they mean. Committed when it returns. Raises kit.db.LOST.

    kept: the receipts are rows of unmatched_receipt with these ids; those that match now leave it.
    """
    for attempt in range(_TRIES):
        try:
            found = await _match(session, channel_id, receipts)
            return await _write(session, channel_id, found, books, kept)
        except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure):
            # Another process wrote the same version first, or locks crossed: read anew.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _match(session: Session, channel_id: int, receipts: Sequence[Receipt]) -> Sorted:
    ids = pgbin.texts([receipt.carrier_id for receipt in receipts])
    rows = await session.rows(QUERIES["match"], (ids, channel_id, MATCH_WITHIN_S))
    found = _sort_rows(rows, receipts)
    if found.missing:
        await _match_unknown(session, channel_id, found)
    return found


def _sort_rows(rows: Sequence[tuple[Any, ...]], receipts: Sequence[Receipt]) -> Sorted:
    result = Sorted(receipts)
    hit: set[int] = set()
    seen: set[bytes] = set()
    doubled: set[bytes] = set()
    matched: list[Matched] = []
    for row in rows:
        ordinal = row[0]
        hit.add(ordinal)
        one = _matched(row, receipts[ordinal - 1])
        if one.message_id in seen:
            doubled.add(one.message_id)
        seen.add(one.message_id)
        matched.append(one)
    for one in matched:
        plain = one.parts == 1 and one.attempt == 1 and one.receipt.reason is Reason.SUCCESS
        (result.straight if plain and one.message_id not in doubled else result.careful).append(one)
    result.missing = [receipt for i, receipt in enumerate(receipts, 1) if i not in hit]
    return result


def _matched(row: tuple[Any, ...], receipt: Receipt) -> Matched:
    version, reason, refunded = row[13:16]
    return Matched(*(receipt, *row[1:13], version or 0, Reason(reason or 0), refunded or 0))


async def _match_unknown(session: Session, channel_id: int, found: Sorted) -> None:
    """By channel, destination and time, where exactly one submission without an answer fits."""
    phones = pgbin.texts([receipt.phone for receipt in found.missing])
    times = pgbin.times([receipt.at for receipt in found.missing])
    rows = await session.rows(QUERIES["match_unknown"], (phones, times, channel_id, MATCH_WITHIN_S))
    ordinals = [row[0] for row in rows]
    single = [row for row in rows if ordinals.count(row[0]) == 1]
    found.careful += [_matched(row, found.missing[row[0] - 1]) for row in single]
    hit = {row[0] for row in single}
    found.missing = [receipt for i, receipt in enumerate(found.missing, 1) if i not in hit]


async def _write(
    session: Session, channel_id: int, found: Sorted, books: Books, kept: Sequence[int] | None
) -> Received:
    ends = [_end(one, one.receipt.reason) for one in found.straight if follows(one.present, one.receipt.reason)]
    statements = []
    if kept is not None:
        gone = {id(receipt) for receipt in found.missing}
        matched = [row for row, receipt in zip(kept, found.receipts, strict=True) if id(receipt) not in gone]
        statements.append(Statement(QUERIES["drop_unmatched"], (matched,)))
    elif found.missing:
        statements.append(_keep_unmatched(channel_id, found.missing))
    if not found.careful:
        statements += write_ends(ends, books)
        if statements:
            await session.batch(statements)
    else:
        async with session.transaction():
            ends += await _look_closely(session, found.careful)
            await session.send(statements + write_ends(ends, books))
    return Received(ends, len(found.missing))


def _end(one: Matched, reason: Reason) -> End:
    return End(
        one.message_id, one.account_id, one.batch_no, one.product, one.phone, one.country_id, one.parts, one.price_micros,
        one.channel_id, one.version + 1, reason, one.present, one.refunded, one.submitted_at, one.receipt.at,
    )  # fmt: skip


async def _look_closely(session: Session, careful: Sequence[Matched]) -> list[End]:
    """Under the locks of their message rows: what these receipts, with all that came before, come to."""
    ids = sorted({one.message_id for one in careful})
    column = pgbin.uuids(ids)
    final = [one for one in careful if one.receipt.reason is not Reason.SENDING]
    answers = await session.send(
        [
            Statement(QUERIES["lock_messages"], (column,)),
            _keep_parts(final),
            Statement(QUERIES["part_receipts"], (column,)),
            Statement(QUERIES["handed_parts"], (column,)),
            Statement(QUERIES["present_states"], (column,)),
        ]
    )
    receipts: dict[bytes, dict[tuple[int, int], Reason]] = {i: {} for i in ids}
    for message_id, part, attempt, reason in answers[2]:
        receipts[message_id][(part, attempt)] = Reason(reason)
    handed: dict[bytes, set[tuple[int, int]]] = {i: set() for i in ids}
    for message_id, part, attempt, _, _ in answers[3]:
        handed[message_id].add((part, attempt))
    present = {row[0]: (row[1], Reason(row[2]), row[3]) for row in answers[4]}
    ends = []
    for one in _last_of_each(careful):
        one.version, one.present, one.refunded = present.get(one.message_id, (0, Reason.SENDING, 0))
        verdict = decide(one.parts, handed[one.message_id], receipts[one.message_id])
        if verdict is None and one.receipt.reason is Reason.SENDING and one.present is Reason.SENDING:
            verdict = Reason.SENDING
        if verdict is not None and follows(one.present, verdict):
            ends.append(_end(one, verdict))
    return ends


def _last_of_each(careful: Sequence[Matched]) -> list[Matched]:
    """One entry per message: the last final receipt, else the last."""
    chosen: dict[bytes, Matched] = {}
    for one in careful:
        before = chosen.get(one.message_id)
        if before is None or one.receipt.reason is not Reason.SENDING:
            chosen[one.message_id] = one
    return [chosen[message_id] for message_id in sorted(chosen)]


def _keep_parts(final: Sequence[Matched]) -> Statement:
    return Statement(
        QUERIES["add_part_receipts"],
        (
            pgbin.uuids([one.message_id for one in final]),
            pgbin.int4s([one.part for one in final]),
            pgbin.int4s([one.attempt for one in final]),
            pgbin.int4s([one.receipt.reason.end.status for one in final]),
            pgbin.int4s([int(one.receipt.reason) for one in final]),
            pgbin.times([one.receipt.at for one in final]),
        ),
    )


def _keep_unmatched(channel_id: int, missing: Sequence[Receipt]) -> Statement:
    return Statement(
        QUERIES["add_unmatched"],
        (
            channel_id,
            pgbin.texts([receipt.carrier_id for receipt in missing]),
            pgbin.texts([receipt.phone for receipt in missing]),
            pgbin.int4s([receipt.reason.end.status for receipt in missing]),
            pgbin.int4s([int(receipt.reason) for receipt in missing]),
            pgbin.times([receipt.at for receipt in missing]),
        ),
    )
