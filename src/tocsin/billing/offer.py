"""What an account pays for a number, as its people ask: by country and by prefix. Read from the rules that accepts use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import PriceRule
from tocsin.billing.prices import PriceBook

_NO_CHANNEL = 0


class Span(NamedTuple):
    """What a number costs, micro-units: the two differ where it depends on the channel that carries it."""

    low_micros: int
    high_micros: int


class Offer:
    """The prices of one plan."""

    def __init__(self, plan_id: int, rules: Iterable[PriceRule]) -> None:
        rules = list(rules)
        self._plan_id = plan_id
        self._book = PriceBook(rules)
        self._channels: dict[int, set[int]] = {}
        self._prefixes: dict[str, set[int | None]] = {}
        for rule in rules:
            if rule.channel_id is not None:
                self._channels.setdefault(rule.product, set()).add(rule.channel_id)
            if rule.prefix:
                self._prefixes.setdefault(rule.prefix, set()).add(rule.country_id)
        self._sorted = sorted(self._prefixes)

    def find(self, product: int, digits: str, country_id: int) -> Span | None:
        """Of a number of the country that begins with `digits`; None: there is no price."""
        tariff = self._book.tariff(self._plan_id, product)
        if tariff is None:
            return None
        channels = (_NO_CHANNEL, *self._channels.get(product, ()))
        prices = [tariff.find(digits, country_id, channel_id) for channel_id in channels]
        known = [price for price in prices if price is not None]
        return Span(min(known), max(known)) if known else None

    def list_prefixes(self, country_id: int, calling_code: str, start: str = "") -> list[str]:
        """Prefixes of the country that have a price of their own; of those that `start` begins with, or that begin with it."""
        return [
            prefix
            for prefix in self._sorted
            if prefix.startswith(calling_code)
            and prefix != calling_code
            and self._prefixes[prefix] & {None, country_id}
            and (prefix.startswith(start) or start.startswith(prefix))
        ]


def read_offer(conn: Connection[TupleRow], plan_id: int) -> Offer:
    """All prices of a plan, as they are now."""
    return Offer(plan_id, store.read_plan_prices(conn, plan_id))


def read_price_version(conn: Connection[TupleRow]) -> int:
    """It grows with every change of any price."""
    return store.read_price_version(conn)
