"""Two installations in a chain: what is sent at the first goes out over the second, and both know what became of it.

Each has a database and processes of its own. Reports come back as pushes of the second, and go on to the first one's
customer; money is right on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import clone_database
from tests.flows.plant import BALANCE_MICROS, PRICE_MICROS, Customer, Plant, find_port, make_numbers, post
from tests.poll import until_sync
from tocsin import billing, carriers, routing
from tocsin.kit.seal import Seal
from tocsin.traffic import Product
from tocsin.webhooks import set_endpoint

TOKEN = "the token of the chain"
LONG = "a" * 400
FAILS, REPLIES = "6281200009907", "6281200009913"


class Chain(NamedTuple):
    """`down` sends over `up`."""

    down: Plant
    up: Plant
    sender: Customer  # of the first installation
    reseller: Customer  # the first one's account at the second
    port: int


@pytest.fixture
def chain(database_server: str, tmp_path: Path) -> Iterator[Chain]:
    with clone_database(database_server) as dsn_up, clone_database(database_server) as dsn_down:
        homes = [tmp_path / name for name in ("up", "down")]
        for home in homes:
            home.mkdir()
        up = Plant(dsn_up, homes[0])
        down = Plant(dsn_down, homes[1], up.receiver)
        try:
            yield _link(up, down)
        finally:
            for plant in (down, up):
                plant.close()


def _link(up: Plant, down: Plant) -> Chain:
    reseller, sender = up.add_customer("reseller"), down.add_customer("acme", place="reports")
    down.set_endpoint(sender, "uplink", "replies")
    port = find_port()
    door = f"http://127.0.0.1:{port}/carrier/old-platform"
    seal = Seal((up.key,)).seal
    secrets = {
        what: set_endpoint(up.conn, reseller.id, kind, f"{door}/{what}?token={TOKEN.replace(' ', '+')}", seal).secret
        for kind, what in (("sms", "receipt"), ("uplink", "reply"))
    }
    up_api = up.start_api()
    config: dict[str, Any] = {
        "base_url": f"http://127.0.0.1:{up_api.port}", "account": reseller.name, "api_key": reseller.key,
        "callback_token": TOKEN, "receipt_secret": secrets["receipt"], "reply_secret": secrets["reply"],
    }  # fmt: skip
    _route(down, config)
    for plant in (up, down):
        for name in ("worker", "push"):
            plant.start(name)
    down.start_api(TOCSIN_PORT=str(port))
    return Chain(down, up, sender, reseller, port)


def _route(down: Plant, config: Mapping[str, object]) -> None:
    """Every SMS of the first goes to the second."""
    assert carriers.check_config("tocsin", config) == []
    first = routing.list_channels(down.conn)[0]
    fields = {name: getattr(first, name) for name in first.__struct_fields__}
    sealed = carriers.seal_config("tocsin", config, Seal((down.key,)).seal)
    with down.conn.transaction():
        made = routing.add_channel(
            down.conn, routing.Channel(**{**fields, "name": "old-platform", "kind": "tocsin", "config": sealed})
        )
        for row in routing.list_routes(down.conn):
            if row.product == Product.SMS:
                routing.remove_route(down.conn, row.id)
        routing.add_route(down.conn, routing.RouteRule(0, None, None, int(Product.SMS), None, "", made.id, 0))


def spent(plant: Plant, customer: Customer) -> int:
    return BALANCE_MICROS - billing.read_wallet(plant.conn, customer.id).balance_micros


def test_what_is_sent_at_the_first_goes_out_over_the_second(chain: Chain) -> None:
    down, up = chain.down, chain.up
    numbers = [*make_numbers(150), FAILS[2:], REPLIES[2:]]
    short = post(chain.port, chain.sender, numbers)
    long = post(chain.port, chain.sender, make_numbers(20, first=1000), content=LONG)
    accepted = short.ids + long.ids
    assert len(accepted) == 172
    down.wait_finished(accepted, "reports")

    reports = {row[0]: row for push in down.receiver.got("reports") for row in push.rows}
    phones = {row[1]: row for row in reports.values()}
    assert phones[FAILS][3:5] == [2, "undelivered"]
    assert {row[3] for phone, row in phones.items() if phone != FAILS} == {1}
    assert {tuple(reports[name][6:]) for name in long.ids} == {("3", "0.3")}

    # A long text went up as one message of three parts.
    assert up.count("message") == len(accepted)
    assert up.one("SELECT count(*) FROM message WHERE parts = 3") == len(long.ids)
    assert down.one("SELECT count(*) FROM submission WHERE part = 0") == len(long.ids)
    assert down.one("SELECT count(DISTINCT carrier_id) FROM submission WHERE outcome = 0") == len(accepted)
    charged = (152 + 3 * 20) * PRICE_MICROS
    assert spent(down, chain.sender) == spent(up, chain.reseller) == charged
    for plant in (down, up):
        plant.check_ledger()
    assert down.count("unmatched_receipt") == 0

    until_sync(lambda: down.receiver.show("replies")["got"])
    (reply,) = down.receiver.got("replies")
    assert '"I want it"' in reply.body
    assert REPLIES in reply.body
    assert down.one("SELECT encode(uuid_send(message_id), 'hex') FROM uplink") in short.ids


def test_a_second_that_goes_away_is_waited_for_and_nothing_is_sent_twice(chain: Chain) -> None:
    """Its processes are killed in the middle: what had no answer is asked again under its key."""
    down, up = chain.down, chain.up
    numbers = make_numbers(2_000, first=5000)
    accepted = post(chain.port, chain.sender, numbers).ids
    until_sync(lambda: up.count("message") > 300)
    api = up.processes[0]
    api.kill()
    up.start_api(TOCSIN_PORT=str(api.port))
    down.wait_finished(accepted, "reports")
    assert up.one("SELECT count(*) FROM message WHERE status = 0") == len(accepted)
    assert spent(down, chain.sender) == spent(up, chain.reseller) == len(accepted) * PRICE_MICROS
    for plant in (down, up):
        plant.check_ledger()
