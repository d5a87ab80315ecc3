"""Pure: from the rules that an account's numbers of one country can meet to the pick for one number.

All rules that match a number are rules whose prefix begins it, so the longest prefix that begins the number decides the
pick: one look-up per length of prefix, and none where no rule has a prefix. Where routes share their traffic, the number's
own order of channels is looked up behind it. Nothing here reads a clock or a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tocsin.billing import Plan, Tariff
from tocsin.routing.model import NOWHERE, Channel, Country, Explained, Offer, Pick, RouteRule, Verdict, Why
from tocsin.routing.order import Candidate, are_equal, order_channels, rank_of
from tocsin.routing.rules import judge

_UNSET = Pick((), -1)
_ORDERS_MOST = 1024
_EMPTY = Tariff()


class Basis(NamedTuple):
    """What picks stand on beside the rules. `country` None: of addresses of email."""

    country: Country | None
    tariff: Tariff
    plan: Plan
    channels: Mapping[int, Channel]
    costs: Tariff = _EMPTY

    @property
    def country_id(self) -> int:
        """Its codeId, or NOWHERE."""
        return NOWHERE if self.country is None else self.country.code_id

    def find_prefixes(self) -> set[str]:
        """Prefixes of the prices, and of the costs where they decide anything, that a number can meet."""
        if self.country is None:
            return set()
        calling_code = str(self.country.calling_code)
        counts = self.plan.by_cost or self.plan.min_margin_percent is not None
        return self.tariff.prefixes(calling_code) | (self.costs.prefixes(calling_code) if counts else set())


class Way:
    """Picks for numbers of one country, or for addresses of email.

    `constant`: the pick of every number, where no rule has a prefix and no routes share; else None.
    """

    __slots__ = ("_basis", "_lengths", "_picks", "_routes", "constant")

    def __init__(self, routes: Sequence[RouteRule], basis: Basis) -> None:
        self._routes = routes
        self._basis = basis
        prefixes = {route.prefix for route in routes if route.prefix} | basis.find_prefixes()
        self._picks: dict[str, Pick | Fork | None] = dict.fromkeys(prefixes, _UNSET)
        self._lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)
        whole = self._picks[""] = self._settle("")
        self.constant: Pick | None = whole if isinstance(whole, Pick) and not prefixes else None

    def pick(self, phone: str) -> Pick | None:
        """The pick for a number (digits with country code) or address; None: no route or no price for it (status 3)."""
        picks = self._picks
        found = picks[""]
        for length in self._lengths:
            prefix = phone[:length]
            if prefix in picks:
                found = picks[prefix]
                if found is _UNSET:
                    found = picks[prefix] = self._settle(prefix)
                break
        return found.pick(phone) if isinstance(found, Fork) else found

    def leads_nowhere(self) -> bool:
        """Whether no number at all gets a pick."""
        return not self._lengths and self._picks[""] is None

    def _settle(self, digits: str) -> Pick | Fork | None:
        candidates = find_candidates(judge(self._routes, digits, self._basis.channels), digits, self._basis)
        pick = take(make_offers(order_channels(candidates, ""), digits, self._basis))
        # Where nothing is taken in one order, nothing is in any.
        return pick if pick is None or not are_equal(candidates) else Fork(candidates, digits, self._basis)

    def explain(self, phone: str) -> Explained:
        """The same for one number, with everything that was decided on the way."""
        verdicts = judge(self._routes, phone, self._basis.channels)
        order = order_channels(find_candidates(verdicts, phone, self._basis), phone)
        offers = make_offers(order, phone, self._basis)
        against = {offer.channel_id: offer.against for offer in offers}
        told = [
            verdict._replace(why=against[verdict.route.channel_id] or Why.CARRIES)
            if verdict.why is Why.CARRIES
            else verdict
            for verdict in verdicts
        ]
        return Explained(take(offers), told, offers)


class Fork:
    """Where routes share: the picks of the orders that numbers came to."""

    __slots__ = ("_basis", "_candidates", "_digits", "_picks")

    def __init__(self, candidates: Sequence[Candidate], digits: str, basis: Basis) -> None:
        self._candidates = candidates
        self._digits = digits
        self._basis = basis
        self._picks: dict[tuple[int, ...], Pick | None] = {}

    def pick(self, address: str) -> Pick | None:
        """The pick of a number under these digits."""
        order = order_channels(self._candidates, address)
        if order not in self._picks:
            if len(self._picks) >= _ORDERS_MOST:
                self._picks.clear()
            self._picks[order] = take(make_offers(order, self._digits, self._basis))
        return self._picks[order]


def find_candidates(verdicts: Sequence[Verdict], digits: str, basis: Basis) -> list[Candidate]:
    """The channels of the rules that carry."""
    return [
        Candidate(route.channel_id, _rank(route, digits, basis), route.weight)
        for route, why, _ in verdicts
        if why is Why.CARRIES
    ]


def _rank(route: RouteRule, digits: str, basis: Basis) -> tuple[bool, int, float]:
    cost = basis.costs.find(digits, basis.country_id, route.channel_id) if basis.plan.by_cost else 0
    return rank_of(route.preference, paused=basis.channels[route.channel_id].paused, cost_micros=cost)


def make_offers(order: Sequence[int], digits: str, basis: Basis) -> list[Offer]:
    """What each channel would be charged at and costs. The first that may carry fixes the price of those behind it: what is
    charged stays, whoever carries it in the end."""
    charged: int | None = None
    offers: list[Offer] = []
    for channel_id in order:
        price = basis.tariff.find(digits, basis.country_id, channel_id) if charged is None else charged
        cost = basis.costs.find(digits, basis.country_id, channel_id)
        against = None
        if price is None:
            against = Why.NO_PRICE
        elif not leaves_margin(price, cost, basis.plan.min_margin_percent):
            against = Why.UNDER_MARGIN
        else:
            charged = price
        offers.append(Offer(channel_id, price, cost, against))
    return offers


def leaves_margin(price_micros: int, cost_micros: int | None, min_percent: int | None) -> bool:
    """Whether enough of the price is left; where either is not known, it is."""
    if cost_micros is None or min_percent is None:
        return True
    return (price_micros - cost_micros) * 100 >= min_percent * price_micros


def take(offers: Sequence[Offer]) -> Pick | None:
    """The channels that nothing stands against, at the price of the first; None: there is none."""
    open_offers = [offer for offer in offers if offer.against is None]
    if not open_offers or open_offers[0].price_micros is None:
        return None
    return Pick(tuple(offer.channel_id for offer in open_offers), open_offers[0].price_micros)
