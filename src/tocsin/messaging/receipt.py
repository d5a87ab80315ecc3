"""Receipts: matched to their submissions, put through the lifecycle, written with all that follows. In bulk.

The straight way (one part, first attempt, delivered) is one query and one write. Everything else (several parts,
several attempts, failures, which are final only when no other attempt is open) locks its message rows first, in order,
so that two processes cannot each wait for the other's part. A receipt without a submission is kept: its submit's answer may not be
stored yet, or was lost; a sweep looks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from psycopg import errors

from tocsin.kit import pgbin
from tocsin.kit.db import Session, Statement
from tocsin.messaging import store
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.lifecycle import decide, follows
from tocsin.messaging.match import Matched, Sorted, match
from tocsin.messaging.model import End
from tocsin.messaging.store import QUERIES, Handed
from tocsin.traffic import Outcome, OutcomeKind, Reason, Receipt

_TRIES = 5


class Received(NamedTuple):
    """What a batch of receipts came to."""

    ends: list[End]
    unmatched: int


async def receive(
    session: Session, channel_id: int, receipts: Sequence[Receipt], books: Books, kept: Sequence[int] | None = None
) -> Received:
    """Store receipts and what they mean. Committed when it returns. Raises kit.db.LOST.

    kept: the receipts are rows of unmatched_receipt with these ids; those that match now leave it.
    """
    for attempt in range(_TRIES):
        try:
            found = await match(session, channel_id, receipts, books)
            return await _write(session, channel_id, found, books, kept)
        except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure):
            # Another process wrote the same version first, or locks crossed: read anew.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def _write(
    session: Session, channel_id: int, found: Sorted, books: Books, kept: Sequence[int] | None
) -> Received:
    ends = [_end(one, one.receipt.reason) for one in found.straight if follows(one.present, one.receipt.reason)]
    if not (found.careful or found.guessed):
        if statements := [*_settle_unmatched(channel_id, found, kept), *write_ends(ends, books)]:
            await session.batch(statements)
    else:
        async with session.transaction():
            if found.guessed:
                await _place_guessed(session, channel_id, found)
            if found.careful:
                ends += await _look_closely(session, found.careful)
            await session.send([*_settle_unmatched(channel_id, found, kept), *write_ends(ends, books)])
    return Received(ends, len(found.missing))


def _settle_unmatched(channel_id: int, found: Sorted, kept: Sequence[int] | None) -> list[Statement]:
    if kept is None:
        return [_keep_unmatched(channel_id, found.missing)] if found.missing else []
    missing = {id(receipt) for receipt in found.missing}
    matched = [row for row, receipt in zip(kept, found.receipts, strict=True) if id(receipt) not in missing]
    return [Statement(QUERIES["drop_unmatched"], (matched,))] if matched else []


def _end(one: Matched, reason: Reason) -> End:
    return End(
        one.message_id, one.account_id, one.batch_no, one.product, one.phone, one.country_id, one.parts, one.price_micros,
        one.channel_id, one.booked_channel_id, one.version + 1, reason, one.present, one.refunded, one.submitted_at, one.receipt.at,
        one.reserved, one.talk_s,
    )  # fmt: skip


async def _place_guessed(session: Session, channel_id: int, found: Sorted) -> None:
    """Give each guessed receipt a part of its message whose answer was lost, and write down that this is its carrier id.

    Which part is as good as which: they all went to one number, and all of them are needed. From now on the id is
    known, so that an intermediate receipt and the final one, or one that comes twice, speak of the same part.
    """
    ids = sorted({one.message_id for one in (*found.guessed, *found.careful)})
    await session.send([Statement(QUERIES["lock_messages"], (pgbin.uuids(ids),))])
    rows = await store.load_handed_parts(session, sorted({one.message_id for one in found.guessed}))
    known = {(row.message_id, row.carrier_id): row for row in rows if row.outcome == OutcomeKind.ACCEPTED}
    answered = {(row.message_id, row.part, row.attempt) for row in known.values()}
    free: dict[bytes, list[Handed]] = {}
    for row in sorted(rows, key=lambda row: (row.attempt, row.part)):
        if (row.message_id, row.part, row.attempt) not in answered:
            free.setdefault(row.message_id, []).append(row)
    learnt = []
    for one in found.guessed:
        key = (one.message_id, one.receipt.carrier_id)
        place = known.get(key)
        if place is None and free.get(one.message_id):
            place = known[key] = free[one.message_id].pop(0)
            learnt.append(_learn(place, one.receipt.carrier_id))
        if place is None:
            found.missing.append(one.receipt)
        else:
            one.part, one.attempt, one.submitted_at = place.part, place.attempt, place.at
            found.careful.append(one)
    if learnt:
        await session.send([store.add_submissions(channel_id, learnt, {})])


def _learn(place: Handed, carrier_id: str) -> Outcome:
    return Outcome(place.message_id, place.attempt, place.part, OutcomeKind.ACCEPTED, place.at, carrier_id)


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
    talks = dict.fromkeys(ids, 0)
    for message_id, part, attempt, reason, talk_s in answers[2]:
        receipts[message_id][(part, attempt)] = Reason(reason)
        talks[message_id] = max(talks[message_id], talk_s)
    handed: dict[bytes, dict[tuple[int, int], float]] = {i: {} for i in ids}
    for row in map(Handed._make, answers[3]):
        handed[row.message_id][(row.part, row.attempt)] = row.at
    states = {row[0]: row[1:] for row in answers[4]}
    ends = []
    for one in _last_of_each(careful):
        if one.message_id in states:
            one.version, reason, one.refunded, one.booked_channel_id = states[one.message_id]
            one.present = Reason(reason)
        one.talk_s = talks[one.message_id]
        one.submitted_at = min(handed[one.message_id].values(), default=one.submitted_at)
        verdict = decide(one.parts, handed[one.message_id].keys(), receipts[one.message_id])
        if verdict is None and one.receipt.reason is Reason.SENDING and not one.version:
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
            pgbin.int4s([one.receipt.talk_s for one in final]),
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
            pgbin.int4s([receipt.talk_s for receipt in missing]),
            pgbin.times([receipt.at for receipt in missing]),
            pgbin.texts([" ".join(receipt.others) for receipt in missing]),
        ),
    )
