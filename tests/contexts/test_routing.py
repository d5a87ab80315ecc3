"""Channels, routes and countries on real rows; what a verb writes is what the table answers."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest

from tests.pure.test_way import account, case
from tocsin import billing, content, routing
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit.db import Session
from tocsin.routing import Pick, RouteRule, RoutingError, Table
from tocsin.traffic import Product

CHINA, INDONESIA = 10001, 10007


def read_table(dsn: str) -> Table:
    async def read() -> Table:
        session, table = Session(dsn, "test"), Table()
        await table.load(session)
        await session.close()
        return table

    return asyncio.run(read())


def test_a_new_database_sends_everything_everywhere_by_the_sandbox(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        plan_id = billing.find_plan(conn, "default").id
    table = read_table(database)
    sandbox = table.channel_by_name("sandbox")
    assert sandbox is not None
    assert table.channel(sandbox.id) is sandbox
    assert len(table.countries()) == len(content.load_countries()) > 230
    for country in table.countries():
        for product in Product:
            way = table.way(account(1, plan_id), country.code_id, case(product=product))
            assert way is not None
            assert way.constant is not None
            assert way.constant.channels == (sandbox.id,)
    china, indonesia = table.country(CHINA), table.country_of_iso("ID")
    assert china is not None
    assert indonesia is not None
    assert (china.iso, china.calling_code, china.enabled, china.template_required) == ("CN", 86, True, True)
    assert (indonesia.code_id, indonesia.calling_code, indonesia.template_required) == (INDONESIA, 62, False)


def test_defaults_come_once_and_only_what_is_missing_comes_again(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        for row in routing.list_routes(conn):
            routing.remove_route(conn, row.id)
        routing.set_country(conn, "ID", enabled=False)
        conn.execute("DELETE FROM country WHERE iso = 'CN'")
        clocks: dict[str, int] = dict(conn.execute("SELECT name, version FROM change_clock").fetchall())
        ensure_defaults(conn)
        assert routing.list_routes(conn) == []
        assert not routing.find_country(conn, "10007").enabled
        assert routing.find_country(conn, "cn").code_id == CHINA
        clocks["country"] += 1
        ensure_defaults(conn)
        assert dict(conn.execute("SELECT name, version FROM change_clock").fetchall()) == clocks


def test_a_route_that_is_added_is_taken(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        plan_id = billing.find_plan(conn, "default").id
        blank = msgspec.structs.replace(routing.find_channel(conn, "sandbox"), name="east")
        east = routing.add_channel(conn, blank).id
        rule = RouteRule(0, None, None, int(Product.SMS), INDONESIA, "+62811", east, 0)
        row = routing.add_route(conn, rule, "62")
        assert (row.prefix, row.iso, row.channel) == ("62811", "ID", "east")
        with pytest.raises(RoutingError, match="says that already"):
            routing.add_route(conn, rule._replace(preference=5), "62")
        with pytest.raises(billing.BillingError, match="calling code 62"):
            routing.add_route(conn, rule._replace(prefix="811"), "62")
        with pytest.raises(RoutingError, match="there is a channel east"):
            routing.add_channel(conn, blank)
    way = read_table(database).way(account(1, plan_id), INDONESIA, case())
    assert way is not None
    assert way.pick("6281112345678") == Pick((east,), 100_000)
    other = way.pick("6281212345678")
    assert other is not None
    assert other.channels != (east,)


def test_a_bad_channel_is_refused(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        for changes in ({"rate": 0}, {"window": 0}, {"max_attempts": 0}, {"unknown_policy": "guess"}):
            with pytest.raises(RoutingError):
                routing.set_channel(conn, "sandbox", **changes)
