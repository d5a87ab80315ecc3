"""Verbs over plans and prices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from tocsin import billing, routing
from tocsin.cli.base import FAILED, Choice, Refusal, open_session, show, table, verbs
from tocsin.cli.change import Conn, given, note, note_difference, open_change, tell_yes
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
    return import_list(file, billing.PRICES, billing.import_prices)


def import_list(
    file: Path, sheet: billing.Sheet, put_in: Callable[[Conn, list[billing.PriceRule]], list[billing.PriceRule]]
) -> int:
    """Read a list of that kind, put it in and audit it; the exit code. Each wrong row is shown. Raises Refusal."""
    kind = sheet.columns[-1]
    data = file.read_bytes()
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not UTF-8 text") from None
    with open_change() as conn:
        rules, bad = billing.read_price_list(lines, _read_names(conn), sheet)
        if not bad:
            replaced = put_in(conn, rules)
            facts = {"file": file.name, "sha256": hashlib.sha256(data).hexdigest(), "rows": len(rules)}
            note(conn, f"{kind} import", f"{kind}s", {"replaced": [rule._asdict() for rule in replaced]}, facts)
    if bad:
        errors = [{"line": row.line, "why": row.why} for row in bad]
        said = "\n".join(f"line {row.line}: {row.why}" for row in bad)
        show({"imported": 0, "errors": errors}, f"{said}\nNothing was imported: {len(bad)} of the rows are wrong.")
        return FAILED
    show({"imported": len(rules), "errors": []}, f"{len(rules)} {kind}s imported")
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
@click.option("--product", type=Choice(list(PRODUCT_NAMES)), help="Of this product.")
@click.option("--country", help="Of this country: codeId or ISO code.")
def list_prices(plan: str | None, product: str | None, country: str | None) -> None:
    """List prices; empty fields match everything."""
    with open_change() as conn:
        code_id = routing.find_country(conn, country).code_id if country else None
        if plan is not None:
            billing.find_plan(conn, plan)
        found = billing.list_prices(conn, plan, int(PRODUCT_NAMES[product]) if product else None, code_id)
    show_list(found, billing.PRICES)


def show_list(found: Sequence[billing.PriceRow], sheet: billing.Sheet) -> None:
    """Print prices or costs under the columns of their lists."""
    rows = [_describe(row, sheet) for row in found]
    show(rows, table(sheet.columns, [[row[name] or "" for name in sheet.columns] for row in rows]))


def _describe(row: billing.PriceRow, sheet: billing.Sheet) -> dict[str, Any]:
    facts = {
        "plan": row.plan,
        "product": _NAMES.get(row.product, str(row.product)),
        "country": row.iso,
        "prefix": row.prefix,
        "channel": row.channel,
        sheet.columns[-1]: billing.text_of(row.price_micros),
    }
    return {**{name: facts[name] for name in sheet.columns}, "codeId": row.country_id}


@verbs()
def plan() -> None:
    """Plans: what accounts pay by."""


class Margin(click.ParamType[int]):
    """Percent of the price, or `none` (-1 after conversion)."""

    name = "percent|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "none":
            return -1
        if not (str(value).isascii() and str(value).isdigit()) or int(value) > billing.MOST_MARGIN_PERCENT:
            self.fail(f"{value!r} is neither a percentage up to {billing.MOST_MARGIN_PERCENT} nor `none`", param, ctx)
        return int(value)


def _options(verb: Any) -> Any:
    for option in (
        click.option(
            "--by-cost/--by-weight", "by_cost", default=None,
            help="Routes of equal preference: the cheapest channel first, or shared by weight (default).",
        ),
        click.option(
            "--min-margin", "min_margin", type=Margin(),
            help="Percent of the price that a channel must leave, where its cost is known; `none`.",
        ),
        click.option(
            "--charge-failed/--refund-failed", default=None, help="What failed at the carrier. Default: charged."
        ),
    ):  # fmt: skip
        verb = option(verb)
    return verb


def _read_options(min_margin: int | None, **options: Any) -> dict[str, Any]:
    changes = given(**options)
    if min_margin is not None:
        changes["min_margin_percent"] = None if min_margin < 0 else min_margin
    return changes


@plan.command("add")
@click.argument("name")
@_options
def add_plan(name: str, **options: Any) -> None:
    """Add a plan. It has no prices until they are imported.

    \b
    Example: tocsin plan add wholesale --refund-failed --min-margin 10
    """
    with open_change() as conn:
        billing.add_plan(conn, name, **_read_options(**options))
        facts = _describe_plan(billing.find_plan(conn, name))
        note(conn, "plan add", f"plan {name}", None, facts)
    show(facts, f"plan {name} added; give it prices: tocsin price import FILE.csv")


@plan.command("set")
@click.argument("name")
@_options
def set_plan(name: str, **options: Any) -> None:
    """Change a plan; what is not named stays.

    \b
    Example: tocsin plan set wholesale --min-margin 15 --by-cost
    """
    changes = _read_options(**options)
    if not changes:
        raise click.UsageError("nothing to set: name at least one option")
    with open_change() as conn:
        before, after = billing.set_plan(conn, name, **changes)
        facts = _describe_plan(after)
        changed = note_difference(conn, "plan set", f"plan {name}", _describe_plan(before), facts)
    said = ", ".join(f"{field.replace('_', ' ')} {_tell(value)}" for field, value in changed.items())
    show(facts, f"{name}: {said or 'it was so already'}")


@plan.command("list")
def list_plans() -> None:
    """List all plans."""
    with open_session() as conn:
        found = [_describe_plan(each) for each in billing.read_plans(conn).values()]
    head = ["plan", "failed is charged", "margin", "by cost"]
    show(found, table(head, [[_tell(value) for value in each.values()] for each in found]))


def _describe_plan(plan: billing.Plan) -> dict[str, Any]:
    return {
        "plan": plan.name,
        "charge_failed": plan.charge_failed,
        "min_margin_percent": plan.min_margin_percent,
        "by_cost": plan.by_cost,
    }


def _tell(value: Any) -> str:
    if isinstance(value, bool):
        return tell_yes(value)
    return "none" if value is None else str(value)
