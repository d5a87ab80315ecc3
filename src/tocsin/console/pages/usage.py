"""Usage of a month: messages, parts and cost by day, product and country, from the sums by day. It agrees with the statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import billing
from tocsin.billing import TrafficDay, text_of
from tocsin.console.names import PRODUCTS, name_country
from tocsin.console.pages.ledger import find_month
from tocsin.console.tables import Number, answer_csv
from tocsin.console.tenancy import Member, member, open_look
from tocsin.kit import clock
from tocsin.traffic import Product

_COLOURS = {
    Product.SMS: "azure",
    Product.MMS: "purple",
    Product.VOICE_NOTICE: "orange",
    Product.VOICE_OTP: "yellow",
    Product.EMAIL: "teal",
}


class Row(NamedTuple):
    """A line of a table; `share`: percent of the month's cost."""

    name: object
    country: str
    messages: int
    parts: int
    cost: str
    share: int


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A month."""
    first, months, found = _read(request, who)
    cost = sum(row.cost_micros for row in found)
    by_place = billing.sum_traffic(found, first)
    facts = {
        "first": first, "months": months, "has_rows": bool(found),
        "sent": sum(row.messages for row in found), "parts": sum(row.parts for row in found), "cost": text_of(cost),
        "places": [
            Row(PRODUCTS[Product(row.product)], name_country(row.country_id), row.messages, row.parts, text_of(row.cost_micros),
                round(100 * row.cost_micros / cost) if cost else 0)
            for row in sorted(by_place, key=lambda row: (-row.cost_micros, -row.messages, row.product, row.country_id))
        ],
        "days": _sum_days(found),
        "chart": _describe_chart(found, first),
    }  # fmt: skip
    return render(request, "console/usage.html", facts)


@require_safe
@never_cache
@member()
def save(request: HttpRequest, who: Member) -> HttpResponse:
    """The month as a file: a row for each day, product and country."""
    first, _months, found = _read(request, who)
    head = ["day", "product", "country", "messages", "parts", f"cost ({who.currency})"]
    rows = [
        [row.day, PRODUCTS[Product(row.product)], name_country(row.country_id), row.messages, row.parts,
         Number(text_of(row.cost_micros))]
        for row in found
    ]  # fmt: skip
    return answer_csv(f"usage-{who.account}-{first:%Y-%m}", head, rows)


def _read(request: HttpRequest, who: Member) -> tuple[date, list[date], list[TrafficDay]]:
    with open_look() as conn:
        months = billing.list_months(conn, who.account_id, clock.now().date())
        first = find_month(request.GET.get("month", ""), months)
        return first, months, billing.read_traffic(conn, who.account_id, first, billing.next_month(first))


def _sum_days(found: Iterable[TrafficDay]) -> list[tuple[date, int, int, str]]:
    sums: dict[date, list[int]] = {}
    for row in found:
        into = sums.setdefault(row.day, [0, 0, 0])
        for place, value in enumerate((row.messages, row.parts, row.cost_micros)):
            into[place] += value
    return [(day, values[0], values[1], text_of(values[2])) for day, values in sorted(sums.items(), reverse=True)]


def _describe_chart(found: Iterable[TrafficDay], first: date) -> dict[str, object]:
    """Messages by day, a series for each product that has any."""
    counts = Counter[tuple[int, date]]()
    for row in found:
        counts[row.product, row.day] += row.messages
    days = [first + timedelta(days=turn) for turn in range((billing.next_month(first) - first).days)]
    used = [product for product in Product if any(counts[product, day] for day in days)]
    return {
        "labels": [date_format(day, "j") for day in days],
        "series": [
            {
                "label": str(PRODUCTS[product]),
                "colour": _COLOURS[product],
                "values": [counts[product, day] for day in days],
            }
            for product in used
        ],
    }
