"""Counts finals by channel and country, and turns the breakers. In the transaction of whoever folds the roll-up, where all
finals come by in bulk: nothing is asked of those who write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import Session
from tocsin.routing.breaker import CLOSED, DOWN, HALF_OPEN, BreakerTerms, Counted, Watched, add, judge, rate
from tocsin.routing.model import SANDBOX
from tocsin.routing.store import QUERIES


class Breaker(NamedTuple):
    """A row of table breaker: a channel that messages go round."""

    channel_id: int
    country_id: int  # breaker.ANYWHERE: it is down
    state: str
    since: float  # epoch seconds
    rate_last: float
    rate_day: float
    channel: str
    country: str  # ISO code; "" for none


class Turn(NamedTuple):
    """A breaker that was turned, for the log."""

    channel: str
    country: str
    state: str
    rate_last: float
    rate_day: float


async def count_finals(session: Session, counted: Sequence[Counted], terms: BreakerTerms) -> list[Turn]:
    """Add finals of channels that are watched, and turn their breakers. In the caller's transaction. Raises LOST."""
    turned = await _half_open(session, terms)
    rows = [tuple(each) for each in sorted(counted) if each.good or each.total]
    if not rows:
        return turned
    params = {"counted": msgspec.json.encode(rows).decode(), "sandbox": SANDBOX}
    await session.run(QUERIES["count_hours"], params)
    await session.run(QUERIES["begin_recent"], params)
    found = {(row[0], row[1]): row[2:] for row in await session.rows(QUERIES["lock_recent"], params)}
    kept: list[tuple[int, int, list[int]]] = []
    for each in sorted(counted):
        if (each.channel_id, each.country_id) not in found:
            continue
        recent, good, total, state, opened_at, channel, country = found[each.channel_id, each.country_id]
        pairs = add(recent, each.good, each.total, terms.window)
        before = Watched(each.channel_id, each.country_id, pairs, good, total, state, opened_at)
        after = judge(before, terms)
        if after != state:
            turn = Turn(channel, country, after, rate(sum(pairs[::2]), sum(pairs[1::2])), rate(good, total))
            turned.append(turn)
            await _turn(session, before, turn)
            pairs = []
        kept.append((each.channel_id, each.country_id, pairs))
    await session.run(QUERIES["put_recent"], (msgspec.json.encode(kept).decode(),))
    return turned


async def _half_open(session: Session, terms: BreakerTerms) -> list[Turn]:
    ripe = await session.rows(QUERIES["ripe_breakers"], (terms.half_open_s,))
    for channel_id, country_id, *_ in ripe:
        await session.run(QUERIES["half_open"], (channel_id, country_id))
        await session.run(QUERIES["clear_recent"], (channel_id, country_id))
    return [Turn(row[2], row[3], HALF_OPEN, row[4], row[5]) for row in ripe]


async def _turn(session: Session, watched: Watched, turn: Turn) -> None:
    key = (watched.channel_id, watched.country_id)
    if turn.state == CLOSED:
        await session.run(QUERIES["close_breaker"], key)
        return
    # Opened anew by its probes: the day before the first opening stays the measure.
    rate_day = watched.rate_at_opening if watched.state == HALF_OPEN else turn.rate_day
    await session.run(QUERIES["open_breaker"], (*key, turn.state, turn.rate_last, rate_day))


async def forget_finals(session: Session) -> None:
    """Hours that are over a day old."""
    await session.run(QUERIES["forget_hours"])


async def mark_down(session: Session, channel_id: int, *, down: bool) -> None:
    """New messages go round a channel without a link that stands, or come back."""
    query = QUERIES["open_down"] if down else QUERIES["close_down"]
    await session.run(query, (channel_id, DOWN) if down else (channel_id,))


async def read_breakers(session: Session) -> list[Breaker]:
    """All that are not closed. Raises LOST."""
    return [Breaker(*row) for row in await session.rows(QUERIES["breakers"])]


def list_breakers(conn: Connection[TupleRow]) -> list[Breaker]:
    """The same for the command line."""
    return [Breaker(*row) for row in conn.execute(QUERIES["breakers"])]


def reset_breakers(conn: Connection[TupleRow], channel_id: int) -> list[Breaker]:
    """Close those of a channel by hand, and forget its last finals; those that there were."""
    closed = [each for each in list_breakers(conn) if each.channel_id == channel_id and each.state != DOWN]
    if closed:
        conn.execute(QUERIES["reset_breakers"], (channel_id,))
    conn.execute(QUERIES["reset_recent"], (channel_id,))
    return closed
