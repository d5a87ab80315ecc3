"""Statements of the verbs that look at everything (doctor) or at what no context shows; private to the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow

from tocsin.kit.db import Queries

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = psycopg.Connection[TupleRow]


class Server(NamedTuple):
    """The database server."""

    version_no: int
    version: str
    now_s: float
    standby: bool


class Lane(NamedTuple):
    """Messages that wait for a channel."""

    channel: str
    kind: str
    paused: bool
    config: dict[str, Any]
    ready: int
    delayed: int
    owned: int
    oldest_s: float | None  # of the ready ones


class Waiting(NamedTuple):
    """Rows that wait for an endpoint."""

    account: str
    kind: str
    paused_at: datetime | None
    paused_reason: str
    failing_since: datetime | None
    waiting: int
    aside: int
    oldest_s: float | None


def _first(conn: Conn, name: str) -> TupleRow:
    row = conn.execute(QUERIES[name]).fetchone()
    assert row is not None
    return row


def read_server(conn: Conn) -> Server:
    """Version and clock."""
    return Server(*_first(conn, "server"))


def read_migrations(conn: Conn) -> set[str]:
    """Names of the migrations that were applied."""
    return {row[0] for row in conn.execute(QUERIES["migrations"])}


class WrongClock(NamedTuple):
    """A process that waits for its clock to be right."""

    kind: str
    host: str
    pid: int
    ahead_s: float


def read_wrong_clocks(conn: Conn) -> list[WrongClock]:
    """Processes whose clock is too far from the database's."""
    return [WrongClock(*row) for row in conn.execute(QUERIES["wrong_clocks"])]


def read_lanes(conn: Conn) -> list[Lane]:
    """All channels with what waits for them."""
    return [Lane(*row) for row in conn.execute(QUERIES["lanes"])]


def count_orphan_items(conn: Conn) -> int:
    """Lane items of channels that are gone."""
    return int(_first(conn, "orphan_items")[0])


def read_overdue(conn: Conn, late_s: float) -> tuple[int, float]:
    """Scheduled messages whose time came over `late_s` ago: how many, and how late the first is in seconds."""
    row = conn.execute(QUERIES["overdue"], (late_s,)).fetchone()
    assert row is not None
    return int(row[0]), float(row[1] or 0)


def read_endpoints(conn: Conn) -> list[Waiting]:
    """All endpoints with what waits for them."""
    return [Waiting(*row) for row in conn.execute(QUERIES["endpoints"])]


def count_unmatched(conn: Conn) -> tuple[int, int]:
    """Receipts that fit no submission: still looked for, given up."""
    row = _first(conn, "unmatched")
    return int(row[0]), int(row[1])


class Unmatched(NamedTuple):
    """A receipt that fits no submission of ours. `others`: other spellings of its id."""

    carrier_id: str
    others: str
    phone: str
    reason: int
    at: datetime
    looked_for: bool


def list_unmatched(conn: Conn, channel_id: int, limit: int) -> list[Unmatched]:
    """The newest of a channel."""
    return [Unmatched(*row) for row in conn.execute(QUERIES["unmatched_of"], (channel_id, limit))]


def read_partitions(conn: Conn) -> dict[str, int]:
    """Days ahead for which each partitioned table is ready; -1: not even today."""
    return {row[0]: row[1] for row in conn.execute(QUERIES["partitions"])}


def read_secrets(conn: Conn, account_id: int) -> dict[str, str]:
    """Sealed secrets of an account's endpoints, by kind."""
    return {row[1]: row[2] for row in conn.execute(QUERIES["secrets"], (account_id,))}


def reseal_secrets(conn: Conn, reseal: Callable[[str], str]) -> int:
    """Seal every endpoint's secret anew; how many. What `reseal` raises goes through."""
    found = [(reseal(row[1]), row[0]) for row in conn.execute(QUERIES["secrets_all"])]
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES["secret_set"], found)
    return len(found)


def reseal_second_factors(conn: Conn, reseal: Callable[[str], str]) -> int:
    """Seal anew what the console's users have as second factor, in allauth's table; how many."""
    found = []
    for row_id, secret, seed in conn.execute(QUERIES["second_factors"]):
        name, sealed = ("secret", secret) if secret is not None else ("seed", seed)
        found.append((name, reseal(sealed), row_id))
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES["second_factor_set"], found)
    return len(found)


class MemberOf(NamedTuple):
    """A person in an account. `name`: as colleagues see the person, or ""."""

    account_id: int
    email: str
    name: str
    role: str


def read_members(conn: Conn, account_id: int | None = None) -> list[MemberOf]:
    """Of an account or of all, in the order in which they joined."""
    return [MemberOf(*row) for row in conn.execute(QUERIES["members"], {"account": account_id})]


def find_accounts_of(conn: Conn, email: str) -> list[str]:
    """Names of the accounts that a person of this address is in."""
    return [str(row[0]) for row in conn.execute(QUERIES["accounts_of_email"], (email,))]


class ChannelUses(NamedTuple):
    """What names a channel or waits for it. Counts are of messages, but prices and costs."""

    routes: list[int]
    granted: list[str]  # accounts that may name it
    prices: int
    costs: int
    waiting: int
    in_hand: int  # of a worker
    scheduled: int  # they are routed again when they are due


def read_channel_uses(conn: Conn, channel_id: int, name: str, routing_grant: str) -> ChannelUses:
    """Of one channel."""
    params = {"channel": channel_id, "name": name, "routing": routing_grant}
    row = conn.execute(QUERIES["channel_uses"], params).fetchone()
    assert row is not None
    return ChannelUses(*row)


def count_open(conn: Conn, channel_id: int, within_s: float, limit: int) -> int:
    """Messages that its carrier has and that have no end; up to `limit`."""
    row = conn.execute(QUERIES["channel_open"], {"channel": channel_id, "within": within_s, "limit": limit}).fetchone()
    assert row is not None
    return int(row[0])


def read_lane_products(conn: Conn, channel_id: int) -> set[int]:
    """Products of what waits for a channel."""
    return {int(row[0]) for row in conn.execute(QUERIES["lane_products"], (channel_id,))}


def move_lane(conn: Conn, channel_id: int, target_id: int, limit: int) -> tuple[int, int]:
    """Move a page of what waits; items and messages."""
    row = conn.execute(QUERIES["lane_move"], {"channel": channel_id, "target": target_id, "limit": limit}).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def delete_channel(conn: Conn, channel_id: int) -> None:
    """Take it away, with its prices, costs and what was counted of it."""
    conn.execute(QUERIES["channel_remove"], {"channel": channel_id})
    conn.execute(QUERIES["channel_delete"], (channel_id,))
