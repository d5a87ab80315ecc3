"""Price lists that operators hand in: a CSV is imported whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import NO_PLAN, BillingError, BillingNameError, Plan, PriceRow, PriceRule
from tocsin.billing.money import to_micros
from tocsin.kit.suggest import join, suggest
from tocsin.traffic import PRODUCT_NAMES

MOST_MARGIN_PERCENT = 99


class Sheet(NamedTuple):
    """What a kind of price list has in its columns; the last one is the money."""

    columns: tuple[str, ...]
    needed: tuple[str, ...]


PRICES = Sheet(("plan", "product", "country", "prefix", "channel", "price"), ("plan", "product", "price"))
COSTS = Sheet(("channel", "product", "country", "prefix", "cost"), ("channel", "product", "cost"))


class Names(NamedTuple):
    """What the words of a price list stand for. `countries`: by ISO code and by codeId as text."""

    plans: Mapping[str, int]
    countries: Mapping[str, tuple[int, str]]  # -> codeId, calling code
    channels: Mapping[str, int]


class BadRow(NamedTuple):
    """A row that cannot be imported; lines count from 1, the header's."""

    line: int
    why: str


def read_price_list(lines: Iterable[str], names: Names, sheet: Sheet = PRICES) -> tuple[list[PriceRule], list[BadRow]]:
    """Rules of a CSV with a header, and every row that is wrong. Raises BillingError for a header that is wrong."""
    reader = csv.DictReader(lines, skipinitialspace=True)
    header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    _check_header(header, sheet)
    reader.fieldnames = header
    seen: dict[PriceRule, int] = {}
    rules: list[PriceRule] = []
    bad: list[BadRow] = []
    for row in reader:
        line = reader.line_num
        try:
            rule = _read_rule(row, names, sheet)
            first = seen.setdefault(rule._replace(price_micros=0), line)
            if first != line:
                raise BillingError(f"the same {_name_key(sheet)} as line {first}")
            rules.append(rule)
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    return rules, bad


def _name_key(sheet: Sheet) -> str:
    *others, last = sheet.columns[:-1]
    return f"{', '.join(others)} and {last}"


def _check_header(header: list[str], sheet: Sheet) -> None:
    missing = [name for name in sheet.needed if name not in header]
    if missing:
        raise BillingError(f"line 1 must name the columns {', '.join(sheet.columns)}; missing: {', '.join(missing)}")
    unknown = [name for name in header if name not in sheet.columns]
    if unknown:
        raise BillingError(f"line 1 names unknown columns: {', '.join(unknown) or 'a blank one'}")


def _read_rule(row: Mapping[str | None, str | list[str] | None], names: Names, sheet: Sheet) -> PriceRule:
    if None in row:
        raise BillingError("more fields than columns")
    cell = {key: value.strip() for key, value in row.items() if key is not None and isinstance(value, str)}
    country = cell.get("country", "").upper()
    channel, money = cell.get("channel", ""), sheet.columns[-1]
    for name in sheet.needed:
        if not cell.get(name):
            raise BillingError(f"{name} is missing")
    code_id, calling_code = names.countries[_known(names.countries, country, "country")] if country else (None, "")
    return PriceRule(
        plan_id=names.plans[_known(names.plans, cell["plan"], "plan")] if "plan" in sheet.columns else NO_PLAN,
        product=PRODUCT_NAMES[_known(PRODUCT_NAMES, cell["product"].lower(), "product")],
        country_id=code_id,
        prefix=read_prefix(cell.get("prefix", ""), calling_code),
        channel_id=names.channels[_known(names.channels, channel, "channel")] if channel else None,
        price_micros=_read_money(cell[money], money),
    )


def _known(known: Mapping[str, object], word: str, column: str) -> str:
    if word not in known:
        raise BillingError(join(f"unknown {column} {word!r}", suggest(word, list(known))))
    return word


def read_prefix(text: str, calling_code: str = "") -> str:
    """A prefix of numbers as digits with country code; "" is none. Raises BillingError."""
    digits = text.strip().removeprefix("+")
    if not digits:
        return ""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
        raise BillingError(f"prefix {text!r} is not 1 to 15 digits")
    if not digits.startswith(calling_code):
        raise BillingError(f"prefix {digits} does not begin with the country's calling code {calling_code}")
    return digits


def _read_money(text: str, column: str) -> int:
    micros = to_micros(text)
    if micros < 0:
        raise BillingError(f"{column} {text} is negative")
    return micros


def import_prices(conn: Connection[TupleRow], rules: Iterable[PriceRule]) -> list[PriceRule]:
    """Put the rules in, in place of those of the same key; the first 1,000 of these that had another price."""
    return store.merge_prices(conn, rules)


def import_costs(conn: Connection[TupleRow], rules: Iterable[PriceRule]) -> list[PriceRule]:
    """The same for what channels cost."""
    return store.merge_costs(conn, rules)


def list_costs(
    conn: Connection[TupleRow],
    channel_id: int | None = None,
    product: int | None = None,
    country_id: int | None = None,
) -> list[PriceRow]:
    """Costs as people read them, of a channel, product or country."""
    return store.list_costs(conn, channel_id, product, country_id)


def list_prices(
    conn: Connection[TupleRow], plan: str | None = None, product: int | None = None, country_id: int | None = None
) -> list[PriceRow]:
    """Prices as people read them, of a plan, product or country."""
    return store.list_prices(conn, plan, product, country_id)


def read_plans(conn: Connection[TupleRow]) -> dict[str, Plan]:
    """All plans by name."""
    return {plan.name: plan for plan in store.read_plans(conn)}


def find_plan(conn: Connection[TupleRow], name: str) -> Plan:
    """The plan of that name. Raises BillingError."""
    plan = read_plans(conn).get(name)
    if plan is None:
        raise BillingNameError("plan", name)
    return plan


def add_plan(conn: Connection[TupleRow], name: str, **settings: Any) -> int:
    """Id of a new plan, without prices; `settings`: fields of Plan. Raises BillingError."""
    plan = Plan(0, name, **settings)
    _check_plan(plan)
    plan_id = store.insert_plan(conn, plan)
    if plan_id is None:
        raise BillingError(f"there is a plan {name} already")
    return plan_id


def set_plan(conn: Connection[TupleRow], name: str, **changes: Any) -> tuple[Plan, Plan]:
    """Change fields of Plan; the plan before and after. Raises BillingError."""
    before = find_plan(conn, name)
    after = before._replace(**changes)
    _check_plan(after)
    store.update_plan(conn, after)
    return before, after


def _check_plan(plan: Plan) -> None:
    if plan.min_margin_percent is not None and not 0 <= plan.min_margin_percent <= MOST_MARGIN_PERCENT:
        raise BillingError(f"a margin is 0 to {MOST_MARGIN_PERCENT} percent of the price, or none")
