"""Messages as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext_lazy

from tocsin import billing
from tocsin.console.lazy import StrPromise
from tocsin.console.names import PRODUCTS, name_country
from tocsin.kit.clock import UTC
from tocsin.messaging import LogRow, State
from tocsin.traffic import Product, Reason

STATES: dict[State, StrPromise] = {
    State.UNDER_WAY: gettext_lazy("Under way"),
    State.DELIVERED: gettext_lazy("Delivered"),
    State.FAILED: gettext_lazy("Failed"),
}
COLOURS = {State.UNDER_WAY: "azure", State.DELIVERED: "green", State.FAILED: "red"}
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

STATUSES: dict[int, StrPromise] = {
    0: STATES[State.UNDER_WAY],
    1: STATES[State.DELIVERED],
    2: gettext_lazy("Failed at the carrier"),
    3: gettext_lazy("No channel for it"),
    4: gettext_lazy("Wrong country code"),
    5: gettext_lazy("On a blacklist"),
    -9: gettext_lazy("Wrong number"),
    -10: gettext_lazy("Spend limit reached"),
    -13: gettext_lazy("Account locked"),
    -15: gettext_lazy("Over a cap"),
}
"""Of the API page, as sums are kept by them."""


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
