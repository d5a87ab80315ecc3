"""Pure: from the rules that an account's numbers of one country can meet to the pick for one number.

All rules that match a number are rules whose prefix begins it, so the longest prefix that begins the number decides the
pick: one look-up per length of prefix, and none where no rule has a prefix. Nothing here reads a clock or a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tocsin.billing import Tariff
from tocsin.routing.model import NOWHERE, SANDBOX, Channel, Country, Pick, RouteRule

_UNSET = Pick((), -1)


class Way:
    """Picks for numbers of one country; None: for addresses of email.

    `constant`: the pick of every number, where no rule has a prefix; else None.
    """

    __slots__ = ("_channels", "_country_id", "_lengths", "_picks", "_routes", "_tariff", "constant")

    def __init__(
        self, routes: Sequence[RouteRule], tariff: Tariff, country: Country | None, channels: Mapping[int, Channel]
    ) -> None:
        self._routes = routes
        self._tariff = tariff
        self._country_id = NOWHERE if country is None else country.code_id
        self._channels = channels
        prefixes = {route.prefix for route in routes if route.prefix}
        if country is not None:
            prefixes |= tariff.prefixes(str(country.calling_code))
        self._picks: dict[str, Pick | None] = dict.fromkeys(prefixes, _UNSET)
        self._lengths = sorted({len(prefix) for prefix in prefixes}, reverse=True)
        self._picks[""] = self._make("")
        self.constant: Pick | None = None if prefixes else self._picks[""]

    def pick(self, phone: str) -> Pick | None:
        """The pick for a number (digits with country code); None: no route or no price for it (status 3)."""
        picks = self._picks
        for length in self._lengths:
            prefix = phone[:length]
            if prefix in picks:
                found = picks[prefix]
                if found is _UNSET:
                    found = picks[prefix] = self._make(prefix)
                return found
        return picks[""]

    def leads_nowhere(self) -> bool:
        """Whether no number at all gets a pick."""
        return not self._lengths and self._picks[""] is None

    def _make(self, digits: str) -> Pick | None:
        channels = sort_channels(choose_channels(self._routes, digits), self._channels)
        for place, channel in enumerate(channels):
            price = self._tariff.find(digits, self._country_id, channel)
            if price is not None:
                return Pick(channels[place:], price)
        return None


def choose_channels(routes: Iterable[RouteRule], digits: str) -> tuple[int, ...]:
    """Channels of the most specific matching routes (account, plan, any; longest prefix; country), by preference."""
    matching = [route for route in routes if digits.startswith(route.prefix)]
    if not matching:
        return ()
    best = min(_specificity(route) for route in matching)
    chosen = [route for route in matching if _specificity(route) == best]
    chosen.sort(key=lambda route: (route.preference, route.id))
    return tuple(dict.fromkeys(route.channel_id for route in chosen))


def sort_channels(chosen: Sequence[int], channels: Mapping[int, Channel]) -> tuple[int, ...]:
    """New messages go round a paused channel; where all are paused, they wait for the first.

    A sandbox never stands in for a real carrier: what it "delivers" reaches nobody.
    """
    real = [channel_id for channel_id in chosen if channels[channel_id].kind != SANDBOX]
    return tuple(sorted(real or chosen, key=lambda channel_id: channels[channel_id].paused))


def _specificity(route: RouteRule) -> tuple[int, int, int]:
    scope = 0 if route.account_id is not None else 1 if route.plan_id is not None else 2
    return scope, -len(route.prefix), 0 if route.country_id is not None else 1
