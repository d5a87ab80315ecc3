"""Which message a receipt speaks of.

By the carrier's id: recent submissions first, then all that are kept (a receipt may come weeks late). One without an id
in our books may belong to a submission whose answer was lost: then channel, number and time decide, if exactly one message
fits. Which of its parts that is, is decided under the message's lock (receipt.py). Reads only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.messaging.ends import Books
from tocsin.messaging.store import QUERIES
from tocsin.traffic import Reason, Receipt

SOON_S = 80 * 3600.0
EVER_S = 3650 * 86400.0
BY_NUMBER_WITHIN_S = 8 * 86400.0


class Matched(msgspec.Struct, gc=False):
    """A receipt and the part that it speaks of; part 0: not known yet."""

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
    reserved: int
    booked_channel_id: int
    version: int
    present: Reason
    refunded: int
    talk_s: int


@dataclass(slots=True)
class Sorted:
    """A batch after matching. straight: one part, first attempt, delivered; careful: all else that has its part."""

    receipts: Sequence[Receipt] = ()
    straight: list[Matched] = field(default_factory=list)
    careful: list[Matched] = field(default_factory=list)
    guessed: list[Matched] = field(default_factory=list)
    missing: list[Receipt] = field(default_factory=list)


async def match(session: Session, channel_id: int, receipts: Sequence[Receipt], books: Books) -> Sorted:
    """Sort receipts by what is known of them. Raises LOST."""
    rows, missing = await _match_by_id(session, channel_id, list(enumerate(receipts)), SOON_S)
    if missing:
        more, missing = await _match_by_id(session, channel_id, missing, EVER_S)
        rows += more
    if any(receipt.others for _, receipt in missing):
        more, missing = await _match_by_others(session, channel_id, missing)
        rows += more
    found = _sort(receipts, rows)
    guesses: list[tuple[Any, ...]] = []
    if missing:
        guesses, missing = await _match_by_number(session, channel_id, missing)
        found.guessed = [_matched(row, receipts[row[0]]) for row in guesses]
        found.missing = [receipt for _, receipt in missing]
    if rows or guesses:
        await books.catch_up((rows or guesses)[-1][-1])
    return found


Numbered = list[tuple[int, Receipt]]


async def _match_by_id(
    session: Session, channel_id: int, receipts: Numbered, within_s: float
) -> tuple[list[tuple[Any, ...]], Numbered]:
    """(rows with the receipt's place in front, receipts without a row)."""
    params = {
        "ids": pgbin.texts([receipt.carrier_id for _, receipt in receipts]),
        "phones": pgbin.texts([receipt.phone for _, receipt in receipts]),
        "channel": channel_id,
        "within": within_s,
        "clocks": list(Books.CLOCKS),
    }
    rows = await session.rows(QUERIES["match"], params)
    hit = {row[0] for row in rows}
    placed = [(receipts[row[0] - 1][0], *row[1:]) for row in rows]
    return placed, [entry for ordinal, entry in enumerate(receipts, 1) if ordinal not in hit]


async def _match_by_others(
    session: Session, channel_id: int, receipts: Numbered
) -> tuple[list[tuple[Any, ...]], Numbered]:
    """By the other ways in which their ids may be written; the first that is found counts."""
    tries = [
        (place, msgspec.structs.replace(receipt, carrier_id=other))
        for place, receipt in receipts
        for other in receipt.others
    ]
    rows, _ = await _match_by_id(session, channel_id, tries, EVER_S)
    first = {row[0]: row for row in reversed(rows)}
    return list(first.values()), [entry for entry in receipts if entry[0] not in first]


async def _match_by_number(
    session: Session, channel_id: int, receipts: Numbered
) -> tuple[list[tuple[Any, ...]], Numbered]:
    params = {
        "phones": pgbin.texts([receipt.phone for _, receipt in receipts]),
        "times": pgbin.times([receipt.at for _, receipt in receipts]),
        "channel": channel_id,
        "within": BY_NUMBER_WITHIN_S,
        "clocks": list(Books.CLOCKS),
    }
    rows = await session.rows(QUERIES["match_unknown"], params)
    fitting = Counter(row[0] for row in rows)
    single = [(receipts[row[0] - 1][0], *row[1:]) for row in rows if fitting[row[0]] == 1]
    return single, [entry for ordinal, entry in enumerate(receipts, 1) if fitting[ordinal] != 1]


def _sort(receipts: Sequence[Receipt], rows: Sequence[tuple[Any, ...]]) -> Sorted:
    found = Sorted(receipts)
    matched = [_matched(row, receipts[row[0]]) for row in rows]
    mentions = Counter(one.message_id for one in matched)
    for one in matched:
        plain = one.parts == 1 and one.attempt == 1 and one.receipt.reason is Reason.SUCCESS
        (found.straight if plain and mentions[one.message_id] == 1 else found.careful).append(one)
    return found


def _matched(row: tuple[Any, ...], receipt: Receipt) -> Matched:
    version, reason, refunded = row[15:18]
    return Matched(*(receipt, *row[1:15], version or 0, Reason(reason or 0), refunded or 0, receipt.talk_s))
