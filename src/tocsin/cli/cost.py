"""Verbs over costs: what channels take from us."""

from __future__ import annotations

from pathlib import Path

import click

from tocsin import billing, routing
from tocsin.cli.base import Choice, verbs
from tocsin.cli.change import open_change
from tocsin.cli.price import import_list, show_list
from tocsin.traffic import PRODUCT_NAMES


@verbs()
def cost() -> None:
    """Costs: what channels take from us, by product, country and prefix."""


@cost.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> int:
    """Import costs from a CSV file: all of it, or nothing where a row is wrong (each is named with its line).

    Columns: channel, product, country, prefix, cost: of a part (SMS), message (MMS, email) or minute (voice). Country and
    prefix may be empty and match everything then. A row with the same first four replaces the cost that was there.

    Costs are charged to nobody: they are what `plan set --min-margin` and `--by-cost` look at.

    \b
    channel,product,country,prefix,cost
    east,sms,ID,,0.014
    east,sms,ID,62811,0.012
    """
    return import_list(file, billing.COSTS, billing.import_costs)


@cost.command("list")
@click.option("--channel", help="Of this channel.")
@click.option("--product", type=Choice(list(PRODUCT_NAMES)), help="Of this product.")
@click.option("--country", help="Of this country: codeId or ISO code.")
def list_costs(channel: str | None, product: str | None, country: str | None) -> None:
    """List costs; empty fields match everything."""
    with open_change() as conn:
        channel_id = routing.find_channel(conn, channel).id if channel else None
        code_id = routing.find_country(conn, country).code_id if country else None
        found = billing.list_costs(conn, channel_id, int(PRODUCT_NAMES[product]) if product else None, code_id)
    show_list(found, billing.COSTS)
