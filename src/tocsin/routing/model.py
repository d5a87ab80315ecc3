"""Channels, countries and the answer of routing."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

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


class Pick(NamedTuple):
    """Where a number goes, and what a part (message, minute) of it costs."""

    channels: tuple[int, ...]  # in order of preference, no repeats
    unit_price_micros: int


class RoutingError(ValueError):
    """What cannot be done with channels, routes or countries, as one sentence for the operator."""


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
