"""Verbs over plans and prices."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import click

from tocsin import billing, routing
from tocsin.cli.base import FAILED, Refusal, open_session, show, table, verbs
from tocsin.cli.change import Conn, note, note_difference, open_change, tell_yes
from tocsin.traffic import PRODUCT_NAMES

_NAMES = {int(product): name for name, product in PRODUCT_NAMES.items()}


@verbs()
def price() -> None:
    """Prices by plan, product, country, prefix and channel."""


@price.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> int:
    """Import prices from a CSV file: all of it, or nothing where a row is wrong (each is named with its line).

    Columns: plan, product, country, prefix, channel, price. Product is sms, mms, voice, otp or email; country an ISO
    code or codeId; country, prefix and channel may be empty and match everything then. A row with the same first five
    replaces the price that was there.

    \b
    plan,product,country,prefix,channel,price
    default,sms,ID,,,0.021
    default,sms,ID,62811,,0.019
    """
    data = file.read_bytes()
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not UTF-8 text") from None
    with open_change() as conn:
        rules, bad = billing.read_price_list(lines, _read_names(conn))
        if not bad:
            replaced = billing.import_prices(conn, rules)
            facts = {"file": file.name, "sha256": hashlib.sha256(data).hexdigest(), "rows": len(rules)}
            note(conn, "price import", "prices", {"replaced": [rule._asdict() for rule in replaced]}, facts)
    if bad:
        errors = [{"line": row.line, "why": row.why} for row in bad]
        said = "\n".join(f"line {row.line}: {row.why}" for row in bad)
        show({"imported": 0, "errors": errors}, f"{said}\nNothing was imported: {len(bad)} of the rows are wrong.")
        return FAILED
    show({"imported": len(rules), "errors": []}, f"{len(rules)} prices imported")
    return 0


def _read_names(conn: Conn) -> billing.Names:
    countries = {}
    for country in routing.list_countries(conn):
        countries[country.iso] = countries[str(country.code_id)] = (country.code_id, str(country.calling_code))
    return billing.Names(
        plans={name: plan.id for name, plan in billing.read_plans(conn).items()},
        countries=countries,
        channels={channel.name: channel.id for channel in routing.list_channels(conn)},
    )


@price.command("list")
@click.option("--plan", help="Of this plan.")
@click.option("--product", type=click.Choice(list(PRODUCT_NAMES)), help="Of this product.")
@click.option("--country", help="Of this country: codeId or ISO code.")
def list_prices(plan: str | None, product: str | None, country: str | None) -> None:
    """List prices; empty fields match everything."""
    with open_change() as conn:
        code_id = routing.find_country(conn, country).code_id if country else None
        found = billing.list_prices(conn, plan, int(PRODUCT_NAMES[product]) if product else None, code_id)
    rows = [_describe(row) for row in found]
    head = ["plan", "product", "country", "prefix", "channel", "price"]
    show(rows, table(head, [[row[name] or "" for name in head] for row in rows]))


def _describe(row: billing.PriceRow) -> dict[str, Any]:
    return {
        "plan": row.plan,
        "product": _NAMES.get(row.product, str(row.product)),
        "country": row.iso,
        "codeId": row.country_id,
        "prefix": row.prefix,
        "channel": row.channel,
        "price": billing.text_of(row.price_micros),
    }


@verbs()
def plan() -> None:
    """Plans: what accounts pay by."""


@plan.command("add")
@click.argument("name")
@click.option("--charge-failed/--refund-failed", default=True, help="What failed at the carrier. Default: charged.")
def add_plan(name: str, charge_failed: bool) -> None:
    """Add a plan. It has no prices until they are imported.

    \b
    Example: tocsin plan add wholesale --refund-failed
    """
    with open_change() as conn:
        billing.add_plan(conn, name, charge_failed=charge_failed)
        facts = {"plan": name, "charge_failed": charge_failed}
        note(conn, "plan add", f"plan {name}", None, facts)
    show(facts, f"plan {name} added; give it prices: tocsin price import FILE.csv")


@plan.command("set")
@click.argument("name")
@click.option("--charge-failed/--refund-failed", required=True, help="What failed at the carrier.")
def set_plan(name: str, charge_failed: bool) -> None:
    """Change a plan."""
    with open_change() as conn:
        before = billing.find_plan(conn, name)
        billing.set_plan(conn, before.id, charge_failed=charge_failed)
        facts = {"charge_failed": charge_failed}
        note_difference(conn, "plan set", f"plan {name}", {"charge_failed": before.charge_failed}, facts)
    show({"plan": name, **facts}, f"{name}: what failed is {'charged' if charge_failed else 'refunded'}")


@plan.command("list")
def list_plans() -> None:
    """List all plans."""
    with open_session() as conn:
        found = list(billing.read_plans(conn).values())
    show(
        [{"plan": each.name, "charge_failed": each.charge_failed} for each in found],
        table(["plan", "failed is charged"], [[each.name, tell_yes(each.charge_failed)] for each in found]),
    )
