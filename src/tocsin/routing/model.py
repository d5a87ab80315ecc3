"""Channels, countries and the answer of routing."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import msgspec

from tocsin.kit.suggest import UnknownNameError

LONGEST_CALL_S = 600
FAILOVER_AFTER_S = 10.0

SANDBOX = "sandbox"
"""The kind of the carrier that delivers to nobody."""


NOWHERE = 0
"""The country of what has none: of email. Only routes and prices of every country, without a prefix, hold there."""


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A talk with one carrier: a row of table channel."""

    id: int
    name: str
    kind: str  # of the carrier
    paused: bool
    rate: int | None  # parts per second; None: no limit
    window: int  # parts under way
    unknown_policy: str  # resend, leave
    max_attempts: int
    longest_call_s: int = LONGEST_CALL_S  # it is hung up then, and so much is reserved when it is accepted
    config: dict[str, Any]
    failover_after_s: float = FAILOVER_AFTER_S  # down for so long in every process: its messages take their next route
    queue_age_s: float | None = None  # ready for so long: the same; None: never


class Country(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A row of table country; `code_id` is the API's codeId."""

    code_id: int
    iso: str
    calling_code: int
    name: str
    name_zh: str
    enabled: bool
    template_required: bool


USUAL_WEIGHT = 100
MOST_WEIGHT = 1000


class RouteRule(NamedTuple):
    """A row of table route. None or "" matches everything."""

    id: int
    account_id: int | None
    plan_id: int | None
    product: int
    country_id: int | None
    prefix: str
    channel_id: int
    preference: int
    action: int | None = None  # traffic.Priority
    sender: str = ""
    start_minute: int | None = None  # of the day; None, as end_minute is then: at any time
    end_minute: int | None = None
    zone: str = ""  # whose clock the two are on
    weight: int = USUAL_WEIGHT  # share among rules that are equal in all else

    @property
    def is_timed(self) -> bool:
        """Whether it holds at some hours alone."""
        return self.start_minute is not None


class Payer(Protocol):
    """What routing knows of an account."""

    @property
    def id(self) -> int:
        """0: nobody's in particular."""

    @property
    def plan_id(self) -> int:
        """Whose prices it pays."""


class Case(NamedTuple):
    """What a send asks, its numbers apart."""

    product: int
    action: int  # traffic.Priority
    sender: str  # "": it names none
    pinned: int | None  # the one channel that it names, and its account was granted
    at_s: float  # when it goes, epoch seconds


class Why(StrEnum):
    """What becomes of a rule for one number."""

    CARRIES = "carries it"
    ACTION = "for another action"
    SENDER = "for another sender"
    HOURS = "its hours are closed"
    PREFIX = "the number does not begin so"
    OUTRANKED = "a more specific rule wins"
    SANDBOX = "a sandbox never stands in for a real carrier"
    REPEATED = "a rule before it names the channel"
    NO_PRICE = "the channel has no price"
    UNDER_MARGIN = "the channel leaves less than the plan's margin"


class Verdict(NamedTuple):
    """A rule, and what becomes of it. `detail`: by what it is outranked."""

    route: RouteRule
    why: Why
    detail: str = ""


class Offer(NamedTuple):
    """A channel that may carry a number: what is charged and what it costs us (micros; None: not known), and what stands
    against it (None: nothing)."""

    channel_id: int
    price_micros: int | None
    cost_micros: int | None
    against: Why | None


class Pick(NamedTuple):
    """Where a number goes, and what a part (message, minute) of it costs."""

    channels: tuple[int, ...]  # in order of preference, no repeats
    unit_price_micros: int


class Explained(NamedTuple):
    """Where a number goes (None: nowhere), and why: the rules, the winners first, and their channels in order."""

    pick: Pick | None
    verdicts: list[Verdict]
    offers: list[Offer]


class RoutingError(ValueError):
    """What cannot be done with channels, routes or countries, as one sentence for the operator."""


class RoutingNameError(UnknownNameError, RoutingError):
    """A name that does not exist; the command line says which ones are close."""


class RouteRow(NamedTuple):
    """A route as people read it; None or "" matches everything."""

    id: int
    product: int
    account: str | None
    plan: str | None
    country_id: int | None
    iso: str | None
    prefix: str
    channel: str
    preference: int
    action: int | None
    sender: str
    start_minute: int | None
    end_minute: int | None
    zone: str
    weight: int
