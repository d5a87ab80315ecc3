"""Statements over channels, countries and routes; private to this context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tocsin.kit.db import Queries, Session
from tocsin.routing.model import Channel, Country, RouteRow, RouteRule

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]
_Kind = TypeVar("_Kind", Channel, Country)


def _build(kind: type[_Kind], row: Sequence[Any]) -> _Kind:
    return kind(**dict(zip(kind.__struct_fields__, row, strict=True)))


async def read_channels(session: Session) -> list[Channel]:
    """All channels, by id. Raises LOST."""
    return [_build(Channel, row) for row in await session.rows(QUERIES["channels"])]


async def read_countries(session: Session) -> list[Country]:
    """All countries, by codeId. Raises LOST."""
    return [_build(Country, row) for row in await session.rows(QUERIES["countries"])]


async def read_routes(session: Session) -> list[RouteRule]:
    """All routes, by id. Raises LOST."""
    return [RouteRule(*row) for row in await session.rows(QUERIES["routes"])]


def list_channels(conn: Conn) -> list[Channel]:
    """All channels, by id."""
    return [_build(Channel, row) for row in conn.execute(QUERIES["channels"])]


def find_channel(conn: Conn, name: str) -> Channel | None:
    """The channel, locked."""
    row = conn.execute(QUERIES["channel_find"], (name,)).fetchone()
    return None if row is None else _build(Channel, row)


def _values(channel: Channel) -> dict[str, Any]:
    return {**msgspec.structs.asdict(channel), "config": Jsonb(channel.config)}


def insert_channel(conn: Conn, channel: Channel) -> int | None:
    """Id of the new channel; None where the name is taken."""
    row = conn.execute(QUERIES["channel_add"], _values(channel)).fetchone()
    return None if row is None else int(row[0])


def update_channel(conn: Conn, channel: Channel) -> None:
    """Write all settings of a channel."""
    conn.execute(QUERIES["channel_set"], _values(channel))


def list_countries(conn: Conn) -> list[Country]:
    """All countries, by codeId."""
    return [_build(Country, row) for row in conn.execute(QUERIES["countries"])]


def find_country(conn: Conn, word: str) -> Country | None:
    """The country of a codeId or ISO code, locked."""
    row = conn.execute(QUERIES["country_find"], {"word": word}).fetchone()
    return None if row is None else _build(Country, row)


def update_country(conn: Conn, country: Country) -> None:
    """Write what an operator may change."""
    conn.execute(QUERIES["country_set"], (country.enabled, country.template_required, country.code_id))


def insert_countries(conn: Conn, countries: Iterable[Country]) -> int:
    """Insert the missing ones; how many."""
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES["country_add"], [msgspec.structs.asdict(country) for country in countries])
        return max(cursor.rowcount, 0)


def find_same_route(conn: Conn, route: RouteRule) -> int | None:
    """Id of a route that says the same, whatever its preference."""
    row = conn.execute(QUERIES["route_same"], route._asdict()).fetchone()
    return None if row is None else int(row[0])


def insert_route(conn: Conn, route: RouteRule) -> int:
    """Id of the new route."""
    row = conn.execute(QUERIES["route_add"], route._asdict()).fetchone()
    assert row is not None
    return int(row[0])


def list_routes(conn: Conn, route_id: int | None) -> list[RouteRow]:
    """One route or all."""
    return [RouteRow(*row) for row in conn.execute(QUERIES["route_list"], {"id": route_id})]


def delete_route(conn: Conn, route_id: int) -> None:
    """Take a route away."""
    conn.execute(QUERIES["route_remove"], (route_id,))
