"""What an operator does with endpoints: set, remove, list, resume. On a plain connection; the caller commits and audits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from tocsin.kit.address import read_url
from tocsin.webhooks import sign
from tocsin.webhooks.model import KINDS, AttemptView, EndpointView, NewEndpoint
from tocsin.webhooks.store import QUERIES

Connection = psycopg.Connection[Any]


def set_endpoint(conn: Connection, account_id: int, kind: str, url: str, seal: Callable[[str], str]) -> NewEndpoint:
    """Where `kind` goes from now on; what waits follows a new URL, and a paused endpoint goes on.

    The secret is new with a new endpoint alone, and returned this once. Raises ValueError with a sentence for a bad
    kind or URL.
    """
    if kind not in KINDS:
        raise ValueError(f"the kind must be one of {', '.join(KINDS)}")
    read_url(url)
    secret = sign.new_secret()
    sealed = seal(secret)
    row = conn.execute(QUERIES["set_endpoint"], (account_id, kind, url, sealed)).fetchone()
    assert row is not None
    endpoint_id, stored = row
    conn.execute(QUERIES["try_now"], (endpoint_id,))
    return NewEndpoint(endpoint_id, secret if stored == sealed else None)


def renew_secret(conn: Connection, account_id: int, kind: str, seal: Callable[[str], str]) -> str | None:
    """Sign with a new secret from now on, returned this once; None: there is no such endpoint."""
    secret = sign.new_secret()
    row = conn.execute(QUERIES["set_secret"], (seal(secret), account_id, kind)).fetchone()
    return None if row is None else secret


def remove_endpoint(conn: Connection, endpoint_id: int) -> None:
    """What it got goes nowhere from now on; reports and replies are kept. `drop_rest` is for after the commit."""
    conn.execute(QUERIES["remove_endpoint"], {"endpoint": endpoint_id})


def drop_rest(conn: Connection, endpoint_id: int) -> int:
    """Drop what waits for a removed endpoint, and the list of its tries; how many reports and replies waited.

    In pages, on a connection that commits each: there may be millions. What a writer that is under way adds after this
    (it still knew the endpoint) is found by `drop_orphans`.
    """
    dropped = 0
    while (page := conn.execute(QUERIES["drop_waiting"], {"endpoint": endpoint_id}).fetchone()) and page[0]:
        dropped += int(page[1])
    while conn.execute(QUERIES["drop_attempts"], (endpoint_id,)).rowcount:
        pass
    return dropped


def list_endpoints(conn: Connection, account_id: int | None = None) -> list[EndpointView]:
    """All endpoints, or an account's, with what waits."""
    return [EndpointView(*row) for row in conn.execute(QUERIES["list_endpoints"], (account_id,))]


def list_attempts(conn: Connection, endpoint_id: int, limit: int = 20) -> list[AttemptView]:
    """The latest tries, newest first."""
    return [AttemptView(*row) for row in conn.execute(QUERIES["list_attempts"], (endpoint_id, limit))]


def resume(conn: Connection, endpoint_id: int) -> bool:
    """Push again what a paused endpoint has waiting, at once. False: there is no such endpoint."""
    found = conn.execute(QUERIES["resume"], (endpoint_id,)).rowcount > 0
    if found:
        conn.execute(QUERIES["try_now"], (endpoint_id,))
    return found
