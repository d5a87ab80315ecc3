"""The search of the log: what fits is found whole and once, whatever is asked and however little time there is."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.contexts.desk import Desk
from tests.contexts.past import Past, put
from tocsin import messaging
from tocsin.kit import clock
from tocsin.messaging import Asked, State, search
from tocsin.traffic import Product, Reason

HOUR = timedelta(hours=1)


def search_whole(
    conn: psycopg.Connection[Any], account_id: int, asked: Asked, *, hurried: bool
) -> tuple[list[str], int]:
    """All ids that a person finds who follows each page and each piece to the end; how many looks that took."""
    ids: list[str] = []
    for turn in itertools.count(1):
        time: Iterator[float] = itertools.count(0.0) if hurried else itertools.repeat(0.0)
        found = messaging.search_log(conn, account_id, asked, functools.partial(next, time))
        ids += [row.id for row in found.rows]
        assert len(found.rows) <= asked.limit
        if not found.next:
            return ids, turn
        assert found.next < asked.before
        asked = asked._replace(before=found.next)
    raise AssertionError


@pytest.fixture
def now() -> datetime:
    return clock.now()


ASKED: dict[str, tuple[Asked, Callable[[Past], bool]]] = {
    "all": (Asked(), lambda _past: True),
    "failed": (Asked(state=State.FAILED), lambda past: past.reason is Reason.UNDELIVERED),
    "under way": (Asked(state=State.UNDER_WAY), lambda past: past.reason is Reason.SENDING),
    "delivered email": (
        Asked(state=State.DELIVERED, product=Product.EMAIL),
        lambda past: past.product is Product.EMAIL and past.reason is Reason.SUCCESS,
    ),
    "country": (Asked(country_id=10001), lambda past: past.country_id == 10001),
    "number": (Asked(prefix="62899"), lambda past: past.phone.startswith("62899")),
    "number and state": (
        Asked(prefix="62899", state=State.FAILED),
        lambda past: past.phone.startswith("62899") and past.reason is Reason.UNDELIVERED,
    ),
    "address": (Asked(prefix="ann@"), lambda past: past.phone.startswith("ann@")),
    "nothing": (Asked(country_id=10002), lambda _past: False),
}


@pytest.mark.parametrize("few", [0, 2000], ids=["many of the prefix", "few of the prefix"])
@pytest.mark.parametrize("hurried", [False, True])
@pytest.mark.parametrize("name", ASKED)
async def test_what_fits_is_found_once_and_in_order(
    desk: Desk, now: datetime, monkeypatch: pytest.MonkeyPatch, name: str, hurried: bool, few: int
) -> None:
    monkeypatch.setattr(search, "BUDGET_S", 0.1)  # a test of pages in this process may have raised it
    monkeypatch.setattr(search, "_STRETCH", 3)
    monkeypatch.setattr(search, "_HOURS", 2)
    monkeypatch.setattr(search, "_FEW", few)
    mine, other = await desk.add_account("mine"), await desk.add_account("other")
    pasts = [
        Past(
            now - HOUR * (turn * 5 % 97) - timedelta(minutes=turn),
            phone="ann@example.com" if turn % 7 == 0 else f"628{99 if turn % 5 == 0 else 11}1234{turn:03d}",
            reason=(Reason.SUCCESS, Reason.SUCCESS, Reason.UNDELIVERED, Reason.SENDING)[turn % 4],
            product=Product.EMAIL if turn % 7 == 0 else Product.SMS,
            country_id=10001 if turn % 11 == 0 else 10007,
        )
        for turn in range(60)
    ]
    with desk.conn.transaction():
        made = {put(desk.conn, mine.id, past): past for past in pasts}
        for past in pasts:
            put(desk.conn, other.id, past)
    asked, fits = ASKED[name]
    wanted = sorted((message_id for message_id, past in made.items() if fits(past)), reverse=True)
    assert wanted or name == "nothing"
    found, looks = search_whole(desk.conn, mine.id, asked._replace(limit=4), hurried=hurried)
    assert found == wanted
    if hurried and name == "failed":
        assert looks > 5, "it was done in pieces"


async def test_a_time_and_a_batch_narrow_it(desk: Desk, now: datetime) -> None:
    mine, other = await desk.add_account("mine"), await desk.add_account("other")
    batch_no = int(now.timestamp() * 1000) * 10_000
    old = put(desk.conn, mine.id, Past(now - 30 * HOUR))
    first = put(desk.conn, mine.id, Past(now - 3 * HOUR, batch_no=batch_no))
    between = put(desk.conn, mine.id, Past(now - 2 * HOUR))
    last = put(desk.conn, mine.id, Past(now - HOUR, batch_no=batch_no, reason=Reason.UNDELIVERED))

    def ids(asked: Asked, account_id: int = mine.id) -> list[str]:
        return [row.id for row in messaging.search_log(desk.conn, account_id, asked).rows]

    assert ids(Asked(batch_no=batch_no)) == [last, first]
    assert ids(Asked(batch_no=batch_no, state=State.FAILED)) == [last]
    assert ids(Asked(batch_no=batch_no), other.id) == []
    assert ids(Asked(batch_no=batch_no + 1)) == []
    span = Asked(floor=messaging.key_of(now - 4 * HOUR), before=messaging.key_of(now - HOUR * 1.5))
    assert ids(span) == [between, first]
    assert ids(span._replace(before=messaging.key_of(now - 20 * HOUR))) == []
    assert ids(Asked()) == [last, between, first, old]
    assert ids(Asked(), other.id) == []


async def test_a_state_that_is_newer_than_the_sums_is_found(desk: Desk) -> None:
    """What was sent just now is in no roll-up yet."""
    account = await desk.add_account()
    (message_id,) = await desk.accept(account, 1)
    assert desk.count("rollup") == 0
    found = messaging.search_log(desk.conn, account.id, Asked(state=State.UNDER_WAY))
    assert [row.id for row in found.rows] == [message_id.hex()]


async def test_sums_are_by_day_of_the_edges_and_of_the_time_before(desk: Desk) -> None:
    mine, other = await desk.add_account("mine"), await desk.add_account("other")
    midnight = datetime(2026, 3, 10, 16, tzinfo=clock.UTC)  # of China
    edges = [midnight + timedelta(days=turn) for turn in range(3)]
    for at, reason in [
        (midnight - timedelta(days=1), Reason.SUCCESS),
        (midnight, Reason.SUCCESS),
        (midnight + 7 * HOUR, Reason.NUMBER_ERROR),
        (midnight + 23 * HOUR, Reason.UNDELIVERED),
        (midnight + 24 * HOUR, Reason.SENDING),
        (midnight + 48 * HOUR, Reason.SUCCESS),
    ]:
        put(desk.conn, mine.id, Past(at, reason=reason))
    put(desk.conn, other.id, Past(midnight))
    sums = messaging.read_sums(desk.conn, mine.id, edges, midnight - timedelta(days=2))
    assert [day[:3] for day in sums.days] == [(0, 1, 2), (1, 0, 0)]
    assert sums.all == (1, 1, 2, 400_000)
    assert sums.before == (0, 1, 0, 100_000)
    assert {status: count.messages for status, count in sums.statuses.items()} == {1: 1, -9: 1, 2: 1, 0: 1}
    assert sums.countries.keys() == {10007}
    assert sums.products[Product.SMS].delivered_percent == pytest.approx(100 / 3)
