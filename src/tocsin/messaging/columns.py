"""A group of drafts as the columns of accept_group (schema/sql/0002_functions.sql), in the order of its parameters.

Every send pays for this, most of them alone in their group: attributes are read in C, and what few requests have (a time,
placeholders, minutes) costs the others a look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from tocsin.kit import pgbin
from tocsin.kit.ids import uuid7_ms
from tocsin.media import word_attached
from tocsin.messaging.model import Draft

CHUNK = 50

Each = TypeVar("Each")
_Encode = Callable[[Sequence[Any]], pgbin.Column]

_OF_BATCH: tuple[tuple[str, _Encode], ...] = (
    ("batch_no", pgbin.int8s), ("account_id", pgbin.int4s), ("product", pgbin.int4s), ("priority", pgbin.int4s),
    ("country_id", pgbin.int4s), ("sender", pgbin.texts), ("content", pgbin.texts), ("parts", pgbin.int4s),
    ("pinned_channel_id", lambda values: pgbin.int4s([value or 0 for value in values])),
    ("good", pgbin.int4s), ("bad", pgbin.int4s), ("amount_micros", pgbin.int8s),
    ("ids", lambda values: pgbin.uuids([ids[0] for ids in values])),
    ("ids", lambda values: pgbin.uuids([ids[-1] for ids in values])),
    ("expires_at", pgbin.times), ("request_id", pgbin.texts), ("idempotency_key", pgbin.texts),
    ("idempotency_hash", pgbin.texts),
)  # fmt: skip
_read_batch = attrgetter(*(name for name, _ in _OF_BATCH))
_encode_batch = tuple(encode for _, encode in _OF_BATCH)
_OF_MESSAGES: tuple[tuple[str, _Encode], ...] = (
    ("phones", pgbin.texts), ("countries", pgbin.int4s), ("channels", pgbin.int4s), ("prices", pgbin.int8s),
    ("statuses", pgbin.int4s), ("reasons", pgbin.int4s),
)  # fmt: skip
_read_messages = attrgetter(*(name for name, _ in _OF_MESSAGES))
_encode_messages = tuple(encode for _, encode in _OF_MESSAGES)
_encode_rollup = (pgbin.times, *(pgbin.int4s,) * 7, pgbin.int8s)
_encode_lanes = (*(pgbin.int4s,) * 4, pgbin.times)


def build_columns(drafts: Sequence[Draft], *, again: bool) -> tuple[pgbin.Column, ...]:
    """All parameters."""
    return (
        pgbin.flag(again), *_batch_columns(drafts), *_message_columns(drafts), *_lane_columns(drafts),
        *_rollup_columns(drafts), *_wallet_columns(drafts), pgbin.texts([d.title for d in drafts]),
        pgbin.texts([word_attached(d.attachments) if d.attachments else "" for d in drafts]),
        pgbin.int4s([d.template_id or 0 for d in drafts]), *_schedule_columns(drafts),
        pgbin.texts([d.given for d in drafts] if any(d.given for d in drafts) else []),
    )  # fmt: skip


def _encode(encoders: Sequence[_Encode], rows: Sequence[Sequence[Any]]) -> list[pgbin.Column]:
    """Rows as columns."""
    if not rows:
        return [encode(()) for encode in encoders]
    return [encode(column) for encode, column in zip(encoders, zip(*rows, strict=True), strict=True)]


def _batch_columns(drafts: Sequence[Draft]) -> list[pgbin.Column]:
    return _encode(_encode_batch, [_read_batch(d) for d in drafts])


def _message_columns(drafts: Sequence[Draft]) -> tuple[pgbin.Column, ...]:
    own: list[str] = _fill_up([d.own for d in drafts], drafts, "")
    if len(drafts) == 1:  # its lists are the columns
        ids = drafts[0].ids
        places, columns = [1] * len(ids), list(_read_messages(drafts[0]))
    else:
        ids = [message_id for d in drafts for message_id in d.ids]
        places = [at for at, d in enumerate(drafts, 1) for _ in d.ids]
        columns = [list(chain.from_iterable(lists)) for lists in zip(*map(_read_messages, drafts), strict=True)]
    return (
        pgbin.uuids(ids), pgbin.int4s(places),
        *[encode(column) for encode, column in zip(_encode_messages, columns, strict=True)],
        pgbin.int4s(_fill_up([d.reserved for d in drafts], drafts, 0)),
        pgbin.texts(own),
    )  # fmt: skip


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
        held, channels = draft.held, draft.channels
        if not held and channels.count(channels[0]) == len(draft.ids):
            if channels[0]:  # nearly all: one channel, nothing waits
                lanes.setdefault((channels[0], draft.priority, draft.account_id, 0.0), []).extend(draft.ids)
            continue
        for at, (message_id, channel) in enumerate(zip(draft.ids, channels, strict=True)):
            if channel:
                due = held.get(at, 0.0) if held else 0.0
                lanes.setdefault((channel, draft.priority, draft.account_id, due), []).append(message_id)
    chunks = [
        (channel, priority, account_id, min(CHUNK, len(ids) - at), due)
        for (channel, priority, account_id, due), ids in lanes.items()
        for at in range(0, len(ids), CHUNK)
    ]
    return (*_encode(_encode_lanes, chunks), pgbin.uuids([message_id for ids in lanes.values() for message_id in ids]))


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
    return (
        pgbin.times([draft.due_at for draft in drafts]), pgbin.texts([draft.zone for draft in drafts]),
        *_encode((pgbin.int4s, pgbin.int4s, pgbin.int4s, pgbin.int8s), chunks), pgbin.uuids(ids),
    )  # fmt: skip


_NO_SCHEDULE = (
    pgbin.times([]), pgbin.texts([]), *(pgbin.int4s([]) for _ in range(3)), pgbin.int8s([]), pgbin.uuids([]),
)  # fmt: skip


def _rollup_columns(drafts: Sequence[Draft]) -> list[pgbin.Column]:
    counts: dict[tuple[int, int, int, int, int, int, int, int], int] = {}
    for d in drafts:
        hour = uuid7_ms(d.ids[0]) // 3_600_000 * 3600
        head = (hour, d.account_id, d.product, d.parts)
        tails = zip(d.channels, d.countries, d.statuses, d.prices, strict=True)
        if d.reserved:
            several = Counter((*head[:3], n or d.parts, *tail) for n, tail in zip(d.reserved, tails, strict=True))
        elif len(d.ids) == 1:
            key = head + next(tails)
            counts[key] = counts.get(key, 0) + 1
            continue
        else:
            several = Counter({head + tail: n for tail, n in Counter(tails).items()})
        for key, n in several.items():
            counts[key] = counts.get(key, 0) + n
    rows = [
        (hour, account, channel, product, country, status, n, n * parts, n * price)
        for (hour, account, product, parts, channel, country, status, price), n in counts.items()
    ]
    return _encode(_encode_rollup, rows)


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
