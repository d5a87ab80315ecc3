"""An account's sums of a time, from the hourly roll-ups: some seconds behind, and never a walk over messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.messaging.log import State
from tocsin.messaging.store import QUERIES


class Count(NamedTuple):
    """Messages by state, and money."""

    under_way: int = 0
    delivered: int = 0
    failed: int = 0
    fee_micros: int = 0

    @property
    def messages(self) -> int:
        return self.under_way + self.delivered + self.failed

    @property
    def delivered_percent(self) -> float | None:
        """Of what has ended; None where nothing has."""
        ended = self.delivered + self.failed
        return 100 * self.delivered / ended if ended else None


class Sums(NamedTuple):
    """Of a time: by turn of its days (0 is the first), by codeId, by product, by the page's status; and of the same time before."""

    days: list[Count]
    countries: dict[int, Count]
    products: dict[int, Count]
    statuses: dict[int, Count]
    all: Count
    before: Count


def read_sums(conn: Connection[TupleRow], account_id: int, edges: Sequence[datetime], before: datetime) -> Sums:
    """Between consecutive `edges` (a day each, an hour that lies across one counts for the day in which it begins).

    `before`: where the time begins that it is compared with, which ends at the first edge.
    """
    params = {"account": account_id, "edges": list(edges), "before": before, "until": edges[-1]}
    groups: dict[int, dict[int, list[int]]] = {}
    for group, key, status, messages, fee in conn.execute(QUERIES["log_sums"], params):
        state = {0: State.UNDER_WAY, 1: State.DELIVERED}.get(status, State.FAILED)
        count = groups.setdefault(group, {}).setdefault(key, [0, 0, 0, 0])
        count[state] += max(messages, 0)
        count[3] += fee
    days, countries, products, statuses = (
        {key: Count(*count) for key, count in groups.get(group, {}).items()} for group in range(4)
    )
    return Sums(
        [days.get(turn, Count()) for turn in range(1, len(edges))],
        countries,
        products,
        statuses,
        _add([days[key] for key in days if key > 0]),
        _add([days[key] for key in days if key == 0]),
    )


def _add(counts: Sequence[Count]) -> Count:
    return Count(*(sum(each) for each in zip(*counts, strict=True))) if counts else Count()
