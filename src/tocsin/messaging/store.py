"""Typed functions over queries.sql: accepting, submitting, receiving."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import psycopg

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.kit.ids import uuid7_ms
from tocsin.media import load_files, read_attached, word_attached
from tocsin.messaging.model import Draft, Text
from tocsin.traffic import Attachment, Outcome, OutcomeKind

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

CHUNK = 50

REFUSED, WON = "TC001", "TC002"
"""SQLSTATEs of accept_group (schema/sql/0002_functions.sql)."""

Each = TypeVar("Each")

ClaimedRow = tuple[bytes, int, int, int, str, int, int, int, int, int, str, bool]


class Handed(NamedTuple):
    """A part that a carrier took (ACCEPTED, with its id) or may have taken (UNKNOWN)."""

    message_id: bytes
    part: int
    attempt: int
    outcome: int
    at: float
    carrier_id: str | None


def accept(drafts: Sequence[Draft], *, again: bool = False) -> Statement:
    """One statement that stores and charges all drafts, or none (SQLSTATE TC001 says which; TC002: an earlier try won)."""
    return Statement(
        QUERIES["accept"],
        (
            again, *_batch_columns(drafts), *_message_columns(drafts), *_lane_columns(drafts), *_rollup_columns(drafts),
            *_wallet_columns(drafts), pgbin.texts([d.title for d in drafts]),
            pgbin.texts([word_attached(d.attachments) for d in drafts]),
            pgbin.int4s([d.template_id or 0 for d in drafts]), *_schedule_columns(drafts),
            pgbin.texts([d.given for d in drafts] if any(d.given for d in drafts) else []),
        ),
    )  # fmt: skip


def _batch_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    return (
        pgbin.int8s([d.batch_no for d in drafts]),
        pgbin.int4s([d.account_id for d in drafts]),
        pgbin.int4s([d.product for d in drafts]),
        pgbin.int4s([d.priority for d in drafts]),
        pgbin.int4s([d.country_id for d in drafts]),
        pgbin.texts([d.sender for d in drafts]),
        pgbin.texts([d.content for d in drafts]),
        pgbin.int4s([d.parts for d in drafts]),
        pgbin.int4s([d.pinned_channel_id or 0 for d in drafts]),
        pgbin.int4s([d.good for d in drafts]),
        pgbin.int4s([d.bad for d in drafts]),
        pgbin.int8s([d.amount_micros for d in drafts]),
        pgbin.uuids([d.ids[0] for d in drafts]),
        pgbin.uuids([d.ids[-1] for d in drafts]),
        pgbin.times([d.expires_at for d in drafts]),
        pgbin.texts([d.request_id for d in drafts]),
        pgbin.texts([d.idempotency_key for d in drafts]),
        pgbin.texts([d.idempotency_hash for d in drafts]),
    )


def _message_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    own: list[str] = _fill_up([d.own for d in drafts], drafts, "")
    return (
        pgbin.uuids([i for d in drafts for i in d.ids]),
        pgbin.int4s([at for at, d in enumerate(drafts, 1) for _ in d.ids]),
        pgbin.texts([phone for d in drafts for phone in d.phones]),
        pgbin.int4s([country for d in drafts for country in d.countries]),
        pgbin.int4s([channel for d in drafts for channel in d.channels]),
        pgbin.int8s([price for d in drafts for price in d.prices]),
        pgbin.int4s([status for d in drafts for status in d.statuses]),
        pgbin.int4s([reason for d in drafts for reason in d.reasons]),
        pgbin.int4s(_fill_up([d.reserved for d in drafts], drafts, 0)),
        pgbin.texts(own),
    )


def _fill_up(columns: Sequence[list[Each]], drafts: Sequence[Draft], none: Each) -> list[Each]:
    """What few products have of each message, `none` for the rest; empty where no request has any."""
    if not any(columns):
        return []
    return [each for own, d in zip(columns, drafts, strict=True) for each in (own or [none] * len(d.ids))]


def _lane_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    """Good messages by channel, priority, account and time until which they wait, in chunks; and their ids in the same order."""
    lanes: dict[tuple[int, int, int, float], list[bytes]] = {}
    for draft in drafts:
        if draft.due_at:
            continue
        held = draft.held
        if not held and draft.channels.count(draft.channels[0]) == len(draft.ids):
            if draft.channels[0]:  # nearly all: one channel, nothing waits
                lanes.setdefault((draft.channels[0], draft.priority, draft.account_id, 0.0), []).extend(draft.ids)
            continue
        for at, (message_id, channel) in enumerate(zip(draft.ids, draft.channels, strict=True)):
            if channel:
                due = held.get(at, 0.0) if held else 0.0
                lanes.setdefault((channel, draft.priority, draft.account_id, due), []).append(message_id)
    items = [(lane, min(CHUNK, len(ids) - at)) for lane, ids in lanes.items() for at in range(0, len(ids), CHUNK)]
    return (
        pgbin.int4s([lane[0] for lane, _ in items]),
        pgbin.int4s([lane[1] for lane, _ in items]),
        pgbin.int4s([lane[2] for lane, _ in items]),
        pgbin.int4s([count for _, count in items]),
        pgbin.times([lane[3] for lane, _ in items]),
        pgbin.uuids([message_id for ids in lanes.values() for message_id in ids]),
    )


def _schedule_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    """Time and zone of each request; then, of those that wait, chunks by channel with what they cost, and their ids."""
    if not any(draft.due_at for draft in drafts):
        return _NO_SCHEDULE
    chunks: list[tuple[int, int, int, int]] = []
    ids: list[bytes] = []
    for ordinal, draft in enumerate(drafts, 1):
        lanes: dict[int, list[tuple[bytes, int]]] = {}
        for message_id, channel, price in zip(draft.ids, draft.channels, draft.prices, strict=True):
            if channel and draft.due_at:
                lanes.setdefault(channel, []).append((message_id, price))
        for channel, rows in lanes.items():
            for at in range(0, len(rows), CHUNK):
                chunk = rows[at : at + CHUNK]
                chunks.append((ordinal, channel, len(chunk), sum(price for _, price in chunk)))
                ids += [message_id for message_id, _ in chunk]
    counts = [pgbin.int4s([chunk[place] for chunk in chunks]) for place in range(3)]
    return (
        pgbin.times([draft.due_at for draft in drafts]), pgbin.texts([draft.zone for draft in drafts]), *counts,
        pgbin.int8s([chunk[3] for chunk in chunks]), pgbin.uuids(ids),
    )  # fmt: skip


_NO_SCHEDULE = (
    pgbin.times([]), pgbin.texts([]), *(pgbin.int4s([]) for _ in range(3)), pgbin.int8s([]), pgbin.uuids([]),
)  # fmt: skip


def _rollup_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    counts: Counter[tuple[int, int, int, int, int, int, int, int]] = Counter()
    for d in drafts:
        hour = uuid7_ms(d.ids[0]) // 3_600_000 * 3600
        head = (hour, d.account_id, d.product, d.parts)
        tails = zip(d.channels, d.countries, d.statuses, d.prices, strict=True)
        if d.reserved:
            counts.update((*head[:3], n or d.parts, *tail) for n, tail in zip(d.reserved, tails, strict=True))
            continue
        if len(d.ids) == 1:
            counts[head + next(tails)] += 1
            continue
        for tail, n in Counter(tails).items():
            counts[head + tail] += n
    rows = [
        (hour, account, channel, product, country, status, n, n * parts, n * price)
        for (hour, account, product, parts, channel, country, status, price), n in counts.items()
    ]
    numbers = [pgbin.int4s([row[place] for row in rows]) for place in range(1, 8)]
    return (pgbin.times([row[0] for row in rows]), *numbers, pgbin.int8s([row[8] for row in rows]))


def _wallet_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    """What each account pays, sorted by account; and of each request its account's place in that, from 1 (0: it is free)."""
    amounts: dict[int, int] = {}
    for draft in drafts:
        if draft.amount_micros:
            amounts[draft.account_id] = amounts.get(draft.account_id, 0) + draft.amount_micros
    payers = sorted(amounts)
    places = {account_id: place for place, account_id in enumerate(payers, 1)}
    return (
        pgbin.int4s(payers),
        pgbin.int8s([amounts[account_id] for account_id in payers]),
        pgbin.int4s([places.get(draft.account_id, 0) for draft in drafts]),
    )


def read_refusals(error: Exception) -> list[dict[str, Any]]:
    """Whom accept_group refused (SQLSTATE TC001): place `i` among the drafts, and `why`; empty for any other error."""
    if not isinstance(error, psycopg.Error) or error.sqlstate != REFUSED:
        return []
    found: list[dict[str, Any]] = msgspec.json.decode(error.diag.message_primary or "[]")
    return found


async def load_claimed(session: Session, ids: Sequence[bytes]) -> list[ClaimedRow]:
    """(id, account, batch, product, phone, country, parts, price, channel, reserved minutes, own placeholders,
    whether the batch is stopped) of the messages.
    """
    return await session.rows(QUERIES["claimed_messages"], (pgbin.uuids(ids),))


async def load_texts(session: Session, batch_nos: Sequence[int]) -> dict[int, Text]:
    """What the messages of each batch share."""
    rows = await session.rows(QUERIES["batch_texts"], (list(batch_nos),))
    attached = {row[0]: read_attached(row[7]) for row in rows if row[7]}
    hashes = {file.hash for files in attached.values() for file in files}
    data = await load_files(session, hashes) if hashes else {}
    files = {
        batch_no: tuple(Attachment(file.name, file.mime, data[file.hash]) for file in named if file.hash in data)
        for batch_no, named in attached.items()
    }
    return {r[0]: Text(r[1], r[2], r[3], r[4], r[5], r[6], files.get(r[0], ()), r[8], r[9]) for r in rows}


async def load_handed_parts(session: Session, ids: Sequence[bytes]) -> list[Handed]:
    """What carriers took or may have taken."""
    return [Handed(*row) for row in await session.rows(QUERIES["handed_parts"], (pgbin.uuids(ids),))]


async def load_senders(session: Session, batch_nos: Iterable[int]) -> dict[int, str]:
    """Senders of the batches that did not name their channel themselves."""
    return dict(await session.rows(QUERIES["senders"], (list(batch_nos),)))


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
