"""What became of an account's money in a month: statements that sum exactly, usage, pages of the ledger. Reads only.

A statement is made from the ledger's sums by day; products and countries come from the sums of traffic, which are some seconds
behind: what they do not say yet stands in a line of its own. Months and days are UTC's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import (
    ADJUSTMENT,
    CHARGE,
    CHARGE_AGAIN,
    GIFT,
    OPENING,
    RECHARGE,
    REFUND,
    DaySum,
    Entry,
    TrafficDay,
)
from tocsin.kit.clock import UTC
from tocsin.kit.db import Session

TRAFFIC = (CHARGE, REFUND, CHARGE_AGAIN)
NEWEST = 2**62


class LedgerAsked(NamedTuple):
    """A page of the ledger: entries of a kind ("": of any) from `since` to before `until`, behind the cursor.

    The cursor is the day (UTC) and the id of the last entry seen.
    """

    kind: str = ""
    since: datetime = datetime(1, 1, 2, tzinfo=UTC)
    until: datetime = datetime(9999, 12, 30, tzinfo=UTC)
    before_day: date = date.max
    before_id: int = NEWEST
    limit: int = 50


class Pots(NamedTuple):
    """Signed micro-units of both pots."""

    balance_micros: int = 0
    gift_micros: int = 0

    @property
    def total_micros(self) -> int:
        return self.balance_micros + self.gift_micros

    def plus(self, other: Pots | DaySum) -> Pots:
        """The sum."""
        return Pots(self.balance_micros + other.balance_micros, self.gift_micros + other.gift_micros)


class Statement(NamedTuple):
    """A month: what was there, what moved by kind (in the order of KINDS), what is there then."""

    first: date
    until: date
    opening: Pots
    moved: dict[str, Pots]
    closing: Pots
    traffic: list[TrafficDay]  # by product and country; `day` is the first of the month
    unassigned_micros: int  # of the cost, what the sums of traffic do not say yet

    @property
    def cost_micros(self) -> int:
        """What traffic cost in this month, whenever it was sent."""
        return -sum(self.moved.get(kind, Pots()).total_micros for kind in TRAFFIC)


KINDS = (OPENING, RECHARGE, GIFT, CHARGE, REFUND, CHARGE_AGAIN, ADJUSTMENT)
"""Every kind of an entry, as a statement lists them."""


def next_month(first: date) -> date:
    """The first day of the month behind."""
    return date(first.year + first.month // 12, first.month % 12 + 1, 1)


def read_statement(conn: Connection[TupleRow], account_id: int, first: date) -> Statement:
    """The statement of the month that begins with `first`."""
    until = next_month(first)
    traffic = sum_traffic(store.read_traffic(conn, account_id, first, until), first)
    return make_statement(first, store.read_ledger_days(conn, account_id), traffic)


def list_months(conn: Connection[TupleRow], account_id: int, today: date) -> list[date]:
    """The first days of the months since money moved first, newest first; of this one at least."""
    first = (store.read_first_day(conn, account_id) or today).replace(day=1)
    months = [first]
    while months[-1] < today.replace(day=1):
        months.append(next_month(months[-1]))
    return months[::-1]


def make_statement(first: date, days: Iterable[DaySum], traffic: list[TrafficDay]) -> Statement:
    """Pure: from all days of the ledger (others do no harm), and the month's traffic by product and country."""
    until = next_month(first)
    opening, closing, moved = Pots(), Pots(), dict[str, Pots]()
    for day in days:
        if day.day >= until:
            continue
        closing = closing.plus(day)
        if day.day < first:
            opening = opening.plus(day)
        else:
            moved[day.kind] = moved.get(day.kind, Pots()).plus(day)
    listed = {kind: moved[kind] for kind in (*KINDS, *sorted(moved)) if kind in moved}
    made = Statement(first, until, opening, listed, closing, traffic, 0)
    return made._replace(unassigned_micros=made.cost_micros - sum(row.cost_micros for row in traffic))


def sum_traffic(rows: Iterable[TrafficDay], first: date) -> list[TrafficDay]:
    """The sums by product and country."""
    sums: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        into = sums.setdefault((row.product, row.country_id), [0, 0, 0, 0])
        for place, value in enumerate(row[3:]):
            into[place] += value
    return [TrafficDay(first, *key, *values) for key, values in sorted(sums.items())]


def read_traffic(conn: Connection[TupleRow], account_id: int, first: date, until: date) -> list[TrafficDay]:
    """Usage of the days from `first` to before `until`: a row for each day, product and country. Some seconds behind."""
    return store.read_traffic(conn, account_id, first, until)


def read_ledger(conn: Connection[TupleRow], account_id: int, asked: LedgerAsked) -> list[Entry]:
    """A page of the ledger, newest day first."""
    return store.read_ledger_page(conn, account_id, asked._asdict())


async def fold_ledger(session: Session, most: int = 200) -> int:
    """Fold new entries of up to `most` accounts into the sums by day; how many had some. In the caller's transaction."""
    return await store.fold_ledger(session, most)
