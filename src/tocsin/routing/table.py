"""Routes, prices, costs, channels and countries in memory: where a message goes and what it costs, without a statement.

Renewed whole by kit.reference: these tables are small beside the traffic. What was asked once is remembered until then.
It decides nothing about accounts' rights: a pinned channel must have been granted before it is asked for here.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from tocsin.billing import NO_PLAN, Plan, PriceBook, Tariff, load_plans, read_cost_book, read_price_book
from tocsin.kit.db import Session
from tocsin.routing import store
from tocsin.routing.health import Health
from tocsin.routing.model import NOWHERE, Case, Channel, Country, Explained, Payer, RouteRule, Verdict
from tocsin.routing.rules import concerns, find_mismatch
from tocsin.routing.watch import read_breakers
from tocsin.routing.way import Basis, Way

_TIMED_MOST = 4096
_MINUTE_S = 60
_ALWAYS = (-inf, inf)


class _Key(NamedTuple):
    owner: int  # 0: an account without rules of its own
    plan_id: int
    country_id: int
    case: Case  # as far as any rule asks, see focus; its time is the minute


class Rules(NamedTuple):
    """One state of the tables."""

    channels: dict[int, Channel]
    countries: dict[int, Country]
    routes: dict[int, list[RouteRule]]  # by product
    prices: PriceBook
    plans: dict[int, Plan]
    costs: PriceBook


class Table:
    """Source of routes and prices."""

    clocks: tuple[str, ...] = ("channel", "route", "plan", "price", "country", "cost", "breaker")

    def __init__(self) -> None:
        self.health = Health(self.channel)
        self.version = 0  # of what is known: it moves with every renewal
        self.take(Rules({}, {}, {}, PriceBook(), {}, PriceBook()))

    async def load(self, session: Session) -> None:
        """Read all anew. Raises LOST."""
        await self.refresh(session, frozenset(self.clocks))

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read the tables that changed: pausing a channel must not cost the reading of 100,000 prices. Raises LOST."""
        if "breaker" in moved:
            self.health.take({each[:2]: each.state for each in await read_breakers(session)})
            if len(moved) == 1:
                return
        rules = self._rules
        if "channel" in moved:
            rules = rules._replace(channels=by_id(await store.read_channels(session)))
        if "country" in moved:
            rules = rules._replace(countries=by_code(await store.read_countries(session)))
        if "route" in moved:
            rules = rules._replace(routes=by_product(await store.read_routes(session)))
        if "price" in moved:
            rules = rules._replace(prices=await read_price_book(session))
        if "cost" in moved:
            rules = rules._replace(costs=await read_cost_book(session))
        if "plan" in moved:
            rules = rules._replace(plans=await load_plans(session))
        self.take(rules)

    def take(self, rules: Rules) -> None:
        """Stand on another state of the tables; what was remembered is forgotten."""
        self.version += 1
        self._rules = rules
        self._ways: dict[_Key, Way | None] = {}
        self._timed_ways: dict[_Key, Way | None] = {}  # of single minutes
        self._channel_names = {channel.name: channel for channel in rules.channels.values()}
        self._isos = {country.iso: country for country in rules.countries.values()}
        every = [route for routes in rules.routes.values() for route in routes]
        self._with_routes = {route.account_id for route in every if route.account_id is not None}
        # What tells no ways apart is not in their keys.
        self._senders = {route.sender for route in every}
        self._by_action = {route.product for route in every if route.action is not None}
        self._timed = {(route.product, route.account_id or 0) for route in every if route.is_timed}

    def focus(self, account: Payer, case: Case) -> Case:
        """The case as far as any rule asks, the same for all sends that no rule tells apart. Its time is a minute's begin
        where a rule has hours, else 0."""
        product, action, sender, pinned, _ = case
        return Case(
            product,
            action if product in self._by_action else -1,
            sender if sender in self._senders else "",
            pinned,
            max(self.span(account, case)[0], 0.0) if self._timed else 0.0,
        )

    def span(self, account: Payer, case: Case) -> tuple[float, float]:
        """From when until when (not included) what way() says holds: for ever, or for the minute of the case where rules have
        hours, which begin and end with a minute on every clock."""
        if (case.product, 0) not in self._timed and (case.product, account.id) not in self._timed:
            return _ALWAYS
        first_s = case.at_s // _MINUTE_S * _MINUTE_S
        return first_s, first_s + _MINUTE_S

    def way(self, account: Payer, country_id: int, case: Case) -> Way | None:
        """Picks for the numbers of `country_id` (the number's own region; NOWHERE: addresses of email); None: no route or
        price at all (status 3). Whoever keeps it asks anew when its span() is over.

        A pinned channel needs a price, but no route.
        """
        owner = account.id if account.id in self._with_routes else 0
        key = _Key(owner, account.plan_id, country_id, self.focus(account, case))
        ways = self._timed_ways if key.case.at_s else self._ways
        try:
            return ways[key]
        except KeyError:
            if len(self._timed_ways) >= _TIMED_MOST:
                self._timed_ways.clear()
            way = ways[key] = self._make_way(key)
            return way

    def _make_way(self, key: _Key) -> Way | None:
        basis = self._find_basis(key)
        if basis is None:
            return None
        routes = [route for route in self._find_routes(key, basis) if find_mismatch(route, key.case) is None]
        way = Way(routes, basis)
        return None if way.leads_nowhere() else way

    def _find_basis(self, key: _Key) -> Basis | None:
        rules, product = self._rules, key.case.product
        country = rules.countries.get(key.country_id)
        tariff = rules.prices.tariff(key.plan_id, product)
        if tariff is None or (country is None and key.country_id != NOWHERE):
            return None
        plan = rules.plans.get(key.plan_id) or Plan(key.plan_id, "")
        return Basis(country, tariff, plan, rules.channels, rules.costs.tariff(NO_PLAN, product) or Tariff())

    def _find_routes(self, key: _Key, basis: Basis) -> list[RouteRule]:
        """Rules that numbers of that country and account can meet; of a pinned channel one that names it."""
        product, pinned = key.case.product, key.case.pinned
        if pinned is None:
            every = self._rules.routes.get(product, [])
            routes = [route for route in every if concerns(route, key.owner, key.plan_id, basis.country)]
        else:
            routes = [RouteRule(0, None, None, product, None, "", pinned, 0)]
        # Channels and routes are read one after the other: a new one may be missing until the next look.
        return [route for route in routes if route.channel_id in self._rules.channels]

    def explain(self, account: Payer, country_id: int, case: Case, phone: str) -> Explained:
        """Where a number goes, and why, by the rules that numbers of its country and account can meet."""
        owner = account.id if account.id in self._with_routes else 0
        key = _Key(owner, account.plan_id, country_id, self.focus(account, case))
        basis = self._find_basis(key)
        if basis is None:
            return Explained(None, [], [])
        told = [(route, find_mismatch(route, key.case)) for route in self._find_routes(key, basis)]
        way = Way([route for route, why in told if why is None], basis)
        found = way.explain(phone)
        lost = [Verdict(route, why) for route, why in told if why is not None]
        return found._replace(verdicts=found.verdicts + lost)

    def channel(self, channel_id: int) -> Channel | None:
        """The channel of that id."""
        return self._rules.channels.get(channel_id)

    def channel_by_name(self, name: str) -> Channel | None:
        """The channel of that name."""
        return self._channel_names.get(name)

    def channels(self) -> list[Channel]:
        """All channels, by id."""
        return list(self._rules.channels.values())

    def country(self, code_id: int) -> Country | None:
        """The country of that codeId."""
        return self._rules.countries.get(code_id)

    def country_of_iso(self, iso: str) -> Country | None:
        """The country of that ISO 3166 code (two capitals)."""
        return self._isos.get(iso)

    def countries(self) -> list[Country]:
        """All countries, by codeId."""
        return list(self._rules.countries.values())


def by_id(channels: Iterable[Channel]) -> dict[int, Channel]:
    """Channels by id."""
    return {channel.id: channel for channel in channels}


def by_code(countries: Iterable[Country]) -> dict[int, Country]:
    """Countries by codeId."""
    return {country.code_id: country for country in countries}


def by_product(routes: Iterable[RouteRule]) -> dict[int, list[RouteRule]]:
    """Routes by product."""
    found: dict[int, list[RouteRule]] = {}
    for route in routes:
        found.setdefault(route.product, []).append(route)
    return found
