"""Pure: which rules a send meets, and which of these win.

The most specific ones win alone. One thing after the other decides, each only among what is equal in those before it: the
account's own rules, then its plan's, then everybody's; the longest prefix; a rule of the country; of the sender; of the
action; of some hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tocsin.content import find_zone, within_hours
from tocsin.routing.model import SANDBOX, Case, Channel, Country, RouteRule, Verdict, Why

LEVELS = ("account or plan", "prefix", "country", "sender", "action", "hours")
"""The places of `measure`."""


def measure(route: RouteRule) -> tuple[int, int, int, int, int, int]:
    """How specific a rule is, the least first."""
    return (
        0 if route.account_id is not None else 1 if route.plan_id is not None else 2,
        -len(route.prefix),
        0 if route.country_id is not None else 1,
        0 if route.sender else 1,
        0 if route.action is not None else 1,
        0 if route.is_timed else 1,
    )


def concerns(route: RouteRule, owner: int, plan_id: int, country: Country | None) -> bool:
    """Whether a number of that country and account can meet the rule. A prefix counts alone, as in billing.prices."""
    if route.account_id is not None and route.account_id != owner:
        return False
    if route.plan_id is not None and route.plan_id != plan_id:
        return False
    if country is None:
        return not route.prefix and route.country_id is None
    if route.prefix:
        calling_code = str(country.calling_code)
        return route.prefix.startswith(calling_code) or calling_code.startswith(route.prefix)
    return route.country_id is None or route.country_id == country.code_id


def find_mismatch(route: RouteRule, case: Case) -> Why | None:
    """Why a send does not meet the rule, whatever its numbers; None: it does."""
    if route.action is not None and route.action != case.action:
        return Why.ACTION
    if route.sender and route.sender != case.sender:
        return Why.SENDER
    return None if is_open(route, case.at_s) else Why.HOURS


def is_open(route: RouteRule, at_s: float) -> bool:
    """Whether its hours are on, by the clocks of its zone as they show: an hour that a change skips or repeats is skipped or
    repeated here too."""
    if route.start_minute is None or route.end_minute is None:
        return True
    zone = find_zone(route.zone)
    if zone is None:
        return False
    local = datetime.fromtimestamp(at_s, zone)
    return within_hours(route.start_minute, route.end_minute, local.hour * 60 + local.minute)


def judge(routes: Iterable[RouteRule], digits: str, channels: Mapping[int, Channel]) -> list[Verdict]:
    """What becomes of each rule for a number that begins with `digits`: those that win by preference, then the others."""
    lost: list[Verdict] = []
    meeting: list[RouteRule] = []
    for route in routes:
        if digits.startswith(route.prefix):
            meeting.append(route)
        else:
            lost.append(Verdict(route, Why.PREFIX))
    best = min(map(measure, meeting), default=None)
    winners: list[RouteRule] = []
    for route in meeting:
        place = measure(route)
        if best is None or place == best:
            winners.append(route)
        else:
            level = next(name for name, own, other in zip(LEVELS, place, best, strict=True) if own != other)
            lost.append(Verdict(route, Why.OUTRANKED, level))
    return _sort_out(winners, channels) + lost


def _sort_out(winners: list[RouteRule], channels: Mapping[int, Channel]) -> list[Verdict]:
    """A sandbox never stands in for a real carrier: what it "delivers" reaches nobody."""
    winners.sort(key=lambda route: (route.preference, route.id))
    has_real = any(channels[route.channel_id].kind != SANDBOX for route in winners)
    seen: set[int] = set()
    verdicts = []
    for route in winners:
        why = Why.CARRIES
        if has_real and channels[route.channel_id].kind == SANDBOX:
            why = Why.SANDBOX
        elif route.channel_id in seen:
            why = Why.REPEATED
        seen.add(route.channel_id)
        verdicts.append(Verdict(route, why))
    return verdicts
