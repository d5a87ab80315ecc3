"""Price lists that operators hand in: a CSV is imported whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import BillingError, Plan, PriceRow, PriceRule
from tocsin.billing.money import to_micros
from tocsin.traffic import PRODUCT_NAMES

COLUMNS = ("plan", "product", "country", "prefix", "channel", "price")
_NEEDED = ("plan", "product", "price")


class Names(NamedTuple):
    """What the words of a price list stand for. `countries`: by ISO code and by codeId as text."""

    plans: Mapping[str, int]
    countries: Mapping[str, tuple[int, str]]  # -> codeId, calling code
    channels: Mapping[str, int]


class BadRow(NamedTuple):
    """A row that cannot be imported; lines count from 1, the header's."""

    line: int
    why: str


def read_price_list(lines: Iterable[str], names: Names) -> tuple[list[PriceRule], list[BadRow]]:
    """Rules of a CSV with a header, and every row that is wrong. Raises BillingError for a header that is wrong."""
    reader = csv.DictReader(lines, skipinitialspace=True)
    header = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    _check_header(header)
    reader.fieldnames = header
    seen: dict[PriceRule, int] = {}
    rules: list[PriceRule] = []
    bad: list[BadRow] = []
    for row in reader:
        line = reader.line_num
        try:
            rule = _read_rule(row, names)
            first = seen.setdefault(rule._replace(price_micros=0), line)
            if first != line:
                raise BillingError(f"the same plan, product, country, prefix and channel as line {first}")
            rules.append(rule)
        except ValueError as error:
            bad.append(BadRow(line, str(error)))
    return rules, bad


def _check_header(header: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in header]
    if missing:
        raise BillingError(f"line 1 must name the columns {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    unknown = [name for name in header if name not in COLUMNS]
    if unknown:
        raise BillingError(f"line 1 names unknown columns: {', '.join(unknown) or 'a blank one'}")


def _read_rule(row: Mapping[str | None, str | list[str] | None], names: Names) -> PriceRule:
    if None in row:
        raise BillingError("more fields than columns")
    cell = {key: value.strip() for key, value in row.items() if key is not None and isinstance(value, str)}
    country = cell.get("country", "").upper()
    channel = cell.get("channel", "")
    code_id, calling_code = names.countries[_known(names.countries, country, "country")] if country else (None, "")
    return PriceRule(
        plan_id=names.plans[_known(names.plans, cell.get("plan", ""), "plan")],
        product=PRODUCT_NAMES[_known(PRODUCT_NAMES, cell.get("product", "").lower(), "product")],
        country_id=code_id,
        prefix=read_prefix(cell.get("prefix", ""), calling_code),
        channel_id=names.channels[_known(names.channels, channel, "channel")] if channel else None,
        price_micros=_read_price(cell.get("price", "")),
    )


def _known(known: Mapping[str, object], word: str, column: str) -> str:
    if word not in known:
        raise BillingError(f"unknown {column} {word!r}" if word else f"{column} is missing")
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


def _read_price(text: str) -> int:
    if not text:
        raise BillingError("price is missing")
    micros = to_micros(text)
    if micros < 0:
        raise BillingError(f"price {text} is negative")
    return micros


def import_prices(conn: Connection[TupleRow], rules: Iterable[PriceRule]) -> list[PriceRule]:
    """Put the rules in, in place of those of the same key; the first 1,000 of these that had another price."""
    return store.merge_prices(conn, rules)


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
        raise BillingError(f"there is no plan {name}")
    return plan


def add_plan(conn: Connection[TupleRow], name: str, *, charge_failed: bool = True) -> int:
    """Id of a new plan, without prices. Raises BillingError."""
    plan_id = store.insert_plan(conn, name, charge_failed=charge_failed)
    if plan_id is None:
        raise BillingError(f"there is a plan {name} already")
    return plan_id


def set_plan(conn: Connection[TupleRow], plan_id: int, *, charge_failed: bool) -> None:
    """Whether failed messages are charged under the plan."""
    store.update_plan(conn, plan_id, charge_failed=charge_failed)
