"""Typed functions over queries.sql; private to the context."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from psycopg.rows import TupleRow

from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session, Statement
from tocsin.webhooks.model import Attempt, Endpoint, Push
from tocsin.webhooks.post import Result, Told

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

ALL_SEQ = (1 << 63) - 1
ANY_ATTEMPTS = 32_767
UNTRIED = 0


async def endpoints_since(session: Session, version: int) -> tuple[int, list[Endpoint]]:
    """Endpoints whose version is above `version`, and the highest version seen."""
    rows = await session.rows(QUERIES["endpoints_since"], (version,))
    return max((row[7] for row in rows), default=version), [Endpoint(*row[:7]) for row in rows]


async def waiting_endpoints(session: Session, mine: Sequence[int], limit: int) -> list[int]:
    """Endpoints with due rows that no pusher serves, except `mine`."""
    rows = await session.rows(QUERIES["waiting_endpoints"], (pgbin.int4s(mine), limit))
    return [row[0] for row in rows]


async def take_leases(session: Session, owner: int, lease_s: float, endpoint_ids: Sequence[int]) -> list[int]:
    """Those of the endpoints that are ours now."""
    rows = await session.rows(QUERIES["take_leases"], (owner, lease_s, pgbin.int4s(endpoint_ids)))
    return [row[0] for row in rows]


async def renew_leases(session: Session, owner: int, lease_s: float, endpoint_ids: Sequence[int]) -> list[int]:
    """Those of our endpoints that are ours still."""
    rows = await session.rows(QUERIES["renew_leases"], (lease_s, owner, pgbin.int4s(endpoint_ids)))
    return [row[0] for row in rows]


async def drop_leases(session: Session, owner: int, endpoint_ids: Sequence[int]) -> None:
    """Let others have them at once."""
    await session.run(QUERIES["drop_leases"], (owner, pgbin.int4s(endpoint_ids)))


async def tried_frontier(session: Session, endpoint_id: int) -> int:
    """The highest seq that was ever tried and still waits; 0: none."""
    rows = await session.rows(QUERIES["tried_frontier"], (endpoint_id,))
    return int(rows[0][0])


class Range:
    """Which waiting rows to read: seq in (after, upto], not in hand, tried at most `max_attempts` times."""

    __slots__ = ("after", "in_hand", "max_attempts", "max_reports", "max_rows", "upto")

    def __init__(self, in_hand: Sequence[int], max_rows: int, max_reports: int) -> None:
        self.in_hand = in_hand
        self.max_rows = max_rows
        self.max_reports = max_reports
        self.after = -1
        self.upto = ALL_SEQ
        self.max_attempts = ANY_ATTEMPTS


async def read_waiting(session: Session, endpoint_id: int, span: Range) -> list[Push]:
    """Due rows in the order of seq."""
    rows = await session.rows(
        QUERIES["read_waiting"],
        (
            endpoint_id,
            span.after,
            span.upto,
            span.max_attempts,
            pgbin.int8s(span.in_hand),
            span.max_rows,
            span.max_reports,
        ),
    )
    return [Push(*row) for row in rows]


async def blocked_late(session: Session, ids: Sequence[int]) -> set[int]:
    """Those rows of which an older row of the same endpoint still holds one of their messages."""
    rows = await session.rows(QUERIES["blocked_late"], (pgbin.int8s(ids),))
    return {row[0] for row in rows}


async def fix(session: Session, endpoint_id: int, owner: int, pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Make (head, member) rows one each, if the lease is ours. The heads that are fixed now, with their counts."""
    heads, members = pgbin.int8s([head for head, _ in pairs]), pgbin.int8s([member for _, member in pairs])
    rows = await session.rows(QUERIES["fix"], (endpoint_id, owner, heads, members))
    return {row[0]: row[1] for row in rows}


def settle(attempts: Sequence[Attempt]) -> Statement:
    """Take off what was taken, put back or aside the rest, and write every attempt down."""
    return Statement(
        QUERIES["settle"],
        (
            pgbin.int8s([a.push.id for a in attempts]),
            pgbin.texts([a.push.webhook_id for a in attempts]),
            pgbin.times([a.at for a in attempts]),
            pgbin.int4s([a.took_ms for a in attempts]),
            pgbin.int4s([a.http_status for a in attempts]),
            pgbin.texts([a.error for a in attempts]),
            pgbin.texts([a.answer for a in attempts]),
            pgbin.int4s([a.verdict for a in attempts]),
            pgbin.int4s([a.delay_ms for a in attempts]),
            pgbin.texts([a.request for a in attempts]),
            pgbin.texts([a.answer_head for a in attempts]),
        ),
    )


def split(push_id: int, halves: Sequence[tuple[int, bytes]]) -> Statement:
    """One row becomes several of (rows, body), in its place."""
    counts = [n for n, _ in halves]
    highs = [sum(counts[: i + 1]) for i in range(len(counts))]
    lows = [high - n + 1 for high, n in zip(highs, counts, strict=True)]
    columns = (pgbin.int4s(counts), pgbin.int4s(lows), pgbin.int4s(highs), pgbin.byteas([body for _, body in halves]))
    return Statement(QUERIES["split"], (push_id, *columns))


def mark_failing(endpoint: Endpoint, since: float) -> Statement:
    """No 2xx since then (epoch seconds)."""
    return Statement(QUERIES["mark_failing"], (since, endpoint.id, endpoint.url))


def mark_answering(endpoint_id: int) -> Statement:
    """A 2xx came."""
    return Statement(QUERIES["mark_answering"], (endpoint_id,))


def pull_forward(endpoint_id: int, upto_seq: int) -> Statement:
    """What waits for a later try is due now: the endpoint is back."""
    return Statement(QUERIES["pull_forward"], (endpoint_id, upto_seq))


def pause(endpoint: Endpoint, reason: str) -> Statement:
    """Push nothing there any more, unless it has another URL by now."""
    return Statement(QUERIES["pause"], (reason, endpoint.id, endpoint.url))


async def take_tests(session: Session, limit: int) -> list[TupleRow]:
    """Test events that are ours now: id, body, and the fields of their Endpoint."""
    return await session.rows(QUERIES["take_tests"], (limit,))


def note_test(endpoint_id: int, push: Push, result: Result, told: Told) -> Statement:
    """The attempt of a test event."""
    took_ms = int((result.ended - result.began) * 1000)
    said = (result.wall, took_ms, result.status, result.error, result.answer, *told)
    return Statement(QUERIES["note_test"], (endpoint_id, push.id, push.webhook_id, *said))


async def forget_attempts(session: Session, days: int) -> None:
    """Attempts of pushes that are older than the messages that are kept."""
    await session.run(QUERIES["forget_attempts"], (days,))
    await session.run(QUERIES["forget_tests"])
    await session.run(QUERIES["forget_replays"])


async def drop_orphans(session: Session) -> int:
    """A page of what writers added that still knew an endpoint when it was removed; how many rows of the outbox."""
    dropped = 0
    for (endpoint_id,) in await session.rows(QUERIES["orphaned_endpoints"]):
        dropped += (await session.rows(QUERIES["drop_waiting"], {"endpoint": endpoint_id}))[0][0]
    return dropped


async def has_open_replays(session: Session) -> bool:
    """Whether somebody asked for a replay that is not over."""
    return bool((await session.rows(QUERIES["open_replays"]))[0][0])
