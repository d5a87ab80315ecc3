"""What products, countries and movements of money are called, in the visitor's language."""

from __future__ import annotations

from functools import cache

from django.utils.translation import get_language, gettext_lazy

from tocsin.console.lazy import StrPromise
from tocsin.content import CountryRow, load_countries
from tocsin.traffic import Product

PRODUCTS: dict[Product, StrPromise] = {
    Product.SMS: gettext_lazy("SMS"),
    Product.MMS: gettext_lazy("MMS"),
    Product.VOICE_NOTICE: gettext_lazy("Voice notice"),
    Product.VOICE_OTP: gettext_lazy("Voice code"),
    Product.EMAIL: gettext_lazy("Email"),
}
MOVEMENTS: dict[str, StrPromise] = {
    "charge": gettext_lazy("Charge"),
    "refund": gettext_lazy("Refund"),
    "charge again": gettext_lazy("Charged again"),
    "recharge": gettext_lazy("Top-up"),
    "gift": gettext_lazy("Gift"),
    "adjustment": gettext_lazy("Adjustment"),
    "opening": gettext_lazy("Carried over"),
}


@cache
def load_all() -> dict[int, CountryRow]:
    """The countries by codeId."""
    return {row.code_id: row for row in load_countries()}


def is_chinese() -> bool:
    """Whether the visitor reads Chinese."""
    return (get_language() or "").startswith("zh")


def name_country(code_id: int) -> str:
    """The country of a codeId; "" for none (email)."""
    row = load_all().get(code_id)
    return "" if row is None else row.name_zh if is_chinese() else row.name


def list_countries() -> list[tuple[int, str]]:
    """All, by name."""
    return sorted(((code, name_country(code)) for code in load_all()), key=lambda each: each[1])
