"""Which pushes carried a report or a reply to the customer's server, as stored. Within one account, and within a bounded time.

A push names its rows by their ids, without an index of them: it is looked for behind the time of its rows, in windows that grow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from tocsin.kit import clock
from tocsin.webhooks.store import QUERIES

BUDGET_S: Final = 0.06
_WINDOWS: Final = (timedelta(minutes=2), timedelta(minutes=30), timedelta(hours=6), timedelta(hours=73))
_EARLY: Final = timedelta(seconds=2)  # clocks of two machines

Connection = psycopg.Connection[Any]


class Try(NamedTuple):
    """A try to push. `ids`: those of the asked rows that were in it; http_status None: no answer came."""

    id: int
    at: datetime
    took_ms: int
    http_status: int | None
    error: str
    ids: list[str]

    @property
    def taken(self) -> bool:
        """Whether it was acknowledged."""
        return self.http_status is not None and 200 <= self.http_status < 300


class WaitingPush(NamedTuple):
    """What is not pushed yet. `aside`: the endpoint cannot take it."""

    due: datetime
    attempts: int
    aside: bool
    ids: list[str]


class Pushes(NamedTuple):
    """Of some rows. `paused`: nothing goes to the endpoint now; `whole`: all windows were looked at."""

    tries: list[Try]
    waiting: list[WaitingPush]
    paused: bool
    whole: bool

    def state_of(self, row_id: str) -> str:
        """Of one row: "pushed", "aside", "waiting", "tried" (without success, and it waits no more), "" where nothing is known."""
        if any(each.taken for each in self.tries if row_id in each.ids):
            return "pushed"
        for waiting in self.waiting:
            if row_id in waiting.ids:
                return "aside" if waiting.aside else "waiting"
        return "tried" if any(row_id in each.ids for each in self.tries) else ""


def trace_pushes(
    conn: Connection,
    account_id: int,
    kind: str,
    rows: Sequence[tuple[str, datetime]],
    now_s: Callable[[], float] = clock.monotonic_s,
) -> Pushes | None:
    """Of rows (UUID in hex, when it was written) of one kind; None where the account has no such endpoint."""
    endpoint = conn.execute(QUERIES["trace_endpoint"], (account_id, kind)).fetchone()
    if endpoint is None:
        return None
    if not rows:
        return Pushes([], [], endpoint[1], whole=True)
    begun = now_s()
    first, last = min(at for _, at in rows), max(at for _, at in rows)
    params: dict[str, Any] = {"endpoint": endpoint[0], "ids": [row_id for row_id, _ in rows]}
    waiting = [WaitingPush(*row) for row in conn.execute(QUERIES["trace_waiting"], params)]
    tries: list[Try] = []
    low, found, whole = first - _EARLY, set[str](), True
    for window in _WINDOWS:
        high = last + window
        tries += [Try(*row) for row in conn.execute(QUERIES["trace_tries"], {**params, "low": low, "high": high})]
        found = {row_id for each in tries if each.taken for row_id in each.ids}
        if len(found) == len(rows) or high > clock.now():
            break
        low = high
        if now_s() - begun > BUDGET_S:
            whole = False
            break
    return Pushes(tries, waiting, endpoint[1], whole)
