"""Scheduled messages whose time has come: into the lanes, or, where they may no longer go, to their end.

Every worker runs it, in bulk; who holds the lock of a chunk decides whether it moves or is cancelled, and either is one
transaction, so that a message does exactly one of both. What was true at the accept is looked at again (`review`);
the price is not: it was charged then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from psycopg import errors

from tocsin.compliance import Guards, Sending, screen
from tocsin.kit.db import Session, Statement
from tocsin.messaging import store
from tocsin.messaging.columns import CHUNK
from tocsin.messaging.ends import Books, write_ends
from tocsin.messaging.model import Claimed, End, list_screened
from tocsin.messaging.store import QUERIES
from tocsin.messaging.submit import end_of
from tocsin.routing import NOWHERE, Case, Channel, Table
from tocsin.traffic import Reason

CHUNKS_MOST = 40
"""In one transaction: 2,000 messages, ten milliseconds of the worker's loop."""

_CROSSED = (errors.UniqueViolation, errors.DeadlockDetected)


@dataclass(slots=True)
class Terms:
    """What a look at due messages stands on. `late_s`: what is late by more is dropped; None: nothing is."""

    books: Books
    table: Table
    late_s: float | None = None
    guards: Guards = field(default_factory=Guards)  # empty: nothing is configured


class Chunk(NamedTuple):
    """A row of table schedule that is locked; `pinned_channel_id` 0: none was named."""

    id: int
    due_at: float
    priority: int
    account_id: int
    cancelled: bool
    sender: str
    pinned_channel_id: int
    ids: list[bytes]


@dataclass(slots=True)
class Reviewed:
    """What may go, over which channel; what may not, and why; what waits longer, until when (epoch seconds)."""

    channels: dict[bytes, int] = field(default_factory=dict)
    ended: dict[bytes, Reason] = field(default_factory=dict)
    held: dict[bytes, float] = field(default_factory=dict)


async def move_due(session: Session, terms: Terms, now_s: float) -> int:
    """Move what is due into the lanes, or end it; how many chunks, CHUNKS_MOST at most. One transaction."""
    if not (await session.rows(QUERIES["any_due"]))[0][0]:
        return 0
    await terms.books.look(session)  # an account that was locked a moment ago sends nothing
    try:
        async with session.transaction():
            chunks = _read_chunks(await session.rows(QUERIES["lock_due"], (CHUNKS_MOST,)))
            await _settle(session, chunks, terms, now_s)
            return len(chunks)
    except _CROSSED:
        return 0


async def end_cancelled(session: Session, batch_no: int, terms: Terms, now_s: float) -> None:
    """End what `cancel_schedule` marked of a batch, here and now; in pages, so that others come between."""
    await terms.books.look(session)
    more = True
    while more:
        try:
            async with session.transaction():
                rows = await session.rows(QUERIES["lock_cancelled"], (batch_no, CHUNKS_MOST // 4))
                more = bool(rows)
                await _settle(session, _read_chunks(rows), terms, now_s)
        except _CROSSED:  # it is marked: what we do not end, a worker ends
            return


def _read_chunks(rows: Sequence[tuple[Any, ...]]) -> list[Chunk]:
    # array_send(uuid[]): a head of 20 bytes, then 4 bytes of length before each 16.
    return [Chunk._make((*row[:7], [row[7][i : i + 16] for i in range(24, len(row[7]), 20)])) for row in rows]


async def _settle(session: Session, chunks: Sequence[Chunk], terms: Terms, now_s: float) -> None:
    """The chunks leave the schedule; their messages go where the review says."""
    if not chunks:
        return
    loaded = await store.load_claimed(session, [message_id for chunk in chunks for message_id in chunk.ids])
    rows = {row[0]: row for row in loaded}
    lanes: dict[tuple[int, int, int, float | None], list[bytes]] = {}
    ends: list[End] = []
    for chunk in chunks:
        messages = [Claimed(i, chunk.id, 1, chunk.priority, *rows[i][1:]) for i in chunk.ids if i in rows]
        reviewed = await review(session, chunk, messages, terms, now_s)
        ended = [(each, reviewed.ended[each.id]) for each in messages if each.id in reviewed.ended]
        ends += [end_of(each, reason, each.channel_id, now_s, handed_at=None) for each, reason in ended]
        for message_id, channel_id in reviewed.channels.items():
            key = (channel_id, chunk.priority, chunk.account_id, reviewed.held.get(message_id))
            lanes.setdefault(key, []).append(message_id)
    drop = Statement(QUERIES["drop_due"], ([chunk.id for chunk in chunks],))
    await session.send([drop, *_add_items(lanes), *write_ends(ends, terms.books)])


async def review(session: Session, chunk: Chunk, messages: Sequence[Claimed], terms: Terms, now_s: float) -> Reviewed:
    """Look at the messages of a chunk again: all of one account, batch and channel. What is held keeps its entry in `channels`."""
    if reason := _find_common_end(chunk, terms, now_s):
        return Reviewed(ended=dict.fromkeys(chunk.ids, reason))
    reviewed = Reviewed()
    for message in messages:
        found = _find_channel(message, chunk, terms, now_s)
        if isinstance(found, Reason):
            reviewed.ended[message.id] = found
        else:
            reviewed.channels[message.id] = found
    if messages and not terms.guards.idle(chunk.account_id, chunk.priority):
        await _screen(session, chunk, messages, reviewed, (terms.guards, now_s))
    return reviewed


async def _screen(
    session: Session, chunk: Chunk, messages: Sequence[Claimed], reviewed: Reviewed, place: tuple[Guards, float]
) -> None:
    """Lists, opt-outs and quiet hours of now; caps have counted it when it was accepted."""
    guards, now_s = place
    sending = Sending(
        chunk.account_id, chunk.priority, chunk.sender, list_screened(messages[0].product, [each.phone for each in messages]),
        [each.country_id for each in messages], [each.price_micros for each in messages],
        [int(reviewed.ended.get(each.id, 0)) for each in messages], again=True,
        senders=[each.find_sender(chunk.sender) for each in messages],
    )  # fmt: skip
    screened = await screen(session, sending, guards, now_s)
    for at, reason in screened.refused.items():
        reviewed.ended[messages[at].id] = reason
        reviewed.channels.pop(messages[at].id, None)
    reviewed.held = {messages[at].id: until for at, until in screened.held.items()}


def _find_common_end(chunk: Chunk, terms: Terms, now_s: float) -> Reason | None:
    if chunk.cancelled:
        return Reason.CANCELLED
    if terms.late_s is not None and now_s > chunk.due_at + terms.late_s:
        return Reason.EXPIRED
    account = terms.books.account_of(chunk.account_id)
    return Reason.ACCOUNT_LOCKED if account is None or account.locked else None


def _find_channel(message: Claimed, chunk: Chunk, terms: Terms, now_s: float) -> int | Reason:
    """The channel of the accept as long as it is open and well and the routes still name it, else the first that they name now."""
    account = terms.books.account_of(message.account_id)
    if account is None or not _is_served(message.country_id, terms.table):
        return Reason.COUNTRY_ERROR
    case = Case(
        message.product, chunk.priority, message.find_sender(chunk.sender), chunk.pinned_channel_id or None, now_s
    )
    way = terms.table.way(account, message.country_id, case)
    pick = way.constant or way.pick(message.phone) if way is not None else None
    if pick is None:
        return Reason.NO_ROUTE
    chosen = terms.table.channel(message.channel_id)
    kept = message.channel_id in pick.channels and _is_open(chosen)
    channels = tuple(dict.fromkeys((message.channel_id, *pick.channels))) if kept else pick.channels
    return terms.table.health.order(channels, message.country_id)[0]


def _is_served(country_id: int, table: Table) -> bool:
    country = table.country(country_id)
    return country_id == NOWHERE if country is None else country.enabled


def _is_open(channel: Channel | None) -> bool:
    return channel is not None and not channel.paused


def _add_items(lanes: dict[tuple[int, int, int, float | None], list[bytes]]) -> list[Statement]:
    items = [
        [*lane, [message_id.hex() for message_id in ids[at : at + CHUNK]]]
        for lane, ids in lanes.items()
        for at in range(0, len(ids), CHUNK)
    ]
    return [Statement(QUERIES["add_items"], (msgspec.json.encode(items).decode(),))] if items else []
