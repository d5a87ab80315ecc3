"""Wallets, ledger entries, plans and prices."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from tocsin.kit.suggest import UnknownNameError

RECHARGE, GIFT, ADJUSTMENT, OPENING = "recharge", "gift", "adjustment", "opening"
CHARGE, REFUND, CHARGE_AGAIN = "charge", "refund", "charge again"


class BillingError(ValueError):
    """What cannot be done with money or prices, as one sentence for the operator."""


class BillingNameError(UnknownNameError, BillingError):
    """A name that does not exist; the command line says which ones are close."""


class Wallet(NamedTuple):
    """The pots of an account, micro-units. Credit is a line, not money: it is in no ledger entry."""

    balance_micros: int
    gift_micros: int
    credit_micros: int


class Entry(NamedTuple):
    """A movement of money; amounts are signed."""

    id: int
    at: datetime
    kind: str
    balance_micros: int
    gift_micros: int
    balance_after: int
    batch_no: int | None
    messages: int
    note: str


class DaySum(NamedTuple):
    """The ledger's entries of one kind and day; amounts are signed micro-units."""

    day: date
    kind: str
    balance_micros: int
    gift_micros: int
    entries: int
    messages: int


class TrafficDay(NamedTuple):
    """What went to a country on a day; micro-units charged at accept, and returned later (less what was charged again)."""

    day: date
    product: int
    country_id: int
    messages: int
    parts: int
    charged_micros: int
    returned_micros: int

    @property
    def cost_micros(self) -> int:
        return self.charged_micros - self.returned_micros


class Alert(NamedTuple):
    """The alert of an account, and what it has left now; micro-units."""

    threshold_micros: int
    addresses: list[str]
    left_micros: int

    @property
    def is_low(self) -> bool:
        """Whether less than the threshold is left."""
        return self.left_micros < self.threshold_micros


class Fall(NamedTuple):
    """An account that fell below its threshold, claimed by the caller."""

    account_id: int
    account: str
    language: str  # en, zh
    currency: str
    threshold_micros: int
    left_micros: int
    addresses: list[str]
    told_at: datetime
    display_name: str


class Mismatch(NamedTuple):
    """An account whose entries do not add up. `name` None: no such account; wallet None: it has none."""

    account_id: int
    name: str | None
    wallet_balance: int | None
    wallet_gift: int | None
    ledger_balance: int
    ledger_gift: int


class Plan(NamedTuple):
    """`charge_failed`: what failed at the carrier is charged, else refunded.

    `min_margin_percent`: a channel that is known to leave less of the price is not used; None: costs exclude none.
    `by_cost`: of routes of equal preference the one with the cheapest channel goes first, else they share by weight.
    """

    id: int
    name: str
    charge_failed: bool = True
    min_margin_percent: int | None = None
    by_cost: bool = False


NO_PLAN = 0
"""The plan of a rule that says what a carrier takes from us."""


class PriceRule(NamedTuple):
    """A row of table price; of table cost too: of NO_PLAN then, with a channel. None or "" matches everything."""

    plan_id: int
    product: int
    country_id: int | None
    prefix: str
    channel_id: int | None
    price_micros: int


class PriceRow(NamedTuple):
    """A price as people read it; `plan` "": a cost."""

    plan: str
    product: int
    country_id: int | None
    iso: str | None
    prefix: str
    channel: str | None
    price_micros: int
