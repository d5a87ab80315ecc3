"""`/carrier/NAME/receipt` and `/carrier/NAME/reply`: carriers that bring receipts and replies by calling us.

Answered with 2xx only after the commit, so that a carrier brings again what was not stored; whoever does not show the
channel's token or signature is answered 401, counted as a bad sign is, and told nothing about which channels there are.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NamedTuple

from tocsin.api.desk import ANSWER_WITHIN_S, Desk
from tocsin.api.wire import TOO_MANY_PARAMETERS, CutQuery, Reply, transport_reply
from tocsin.carriers import RECEIPT, REPLY, Called, Ear, Heard, StrangerError, UnreadableError
from tocsin.kit import clock
from tocsin.kit.db import LOST
from tocsin.kit.metrics import RECEIPTS
from tocsin.kit.visitor import network_of
from tocsin.messaging import Answers, receive, receive_replies
from tocsin.queue import LANE, OUTBOX
from tocsin.routing import Channel

log = logging.getLogger(__name__)

PREFIX = "/carrier/"
BODY_MOST = 1024 * 1024
METHODS = frozenset({"GET", "POST"})
_RETRY_S = 2
_LARGE = 8 * 1024  # a body that is read in a thread: one of 1 MB with 10,000 rows would hold up everybody's requests


class Place(NamedTuple):
    """What a path names."""

    channel: str
    what: str  # RECEIPT or REPLY


def read_place(path: str) -> Place | None:
    """The channel and what is brought; None: no such path."""
    name, _, what = path.removeprefix(PREFIX).partition("/")
    return Place(name, what) if name and what in {RECEIPT, REPLY} else None


async def answer_carrier(desk: Desk, place: Place, called: Called, address: str) -> Reply:
    """Hear a carrier's call, store what it brings, and only then say so."""
    if not desk.is_clock_right():
        return _try_again()
    now = clock.now_s()
    if desk.bad_signs.any_spent and desk.bad_signs.is_spent(_tries(address), now):
        return _too_often(desk, now)
    known = desk.ears.of(place.channel) if desk.ears is not None else None
    if known is None or known.ear is None:
        return await _turn_away(desk, address, now)
    try:
        heard = await _hear(known.ear, called, now)
    except StrangerError:
        return await _turn_away(desk, address, now)
    except UnreadableError as error:
        log.warning("channel %s: what its carrier called with was not taken: %s", place.channel, error)
        return transport_reply(400, str(error))
    try:
        await _store(desk, known.channel, heard)
    except LOST as error:
        log.warning("what the carrier of channel %s brought was not stored: %s", place.channel, error)
        return _try_again()
    return Reply(heard.answer.encode(), content_type="text/plain; charset=utf-8") if heard.answer else Reply(b"{}")


async def _hear(ear: Ear, called: Called, now: float) -> Heard:
    """What the call says. Raises StrangerError, UnreadableError."""
    heard = await asyncio.to_thread(ear, called, now) if len(called.body) > _LARGE else ear(called, now)
    if isinstance(called.query, CutQuery):
        raise UnreadableError(TOO_MANY_PARAMETERS)
    return heard


async def _turn_away(desk: Desk, address: str, now: float) -> Reply:
    if not await desk.bad_signs.take(_tries(address), desk.settings.bad_signs_per_address, now):
        return _too_often(desk, now)
    return transport_reply(401, "The token or signature of the channel is missing or wrong")


def _tries(address: str) -> str:
    """The window in which bad tokens are counted: that of bad signs."""
    return f"bad:{network_of(address)}"


async def _store(desk: Desk, channel: Channel, heard: Heard) -> None:
    books = desk.terms.books
    async with desk.pools.carriers.lend(channel.id) as session:
        with session.within(ANSWER_WITHIN_S):
            if heard.receipts:
                await receive(session, channel.id, heard.receipts, books)
            if heard.replies:
                await receive_replies(session, channel.id, heard.replies, Answers(desk.ground, books), desk.ground.ids)
    RECEIPTS.labels(channel.name).inc(len(heard.receipts))
    desk.waker.wake(OUTBOX)
    if heard.replies:
        desk.waker.wake(LANE)  # there may be answers to opt-outs among them


def _try_again() -> Reply:
    reply = transport_reply(503, "Try again")
    reply.retry_after_s = _RETRY_S
    return reply


def _too_often(desk: Desk, now: float) -> Reply:
    reply = transport_reply(429, "Too many calls without the right token")
    reply.retry_after_s = desk.bad_signs.wait_s(now)
    return reply
