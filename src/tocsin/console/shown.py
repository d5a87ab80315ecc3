"""Messages as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from django.utils.translation import get_language, gettext_lazy
from django_stubs_ext import StrPromise

from tocsin import billing
from tocsin.content import load_countries
from tocsin.kit.clock import UTC
from tocsin.messaging import LogRow, State
from tocsin.traffic import Product, Reason

STATES: dict[State, StrPromise] = {
    State.UNDER_WAY: gettext_lazy("Under way"),
    State.DELIVERED: gettext_lazy("Delivered"),
    State.FAILED: gettext_lazy("Failed"),
}
COLOURS = {State.UNDER_WAY: "azure", State.DELIVERED: "green", State.FAILED: "red"}
PRODUCTS: dict[Product, StrPromise] = {
    Product.SMS: gettext_lazy("SMS"),
    Product.MMS: gettext_lazy("MMS"),
    Product.VOICE_NOTICE: gettext_lazy("Voice notice"),
    Product.VOICE_OTP: gettext_lazy("Voice code"),
    Product.EMAIL: gettext_lazy("Email"),
}
REASONS: dict[Reason, StrPromise] = {
    Reason.NUMBER_ERROR: gettext_lazy("number error"),
    Reason.DUPLICATE: gettext_lazy("number error"),
    Reason.COUNTRY_ERROR: gettext_lazy("country code error"),
    Reason.NO_ROUTE: gettext_lazy("channel not found"),
    Reason.BLACKLISTED: gettext_lazy("blacklist restriction"),
    Reason.OVER_CAP: gettext_lazy("over the cap"),
    Reason.SPEND_STOP: gettext_lazy("spend limit reached"),
    Reason.SEND_FAILED: gettext_lazy("send failed"),
    Reason.REJECTED: gettext_lazy("rejected by carrier"),
    Reason.UNDELIVERED: gettext_lazy("undelivered"),
    Reason.EXPIRED: gettext_lazy("expired"),
    Reason.NO_RECEIPT: gettext_lazy("no receipt"),
    Reason.ACCOUNT_LOCKED: gettext_lazy("user locked"),
    Reason.CANCELLED: gettext_lazy("cancelled"),
    Reason.BUSY: gettext_lazy("busy"),
    Reason.NO_ANSWER: gettext_lazy("no answer"),
    Reason.CALL_REJECTED: gettext_lazy("call rejected"),
    Reason.UNREACHABLE: gettext_lazy("unreachable"),
}


class Shown(NamedTuple):
    """A row of the log in words."""

    id: str
    accepted: datetime
    product: StrPromise
    phone: str
    country: str
    parts: int
    fee: str
    state: StrPromise
    colour: str
    why: StrPromise | str
    took_s: float | None  # from accept to end


@cache
def _names() -> dict[int, tuple[str, str]]:
    return {row.code_id: (row.name, row.name_zh) for row in load_countries()}


def name_country(code_id: int) -> str:
    """In the visitor's language; "" of none, as email has."""
    return _names().get(code_id, ("", ""))[(get_language() or "").startswith("zh")]


def show_rows(rows: Sequence[LogRow]) -> list[Shown]:
    """Rows in the visitor's language."""
    return [
        Shown(
            row.id,
            datetime.fromtimestamp(row.accepted_at, UTC),
            PRODUCTS[Product(row.product)],
            row.phone,
            name_country(row.country_id),
            row.parts,
            billing.text_of(row.fee_micros),
            STATES[row.state],
            COLOURS[row.state],
            REASONS.get(row.reason, ""),
            None if row.ended_at is None else round(row.ended_at - row.accepted_at, 1),
        )
        for row in rows
    ]
