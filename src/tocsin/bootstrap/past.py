"""`tocsin demo seed`: the demo account's past, once, in one transaction: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import audit
from tocsin.bootstrap.exhibit_files import add_exports, add_uploads
from tocsin.bootstrap.exhibit_hooks import add_hooks
from tocsin.bootstrap.exhibits import add_keys, add_lists, add_people, add_requests, add_templates
from tocsin.bootstrap.history import Plan, Written, write_traffic
from tocsin.bootstrap.recharges import order_ledger
from tocsin.bootstrap.scenes import SPAN_MS, write_scenes
from tocsin.bootstrap.sends import QUERIES, find_owner, write_choices
from tocsin.kit.clock import UTC
from tocsin.kit.seal import Seal

_ACTOR = "tocsin"
_OLDEST_EXHIBIT_DAYS = 31
_ACTION = "demo seed"


class SeededError(Exception):
    """The account has a past already; the argument says since when."""


class Wanted(NamedTuple):
    """About so many messages over so many days back from now; the same seed makes the same ones."""

    account: str
    messages: int
    days: int
    seed: int = 1


def write_past(
    conn: Connection[TupleRow], wanted: Wanted, seal: Seal, console_url: str, tell: Callable[[int], None]
) -> Written:
    """Write it; `tell` hears how many messages there are so far. `conn` is autocommit.

    Raises LookupError where there is no such account, SeededError where it was done before.
    """
    conn.execute(QUERIES["days"], {"days": wanted.days + 1})
    with conn.transaction():
        owner = find_owner(conn, wanted.account)
        subject = f"account {wanted.account}"
        if (row := conn.execute(QUERIES["seeded_at"], (subject,)).fetchone()) is not None:
            raise SeededError(f"{row[0]:%Y-%m-%d %H:%M} UTC")
        now = _read_now(conn)
        now_ms = int(now.timestamp() * 1000)
        plan = Plan(wanted.seed, wanted.messages, wanted.days, now_ms - SPAN_MS)
        template_id = add_templates(conn, owner, now_ms)
        traffic = write_traffic(conn, owner, plan, tell)
        shown, sends = write_scenes(conn, owner, wanted.seed, now_ms, template_id)
        write_choices(conn, owner)
        order_ledger(conn, owner)
        begun = now - timedelta(days=max(wanted.days + 1, _OLDEST_EXHIBIT_DAYS))
        conn.execute(QUERIES["age"], {"account": owner.id, "at": begun})
        add_lists(conn, owner, now_ms)
        key_id = add_keys(conn, owner, now_ms, plan.begin_ms, seal)
        add_requests(conn, owner, list(sends.values()), key_id)
        add_hooks(conn, owner, sends, seal, now)
        user_id = add_people(conn, owner, now, console_url)
        add_exports(conn, owner, user_id, now_ms)
        add_uploads(conn, owner, user_id, sends["upload"])
        written = Written(traffic.batches + shown.batches, traffic.messages + shown.messages)
        audit.record(conn, _ACTOR, _ACTION, subject, None, wanted._asdict() | written._asdict())
    conn.execute(QUERIES["analyze"])
    return written


def _read_now(conn: Connection[TupleRow]) -> datetime:
    """The beginning of the transaction, on the database's clock, in UTC."""
    row = conn.execute(QUERIES["now"]).fetchone()
    assert row is not None
    now: datetime = row[0]
    return now.astimezone(UTC)
