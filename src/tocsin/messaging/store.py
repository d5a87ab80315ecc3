"""Typed functions over queries.sql: accepting, submitting, receiving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.kit.ids import uuid7_ms
from tocsin.messaging.model import Draft, Text
from tocsin.traffic import Outcome, OutcomeKind

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

_CHUNK = 50


def accept(drafts: Sequence[Draft], *, again: bool = False) -> Statement:
    """One statement that stores and charges all drafts, or none (SQLSTATE TC001 says which; TC002: an earlier try won)."""
    ids: list[bytes] = []
    accounts: list[int] = []
    batch_nos: list[int] = []
    products: list[int] = []
    parts: list[int] = []
    phones: list[str] = []
    countries: list[int] = []
    channels: list[int] = []
    prices: list[int] = []
    statuses: list[int] = []
    reasons: list[int] = []
    for draft in drafts:
        count = len(draft.ids)
        ids += draft.ids
        accounts += [draft.account_id] * count
        batch_nos += [draft.batch_no] * count
        products += [draft.product] * count
        parts += [draft.parts] * count
        phones += draft.phones
        countries += draft.countries
        channels += draft.channels
        prices += draft.prices
        statuses += draft.statuses
        reasons += draft.reasons
    items, item_ids = _lane_items(drafts)
    return Statement(
        QUERIES["accept"],
        (
            again, _batches(drafts), pgbin.uuids(ids), pgbin.int4s(accounts), pgbin.int8s(batch_nos), pgbin.int4s(products),
            pgbin.texts(phones), pgbin.int4s(countries), pgbin.int4s(channels), pgbin.int4s(parts), pgbin.int8s(prices),
            pgbin.int4s(statuses), pgbin.int4s(reasons), msgspec.json.encode(items).decode(), pgbin.uuids(item_ids),
            _rollup(drafts),
        ),
    )  # fmt: skip


def _batches(drafts: Sequence[Draft]) -> str:
    rows = [
        {
            "i": i, "batch_no": d.batch_no, "account_id": d.account_id, "product": d.product, "priority": d.priority,
            "country_id": d.country_id, "sender": d.sender, "content": d.content, "parts": d.parts,
            "pinned_channel_id": d.pinned_channel_id, "good": d.good, "bad": d.bad, "amount": d.amount_micros,
            "first_id": d.ids[0].hex(), "last_id": d.ids[-1].hex(), "expires_at": d.expires_at,
            "request_id": d.request_id, "key": d.idempotency_key, "hash": d.idempotency_hash,
        }
        for i, d in enumerate(drafts)
    ]  # fmt: skip
    return msgspec.json.encode(rows).decode()


def _lane_items(drafts: Sequence[Draft]) -> tuple[list[tuple[int, int, int, int]], list[bytes]]:
    """Good messages by channel, priority and account, in chunks; and their ids in the same order."""
    lanes: dict[tuple[int, int, int], list[bytes]] = {}
    for draft in drafts:
        for message_id, channel in zip(draft.ids, draft.channels, strict=True):
            if channel:
                lanes.setdefault((channel, draft.priority, draft.account_id), []).append(message_id)
    items = [(*lane, min(_CHUNK, len(ids) - at)) for lane, ids in lanes.items() for at in range(0, len(ids), _CHUNK)]
    return items, [message_id for ids in lanes.values() for message_id in ids]


def _rollup(drafts: Sequence[Draft]) -> str:
    counts: Counter[tuple[int, int, int, int, int, int, int, int]] = Counter()
    for d in drafts:
        hour = uuid7_ms(d.ids[0]) // 3_600_000 * 3600
        for (channel, country, status, price), n in Counter(
            zip(d.channels, d.countries, d.statuses, d.prices, strict=True)
        ).items():
            counts[(hour, d.account_id, channel, d.product, country, status, d.parts, price)] += n
    rows = [
        (hour, account, channel, product, country, status, n, n * parts, n * price)
        for (hour, account, channel, product, country, status, parts, price), n in counts.items()
    ]
    return msgspec.json.encode(rows).decode()


async def load_claimed(session: Session, ids: Sequence[bytes]) -> list[tuple[bytes, int, int, int, str, int, int, int]]:
    """(id, account, batch, product, phone, country, parts, price) of the messages."""
    return await session.rows(QUERIES["claimed_messages"], (pgbin.uuids(ids),))


async def load_texts(session: Session, batch_nos: Sequence[int]) -> dict[int, Text]:
    """What the messages of each batch share."""
    rows = await session.rows(QUERIES["batch_texts"], (list(batch_nos),))
    return {r[0]: Text(r[1], r[2], r[3], r[4], r[5]) for r in rows}


async def load_handed_parts(session: Session, ids: Sequence[bytes]) -> list[tuple[bytes, int, int, int, float]]:
    """(id, part, attempt, outcome, at) that carriers took or may have taken."""
    return await session.rows(QUERIES["handed_parts"], (pgbin.uuids(ids),))


async def load_ended(session: Session, ids: Sequence[bytes]) -> set[bytes]:
    """Which of the messages have a final state."""
    return {row[0] for row in await session.rows(QUERIES["ended_messages"], (pgbin.uuids(ids),))}


def add_submissions(channel_id: int, outcomes: Sequence[Outcome], phones: dict[bytes, str]) -> Statement:
    """One row per answer; the number stands only where the answer is unknown."""
    return Statement(
        QUERIES["add_submissions"],
        (
            pgbin.uuids([o.message_id for o in outcomes]),
            pgbin.times([o.at for o in outcomes]),
            pgbin.int4s([channel_id] * len(outcomes)),
            pgbin.texts([o.carrier_id for o in outcomes]),
            pgbin.int4s([o.part for o in outcomes]),
            pgbin.int4s([o.attempt for o in outcomes]),
            pgbin.int4s([int(o.kind) for o in outcomes]),
            pgbin.int4s([int(o.reason) for o in outcomes]),
            pgbin.texts([phones[o.message_id] if o.kind is OutcomeKind.UNKNOWN else None for o in outcomes]),
        ),
    )


def add_watch(ids: Sequence[bytes], timeout_s: float) -> Statement:
    """These want a receipt within `timeout_s`."""
    return Statement(QUERIES["add_watch"], (timeout_s, pgbin.uuids(ids)))
