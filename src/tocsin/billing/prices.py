"""Price rules and costs in memory. The longest prefix's, then the channel's own, then the country's, then the plan's.

A rule with a prefix holds for every number that begins with it, whatever its country says: countries that share a
calling code are told apart by the number. Its country only breaks ties between rules of the same prefix.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from tocsin.billing import store
from tocsin.billing.model import PriceRule
from tocsin.kit.db import Session

_Rules = dict[tuple[int | None, int | None], int]  # (channel, country) -> micros


class Tariff:
    """The rules of one plan and product; of NO_PLAN: what the channels cost us, each rule of one channel."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, _Rules] = {}
        self._sorted: list[str] = []

    def add(self, rule: PriceRule) -> None:
        """Take a rule in; done() comes after the last."""
        self._by_prefix.setdefault(rule.prefix, {})[(rule.channel_id, rule.country_id)] = rule.price_micros

    def done(self) -> None:
        """All rules are in."""
        self._sorted = sorted(self._by_prefix)

    def prefixes(self, calling_code: str) -> set[str]:
        """Prefixes of rules that a number with this calling code can meet; "" is none."""
        first = bisect_left(self._sorted, calling_code)
        last = bisect_left(self._sorted, calling_code + ":")  # ":" sorts after the digits
        shorter = {calling_code[:length] for length in range(1, len(calling_code))}
        return set(self._sorted[first:last]) | (shorter & self._by_prefix.keys())

    def find(self, digits: str, country_id: int, channel_id: int) -> int | None:
        """Price in micro-units of a number of that country that begins with `digits`; None: no price."""
        for length in range(len(digits), -1, -1):
            rules = self._by_prefix.get(digits[:length])
            price = None if rules is None else _best(rules, country_id, channel_id, any_country=length > 0)
            if price is not None:
                return price
        return None


def _best(rules: _Rules, country_id: int, channel_id: int, *, any_country: bool) -> int | None:
    for channel in (channel_id, None):
        for country in (country_id, None):
            if (channel, country) in rules:
                return rules[(channel, country)]
        if any_country:
            others = [price for (rule_channel, _), price in rules.items() if rule_channel == channel]
            if others:
                return max(others)  # two countries claim this prefix, neither is the number's: never sold too cheap
    return None


class PriceBook:
    """All tariffs, by plan and product."""

    def __init__(self, rules: Iterable[PriceRule] = ()) -> None:
        self._tariffs: dict[tuple[int, int], Tariff] = {}
        for rule in rules:
            self._tariffs.setdefault((rule.plan_id, rule.product), Tariff()).add(rule)
        for tariff in self._tariffs.values():
            tariff.done()

    def tariff(self, plan_id: int, product: int) -> Tariff | None:
        """The tariff of a plan for a product, if it has any price."""
        return self._tariffs.get((plan_id, product))


async def read_cost_book(session: Session) -> PriceBook:
    """All of table cost, under NO_PLAN. Raises LOST."""
    return PriceBook(await store.read_costs(session))


async def read_price_book(session: Session) -> PriceBook:
    """All of table price. Raises LOST."""
    return PriceBook(await store.read_prices(session))
