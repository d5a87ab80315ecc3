"""Verbs over routes: which channels carry what."""

from __future__ import annotations

from typing import Any

import click

from tocsin import accounts, billing, content, routing
from tocsin.cli.base import Choice, Refusal, open_session, show, table, verbs
from tocsin.cli.change import Conn, note, open_change
from tocsin.cli.explain import explain
from tocsin.traffic import PRODUCT_NAMES, Priority

PRODUCT = Choice(list(PRODUCT_NAMES), case_sensitive=False)
ACTION = Choice([priority.name for priority in Priority], case_sensitive=False)
_NAMES = {int(product): name for name, product in PRODUCT_NAMES.items()}


@verbs()
def route() -> None:
    """Routes: which channels carry what."""


route.add_command(explain)


@route.command("add")
@click.argument("product", type=PRODUCT)
@click.argument("channel_name", metavar="CHANNEL")
@click.option("--account", help="Only for this account.")
@click.option("--plan", help="Only for accounts of this plan.")
@click.option("--country", help="Only to this country: codeId or ISO code.")
@click.option(
    "--prefix", default="", help="Only to numbers that begin so, such as a network's: digits with country code."
)
@click.option("--sender", default="", help="Only from exactly this sender.")
@click.option("--action", type=ACTION, help="Only for this action.")
@click.option("--hours", help="Only at these hours, such as 21:00-08:00.")
@click.option("--zone", help="Whose clock the hours are on, such as Asia/Jakarta; default UTC.")
@click.option("--preference", type=int, default=0, show_default=True, help="The lower one is tried first.")
@click.option(
    "--weight", type=click.IntRange(1, routing.MOST_WEIGHT), default=routing.USUAL_WEIGHT, show_default=True,
    help="Share of the numbers, among routes that are equal in all else.",
)  # fmt: skip
def add_route(product: str, channel_name: str, **options: Any) -> None:
    """Let a channel carry a PRODUCT.

    The most specific routes win (account, then plan, then any; the longest prefix; the country; the sender; the action; the
    hours); among these the lowest preference is tried first and the next ones after it. Equals share the numbers by weight,
    and a number keeps its channel.

    \b
    Examples: tocsin route add sms east
              tocsin route add sms east --country ID --prefix 62811 --preference 5
              tocsin route add sms night --action MARKETING --hours 20:00-08:00 --zone Asia/Jakarta
    """
    with open_change() as conn:
        country = routing.find_country(conn, options["country"]) if options["country"] else None
        rule = _read_rule(conn, product, channel_name, country, options)
        facts = _describe(routing.add_route(conn, rule, str(country.calling_code) if country else ""))
        note(conn, "route add", f"route {facts['id']}", None, facts)
    show(facts, f"route {facts['id']} added: {product} by {channel_name}")


def _read_rule(
    conn: Conn, product: str, channel_name: str, country: routing.Country | None, options: dict[str, Any]
) -> routing.RouteRule:
    """Raises AccountError, BillingError, RoutingError, Refusal."""
    start, end, zone = _read_hours(options["hours"], options["zone"])
    return routing.RouteRule(
        id=0,
        account_id=accounts.find_account(conn, options["account"]).id if options["account"] else None,
        plan_id=billing.find_plan(conn, options["plan"]).id if options["plan"] else None,
        product=int(PRODUCT_NAMES[product]),
        country_id=country.code_id if country else None,
        prefix=options["prefix"],
        channel_id=routing.find_channel(conn, channel_name).id,
        preference=options["preference"],
        action=int(Priority[options["action"]]) if options["action"] else None,
        sender=options["sender"],
        start_minute=start,
        end_minute=end,
        zone=zone,
        weight=options["weight"],
    )


def _read_hours(hours: str | None, zone: str | None) -> tuple[int | None, int | None, str]:
    """Minutes and zone of a route; (None, None, ""): at any time."""
    if hours is None:
        if zone is not None:
            raise click.UsageError("--zone says nothing without --hours")
        return None, None, ""
    try:
        start, end = content.read_hours(hours)
    except content.HoursError as error:
        raise Refusal(str(error)) from error
    name = (zone or "UTC").strip()
    found = content.find_zone(name)
    if found is None:
        raise Refusal(f"there is no time zone {name}: write an IANA name like Asia/Jakarta")
    return start, end, getattr(found, "key", name)


@route.command("list")
def list_routes() -> None:
    """List all routes: by product, the most specific first."""
    with open_session() as conn:
        rows = [_describe(row) for row in routing.list_routes(conn)]
    head = [
        "id", "product", "account", "plan", "country", "prefix", "sender", "action", "hours", "zone", "channel", "preference",
        "weight",
    ]  # fmt: skip
    show(rows, table(head, [["any" if row[name] in (None, "") else row[name] for name in head] for row in rows]))


@route.command("remove")
@click.argument("route_id", metavar="ID", type=int)
def remove_route(route_id: int) -> None:
    """Take a route away, by its id in `route list`."""
    with open_change() as conn:
        facts = _describe(routing.remove_route(conn, route_id))
        note(conn, "route remove", f"route {route_id}", facts, None)
    show(facts, f"route {route_id} removed")


def _describe(row: routing.RouteRow) -> dict[str, Any]:
    facts = row._asdict()
    start, end, iso = facts.pop("start_minute"), facts.pop("end_minute"), facts.pop("iso")
    return {
        **facts,
        "product": _NAMES.get(row.product, str(row.product)),
        "country": iso,
        "action": None if row.action is None else Priority(row.action).name,
        "hours": None if start is None else content.write_hours(start, end),
    }
