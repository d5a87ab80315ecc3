"""Routes, prices, channels and countries in memory: where a message goes and what it costs, without a statement.

Renewed whole by kit.reference: these tables are small beside the traffic. What was asked once is remembered until then.
It decides nothing about accounts' rights: a pinned channel must have been granted before it is asked for here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tocsin.accounts import Account
from tocsin.billing import PriceBook, read_price_book
from tocsin.kit.db import Session
from tocsin.routing import store
from tocsin.routing.health import Health
from tocsin.routing.model import NOWHERE, Channel, Country, RouteRule
from tocsin.routing.watch import read_breakers
from tocsin.routing.way import Way

_Key = tuple[int, int, int, int, int | None]


class Rules(NamedTuple):
    """One state of the tables."""

    channels: dict[int, Channel]
    countries: dict[int, Country]
    routes: dict[int, list[RouteRule]]  # by product
    prices: PriceBook


class Table:
    """Source of routes and prices."""

    clocks: tuple[str, ...] = ("channel", "route", "plan", "price", "country", "breaker")

    def __init__(self) -> None:
        self.health = Health(self.channel)
        self.version = 0  # of what is known: it moves with every renewal
        self.take(Rules({}, {}, {}, PriceBook()))

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
        self.take(rules)

    def take(self, rules: Rules) -> None:
        """Stand on another state of the tables; what was remembered is forgotten."""
        self.version += 1
        self._rules = rules
        self._ways: dict[_Key, Way | None] = {}
        self._channel_names = {channel.name: channel for channel in rules.channels.values()}
        self._isos = {country.iso: country for country in rules.countries.values()}
        self._with_routes = {
            route.account_id for routes in rules.routes.values() for route in routes if route.account_id is not None
        }

    def way(self, account: Account, product: int, country_id: int, pinned: int | None) -> Way | None:
        """Picks for the numbers of `country_id` (the number's own region; NOWHERE: addresses of email); None: no route or
        price at all (status 3).

        `pinned`: the one channel that the request names and the account was granted; it needs a price, but no route.
        """
        owner = account.id if account.id in self._with_routes else 0
        key = (owner, account.plan_id, product, country_id, pinned)
        try:
            return self._ways[key]
        except KeyError:
            way = self._ways[key] = self._make_way(owner, account.plan_id, product, country_id, pinned)
            return way

    def _make_way(self, owner: int, plan_id: int, product: int, country_id: int, pinned: int | None) -> Way | None:
        country = self._rules.countries.get(country_id)
        tariff = self._rules.prices.tariff(plan_id, product)
        if tariff is None or (country is None and country_id != NOWHERE):
            return None
        if pinned is None:
            all_routes = self._rules.routes.get(product, [])
            routes = [route for route in all_routes if _concerns(route, owner, plan_id, country)]
            # Channels and routes are read one after the other: a new one may be missing until the next look.
            routes = [route for route in routes if route.channel_id in self._rules.channels]
        elif pinned in self._rules.channels:
            routes = [RouteRule(0, None, None, product, None, "", pinned, 0)]
        else:
            return None
        way = Way(routes, tariff, country, self._rules.channels)
        return None if way.leads_nowhere() else way

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


def _concerns(route: RouteRule, owner: int, plan_id: int, country: Country | None) -> bool:
    """Whether a number of that country and account can meet the route. A prefix counts alone, as in billing.prices."""
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
