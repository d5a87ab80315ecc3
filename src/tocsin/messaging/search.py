"""Finds messages in a log of millions, in pieces: each request looks for a bounded time and says where the next goes on.

Nothing that was asked may make it walk all rows at once. What can be told before is: a batch is a range of keys, numbers have an
index that is used where few begin so, and the roll-ups say in which hours something fits. The rest is walked in stretches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit import clock
from tocsin.messaging.log import NEWEST, OLDEST, Asked, LogRow, after_prefix, read_log
from tocsin.messaging.store import QUERIES

BUDGET_S: Final = 0.1
"""Time after which no further stretch is begun; one takes some 10 ms."""
_STRETCH: Final = 3_000  # messages
_FEW: Final = 2_000  # messages to numbers of a prefix, of all accounts
_HOURS: Final = 400
_HOUR_S: Final = 3600
_FRESH_S: Final = 2 * _HOUR_S  # the roll-ups are some seconds behind

Conn = Connection[TupleRow]
Span = tuple[str, str]  # keys: from, and before which


class Found(NamedTuple):
    """Messages, newest first, and the key before which the search goes on: "" where it is over."""

    rows: list[LogRow]
    next: str = ""
    full: bool = True  # False: time was over before the page was full


def key_of(at: datetime) -> str:
    """The smallest message id of an instant, in hex."""
    return f"{max(int(at.timestamp() * 1000), 0):012x}{0:020x}"


def time_of(key: str) -> float:
    """The other way round: epoch seconds of an id."""
    return int(key[:12], 16) / 1000


def search_log(conn: Conn, account_id: int, asked: Asked, now_s: Callable[[], float] = clock.monotonic_s) -> Found:
    """A page of what fits, or less of it where time was over."""
    begun = now_s()
    span = _narrow(conn, account_id, asked)
    if span is None:
        return Found([])
    asked = asked._replace(floor=span[0], before=span[1])
    if not asked.picks:
        return _page(read_log(conn, account_id, asked), asked.limit)
    if asked.prefix and (few := _find_few(conn, account_id, asked)) is not None:
        return _page(read_log(conn, account_id, asked, few), asked.limit)
    rows: list[LogRow] = []
    low = span[0]
    for low, high in _list_stretches(conn, account_id, asked):
        rows += read_log(conn, account_id, asked._replace(floor=low, before=high, limit=asked.limit - len(rows)))
        if len(rows) >= asked.limit:
            return _page(rows, asked.limit)
        if now_s() - begun > BUDGET_S:
            break
    else:
        return Found(rows)
    return Found(rows, low, full=False) if low > span[0] else Found(rows)


def _page(rows: list[LogRow], limit: int) -> Found:
    return Found(rows, rows[-1].id if len(rows) >= limit else "")


def _narrow(conn: Conn, account_id: int, asked: Asked) -> Span | None:
    """The keys between which anything can be; None: it can be nowhere."""
    low, high = asked.floor, asked.before
    if asked.batch_no is not None:
        batch = conn.execute(QUERIES["batch_range"], (asked.batch_no, account_id)).fetchone()
        if batch is None:
            return None
        low, high = max(low, batch[0].hex()), min(high, f"{int(batch[1].hex(), 16) + 1:032x}")
    params = {"account": account_id, "before": high, "floor": low}
    oldest = conn.execute(QUERIES["log_oldest"], params).fetchone() if low < high else None
    return (oldest[0].hex(), high) if oldest else None


def _find_few(conn: Conn, account_id: int, asked: Asked) -> list[str] | None:
    """The account's messages to numbers that begin so; None where they are many."""
    params = {
        "account": account_id, "low": asked.prefix, "high": after_prefix(asked.prefix), "floor": asked.floor,
        "before": asked.before, "limit": _FEW + 1,
    }  # fmt: skip
    row = conn.execute(QUERIES["log_few"], params).fetchone()
    assert row is not None
    return None if row[0] > _FEW else [bytes(each).hex() for each in row[1] or []]


def _list_stretches(conn: Conn, account_id: int, asked: Asked) -> Iterator[Span]:
    """Spans of at most _STRETCH messages, newest first, in which something may fit."""
    for low, high in _list_spans(conn, account_id, asked):
        before = high
        while True:
            params = {"account": account_id, "before": before, "floor": low, "skip": _STRETCH - 1}
            edge = conn.execute(QUERIES["log_edge"], params).fetchone()
            if edge is None:
                yield low, before
                break
            yield edge[0].hex(), before
            before = edge[0].hex()


def _list_spans(conn: Conn, account_id: int, asked: Asked) -> Iterator[Span]:
    """Spans of hours of which the roll-ups say that something fits, newest first; the newest hours are always among them."""
    if asked.state is None and asked.product is None and asked.country_id is None:
        yield asked.floor, asked.before
        return
    fresh = max(asked.floor, _key_at(clock.now_s() // _HOUR_S * _HOUR_S - _FRESH_S))
    if fresh < asked.before:
        yield fresh, asked.before
    before = min(fresh, asked.before)
    while before > asked.floor and (hours := _list_hours(conn, account_id, asked._replace(before=before))):
        high = low = OLDEST
        for hour in hours:
            if _key_at(hour + _HOUR_S) != low:
                if low < high:
                    yield max(low, asked.floor), high
                high = min(_key_at(hour + _HOUR_S), before)
            low = _key_at(hour)
        yield max(low, asked.floor), high
        before = low


def _list_hours(conn: Conn, account_id: int, asked: Asked) -> list[int]:
    """Hours below the key, as epoch seconds, newest first."""
    params = {
        "account": account_id, "since": time_of(asked.floor) // _HOUR_S * _HOUR_S, "until": time_of(asked.before),
        "product": asked.product, "country_id": asked.country_id, "state": asked.state, "limit": _HOURS,
    }  # fmt: skip
    return [row[0] for row in conn.execute(QUERIES["log_hours"], params)]


def _key_at(epoch_s: float) -> str:
    return min(f"{max(int(epoch_s * 1000), 0):012x}{0:020x}", NEWEST)
