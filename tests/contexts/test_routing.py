"""Channels, routes and countries on real rows; what a verb writes is what the table answers."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.rows import TupleRow

from tests.pure.test_way import account, case
from tocsin import accounts, billing, content, routing
from tocsin.accounts import Directory
from tocsin.bootstrap.reference import Memory
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.bootstrap.worker import make_alternatives, make_next_channel
from tocsin.compliance import Guards
from tocsin.kit.db import Session
from tocsin.kit.reference import Reference
from tocsin.kit.seal import Seal
from tocsin.messaging import Claimed, Text
from tocsin.routing import Pick, RouteRule, RoutingError, Table
from tocsin.senders import MailDomains
from tocsin.templates import TemplateBook
from tocsin.traffic import Priority, Product
from tocsin.webhooks import Endpoints

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


def add_east(conn: psycopg.Connection[TupleRow]) -> int:
    blank = msgspec.structs.replace(routing.find_channel(conn, "sandbox"), name="east", kind="smpp")
    return routing.add_channel(conn, blank).id


def test_a_rule_is_read_as_it_was_written(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        plan_id = billing.find_plan(conn, "default").id
        east = add_east(conn)
        full = RouteRule(
            0, None, None, int(Product.SMS), INDONESIA, "62811", east, -2, int(Priority.VERIFY), "ACME", 1200, 480,
            "Asia/Jakarta", 300,
        )  # fmt: skip
        row = routing.add_route(conn, full, "62")
        assert row[8:] == (-2, 0, "ACME", 1200, 480, "Asia/Jakarta", 300)
        with pytest.raises(RoutingError, match="says that already"):
            routing.add_route(conn, full._replace(preference=5, weight=1), "62")
        for change in ({"action": 1}, {"sender": "B"}, {"start_minute": 1}, {"zone": "UTC"}, {"action": None}):
            routing.add_route(conn, full._replace(**change), "62")
        for weight in (0, 1001):
            with pytest.raises(RoutingError, match="a weight is 1 to 1000"):
                routing.add_route(conn, full._replace(prefix="62812", weight=weight), "62")
        listed = [row for row in routing.list_routes(conn) if row.channel == "east"]
        assert [row.id for row in listed][-1] == row.id + 5  # for any action: the least specific
    table = read_table(database)
    found = table.explain(account(1, plan_id), INDONESIA, case("ACME", action=0, at_s=0.0), "6281112345678")
    assert full._replace(id=row.id) in [each.route for each in found.verdicts]


def test_costs_and_plans_reach_the_table(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        plan_id = billing.find_plan(conn, "default").id
        east = add_east(conn)
        routing.add_route(conn, RouteRule(0, None, None, int(Product.SMS), None, "", east, 0))
        known = billing.PriceRule(billing.NO_PLAN, int(Product.SMS), None, "", east, 95_000)
        with conn.transaction():
            assert billing.import_costs(conn, [known]) == []
        with conn.transaction():
            assert billing.import_costs(conn, [known._replace(price_micros=96_000)]) == [known]
        (row,) = billing.list_costs(conn, east)
        assert (row.product, row.country_id, row.channel, row.price_micros) == (1, None, "east", 96_000)

    async def follow() -> None:
        session, table = Session(database, "test"), Table()
        await table.load(session)
        reference = Reference(database)
        reference.add(table)
        await reference.load_all(session)

        def first() -> int | None:
            way = table.way(account(1, plan_id), INDONESIA, case())
            return way.constant.channels[0] if way and way.constant else None

        assert first() == east
        with psycopg.connect(database, autocommit=True) as conn:
            for changes, found in (
                ({"min_margin_percent": 5}, None),  # the sandbox stands in for nobody
                ({"min_margin_percent": 4}, east),
                ({"min_margin_percent": None}, east),
            ):
                billing.set_plan(conn, "default", **changes)
                await reference.renew()
                assert first() == found
            billing.set_plan(conn, "default", min_margin_percent=5)
            with conn.transaction():
                billing.import_costs(conn, [known._replace(price_micros=1)])
            await reference.renew()
            assert first() == east
            with pytest.raises(billing.BillingError, match="0 to 99 percent"):
                billing.set_plan(conn, "default", min_margin_percent=100)
        stop = asyncio.Event()
        stop.set()
        await reference.run(stop)
        await session.close()

    asyncio.run(follow())


def test_the_channel_after_the_present_one_is_of_the_same_rules(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        ensure_defaults(conn)
        accounts.create_account(conn, "acme")
        ids = [
            routing.add_channel(conn, msgspec.structs.replace(routing.find_channel(conn, "sandbox"), name=name)).id
            for name in ("a", "b", "c", "d")
        ]
        blank = RouteRule(0, None, None, int(Product.SMS), None, "", 0, 0)
        for channel_id in ids[:3]:
            routing.add_route(conn, blank._replace(channel_id=channel_id, sender="ACME", preference=channel_id % 2))
        routing.add_route(conn, blank._replace(channel_id=ids[3]))

    async def read() -> tuple[Directory, Table]:
        session, directory, table = Session(database, "test"), Directory(str), Table()
        await directory.load(session)
        await table.load(session)
        await session.close()
        return directory, table

    directory, table = asyncio.run(read())
    reference, seal = Reference(database), Seal((Fernet.generate_key().decode(),))
    memory = Memory(directory, table, Endpoints(), Guards(), TemplateBook(), MailDomains(), reference, seal)
    next_channel = make_next_channel(make_alternatives(memory))
    owner = directory.by_name("acme")
    assert owner is not None
    message = Claimed(b"", 1, 1, 1, owner.id, 1, 1, "6281234567890", INDONESIA, 1, 0, ids[0])
    text = Text("", "ACME", 1, 0.0, None)
    way = table.way(owner, INDONESIA, case("ACME"))
    order = ((way and way.pick(message.phone)) or Pick((), 0)).channels
    assert sorted(order) == ids[:3]
    assert [next_channel(message, text, present) for present in order] == [*order[1:], order[0]]
    assert next_channel(message, msgspec.structs.replace(text, sender=""), ids[0]) == ids[3]
    assert (
        next_channel(msgspec.structs.replace(message, own="ACME"), msgspec.structs.replace(text, sender=""), order[0])
        == order[1]
    )
    assert next_channel(message, msgspec.structs.replace(text, pinned_channel_id=ids[1]), ids[1]) == ids[1]
