"""What every database starts with: the countries, and in a new one a plan, a sandbox channel, its routes and prices.

Run after every migration. Countries that are missing are added; the rest is made with the plan "default" and never
again, so that what an operator took away (the sandbox route, in production) stays away.
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts, audit, billing, content, routing
from tocsin.traffic import PRODUCT_NAMES, Product

LAST_CHOICE = 1000
"""Preference of the sandbox's routes: whatever an operator adds comes before them."""

PRICES = {
    Product.SMS: "0.1",  # the fee of the page's example
    Product.MMS: "0.2",
    Product.VOICE_NOTICE: "0.1",
    Product.VOICE_OTP: "0.1",
    Product.EMAIL: "0.001",
}
_ACTOR = "tocsin"


def ensure_defaults(conn: Connection[TupleRow]) -> None:
    """Add what is missing, in one transaction; two at the same time do no harm."""
    with conn.transaction():
        routing.add_countries(conn, _read_countries())
        if not billing.read_plans(conn):
            _make_defaults(conn)


def _read_countries() -> list[routing.Country]:
    return [
        routing.Country(
            code_id=row.code_id,
            iso=row.iso,
            calling_code=row.calling_code,
            name=row.name,
            name_zh=row.name_zh,
            enabled=True,
            template_required=row.template_required,
        )
        for row in content.load_countries()
    ]


def _make_defaults(conn: Connection[TupleRow]) -> None:
    try:
        plan_id = billing.add_plan(conn, accounts.DEFAULT_PLAN)
    except billing.BillingError:
        return  # another start made it while we looked
    channel = routing.add_channel(conn, _describe_sandbox())
    for product in Product:
        routing.add_route(
            conn, routing.RouteRule(0, None, None, int(product), None, "", channel.id, preference=LAST_CHOICE)
        )
    rules = [
        billing.PriceRule(plan_id, int(product), None, "", None, billing.to_micros(price))
        for product, price in PRICES.items()
    ]
    billing.import_prices(conn, rules)
    prices = {name: PRICES[product] for name, product in PRODUCT_NAMES.items()}
    audit.record(
        conn,
        _ACTOR,
        "seed",
        "defaults",
        None,
        {"plan": accounts.DEFAULT_PLAN, "channel": routing.SANDBOX, "prices": prices},
    )


def _describe_sandbox() -> routing.Channel:
    return routing.Channel(
        id=0,
        name=routing.SANDBOX,
        kind=routing.SANDBOX,
        paused=False,
        rate=None,
        window=1000,
        unknown_policy="leave",
        max_attempts=8,
        config={},
    )
