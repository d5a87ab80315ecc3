"""What this account pays, by country, prefix and product: searched by name, code or number, and as a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import accounts, billing, routing
from tocsin.billing import Offer, Plan, Span, text_of
from tocsin.console.lazy import StrPromise
from tocsin.console.names import PRODUCTS, is_chinese
from tocsin.console.tables import Number, answer_csv
from tocsin.console.tenancy import Member, member, open_look
from tocsin.routing import Country
from tocsin.traffic import Product

PAGE = 50
_FEW, _MANY = 3, 200  # prefixes under a country, in the list of all and where one was searched
_KEPT = 8
_NO_COUNTRY = 0
_COLUMNS = [product for product in Product if product is not Product.EMAIL]  # an address is of no country
_NO_DIGIT = re.compile(r"\D")
_UNITS: dict[Product, StrPromise] = {
    Product.SMS: gettext_lazy("per part"),
    Product.MMS: gettext_lazy("per message"),
    Product.VOICE_NOTICE: gettext_lazy("per minute"),
    Product.VOICE_OTP: gettext_lazy("per minute"),
    Product.EMAIL: gettext_lazy("per mail"),
}
_HOW: dict[Product, StrPromise] = {
    Product.SMS: gettext_lazy(
        "A part holds 160 characters, or 70 where one is not of the GSM alphabet. Longer texts go in parts of 153 or 67."
    ),
    Product.MMS: gettext_lazy("One price for the message with all its files."),
    Product.VOICE_NOTICE: gettext_lazy("For each minute that begins, from the answer on. What nobody answers costs nothing."),
    Product.VOICE_OTP: gettext_lazy("As a voice notice: nearly always one minute."),
    Product.EMAIL: gettext_lazy("One price for each recipient, attachments included, wherever he is."),
}  # fmt: skip
_offers: dict[tuple[int, int], Offer] = {}


class Row(NamedTuple):
    """A country, or a prefix of it: the prices in the order of the columns."""

    prefix: str
    prices: list[str]


class Place(NamedTuple):
    """A country with its prefixes."""

    name: str
    iso: str
    calling_code: int
    row: Row
    prefixes: list[Row]
    hidden: int  # so many more prefixes


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The list, or what fits the search."""
    asked, after = request.GET.get("q", "").strip()[:60], request.GET.get("after", "")
    plan, offer, countries = _read(who)
    found = search(countries, asked)
    begin = next((at + 1 for at, country in enumerate(found) if country.iso == after), 0)
    page = found[begin : begin + PAGE]
    more = ""
    if len(found) > begin + PAGE:
        more = "?" + urlencode({"q": asked, "after": page[-1].iso})
    digits = _NO_DIGIT.sub("", asked).removeprefix("00")
    facts = {
        "places": [_show(offer, country, digits, _MANY if asked else _FEW) for country in page], "q": asked, "more": more,
        "deep": begin > 0, "charges_failed": plan.charge_failed, "columns": [(PRODUCTS[each], _UNITS[each]) for each in _COLUMNS],
        "how": [(PRODUCTS[each], _UNITS[each], _HOW[each]) for each in Product],
        "email": tell(offer.find(Product.EMAIL, "", _NO_COUNTRY)),
    }  # fmt: skip
    return render(request, "console/prices.html", facts)


def _read(who: Member) -> tuple[Plan, Offer, list[Country]]:
    """The account's plan, its prices (kept until any price changes), the countries by their name."""
    with open_look() as conn:
        plan = billing.find_plan(conn, accounts.find_account(conn, who.account).plan)
        key = (plan.id, billing.read_price_version(conn))
        offer = _offers.get(key)
        if offer is None:
            offer = billing.read_offer(conn, plan.id)
            if len(_offers) >= _KEPT:
                _offers.clear()
            _offers[key] = offer
        countries = [country for country in routing.list_countries(conn) if country.enabled]
    # Chinese names in the order of their English ones: an order by strokes or pinyin is not in Python.
    return plan, offer, sorted(countries, key=lambda country: country.name)


def search(countries: Iterable[Country], asked: str) -> list[Country]:
    """Those whose name, ISO code or codeId fits, or with whose calling code a number begins. Exact ones first."""
    countries, word = list(countries), asked.strip().casefold()
    if not word:
        return countries
    digits = word.removeprefix("+").removeprefix("00")
    if digits.isdecimal():
        by_code = [each for each in countries if str(each.code_id) == digits]
        called = [each for each in countries if digits.startswith(str(each.calling_code))]
        return by_code or called or [each for each in countries if str(each.calling_code).startswith(digits)]
    exact = [each for each in countries if word in {each.iso.casefold(), each.name.casefold(), each.name_zh}]
    return exact + [
        each for each in countries if each not in exact and (word in each.name.casefold() or word in each.name_zh)
    ]


def _show(offer: Offer, country: Country, digits: str, most: int) -> Place:
    code = str(country.calling_code)
    prefixes = offer.list_prefixes(country.code_id, code, digits if digits.startswith(code) else "")
    return Place(
        country.name_zh if is_chinese() else country.name,
        country.iso,
        country.calling_code,
        _price(offer, country, code),
        [_price(offer, country, prefix) for prefix in prefixes[:most]],
        max(0, len(prefixes) - most),
    )


def _price(offer: Offer, country: Country, digits: str) -> Row:
    return Row(digits, [tell(offer.find(product, digits, country.code_id)) for product in _COLUMNS])


def tell(span: Span | None) -> str:
    """The price; both ends where it depends on the channel."""
    if span is None:
        return "–"
    low, high = text_of(span.low_micros), text_of(span.high_micros)
    return low if low == high else f"{low} – {high}"


@require_safe
@never_cache
@member()
def save(request: HttpRequest, who: Member) -> HttpResponse:  # noqa: ARG001  a view
    """All of it as a file."""
    _plan, offer, countries = _read(who)
    head = [
        _("Country"),
        "ISO",
        _("Calling code"),
        _("Prefix"),
        _("Product"),
        _("Unit"),
        _("Price"),
        _("Highest price"),
        _("Currency"),
    ]
    return answer_csv(f"prices-{who.account}", head, _list_cells(offer, countries, who.currency))


def _list_cells(offer: Offer, countries: Iterable[Country], currency: str) -> Iterator[list[object]]:
    email = offer.find(Product.EMAIL, "", _NO_COUNTRY)
    if email is not None:
        yield ["", "", "", "", PRODUCTS[Product.EMAIL], _UNITS[Product.EMAIL], *_tell_both(email), currency]
    for country in countries:
        name, code = country.name_zh if is_chinese() else country.name, str(country.calling_code)
        for digits in (code, *offer.list_prefixes(country.code_id, code)):
            for product in _COLUMNS:
                span = offer.find(product, digits, country.code_id)
                if span is not None:
                    prefix = "" if digits == code else digits
                    yield [
                        name,
                        country.iso,
                        country.calling_code,
                        prefix,
                        PRODUCTS[product],
                        _UNITS[product],
                        *_tell_both(span),
                        currency,
                    ]


def _tell_both(span: Span) -> tuple[Number, Number]:
    return Number(text_of(span.low_micros)), Number(text_of(span.high_micros))
