"""Caps on real windows: exact over processes, and what is refused takes nothing."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import psycopg
import pytest
from psycopg.rows import TupleRow

from tocsin import compliance
from tocsin.compliance import Cap, CapKind, Guards, Screened, Sending
from tocsin.kit.clock import UTC
from tocsin.kit.db import Session
from tocsin.traffic import Priority, Reason

Conn = psycopg.Connection[TupleRow]
HOUR_S = datetime(2026, 6, 1, 12, 0, tzinfo=UTC).timestamp()
PRICE = 100


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as made:
        yield made


class Bed:
    """Two sessions on one database, as of two processes."""

    def __init__(self, dsn: str) -> None:
        self.sessions = [Session(dsn, f"test {i}", generic_plans=True) for i in range(2)]
        self.guards = Guards()

    async def load(self) -> None:
        await self.guards.load(self.sessions[0])

    async def send(
        self, values: list[str], account_id: int = 1, action: Priority = Priority.VERIFY, *, countries: list[int] | None = None,
        now_s: float = HOUR_S, process: int = 0, again: bool = False,
    ) -> Screened:  # fmt: skip
        sending = Sending(
            account_id, action, "", values, countries or [1] * len(values), [PRICE] * len(values), [0] * len(values),
            again=again,
        )  # fmt: skip
        return await compliance.screen(self.sessions[process], sending, self.guards, now_s)

    async def over(self, values: list[str], account_id: int = 1, **other: object) -> list[int]:
        screened = await self.send(values, account_id, **other)  # type: ignore[arg-type]
        assert set(screened.refused.values()) <= {Reason.OVER_CAP}
        return sorted(screened.refused)


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    for session in made.sessions:
        await session.close()


def set_cap(
    conn: Conn, kind: CapKind, most: int | None, *, account_id: int = 0, action: Priority | None = Priority.VERIFY,
    country_id: int = 0, window_s: int = 3600, digits: int = 7,
) -> int:  # fmt: skip
    cap = Cap(
        id=0, account_id=account_id, kind=kind, action=action, country_id=country_id, most=most, window_s=window_s,
        digits=digits,
    )  # fmt: skip
    return compliance.set_cap(conn, cap)[1].id


def given(conn: Conn) -> dict[tuple[int, str], int]:
    """What is taken, by cap and key; what was given back wholly is left out."""
    rows = conn.execute("SELECT cap_id, key, given FROM cap_window WHERE given <> 0").fetchall()
    return {(row[0], row[1]): row[2] for row in rows}


async def test_so_many_per_number_and_hour(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.NUMBER, 2)
    await bed.load()
    assert await bed.over(["62811", "62812"]) == []
    assert await bed.over(["62811"]) == []
    assert await bed.over(["62812", "62811", "62813"]) == [1]
    assert await bed.over(["62811"], 2) == []  # each account for itself
    assert await bed.over(["62811"], action=Priority.MARKETING) == []
    assert await bed.over(["62811"], now_s=HOUR_S + 3599) == [0]
    assert await bed.over(["62811"], now_s=HOUR_S + 3600) == []
    assert await bed.over(["62811"], again=True) == []


async def test_the_first_of_a_request_find_room(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.PREFIX, 3, digits=4)
    set_cap(conn, CapKind.COUNTRY, 5, action=None)
    await bed.load()
    values = [*(f"6281{i}" for i in range(5)), *(f"6282{i}" for i in range(5))]
    assert await bed.over(values) == [3, 4, 7, 8, 9]
    assert await bed.over(["62831"]) == [0]


async def test_what_is_refused_takes_nothing_of_any_cap(bed: Bed, conn: Conn) -> None:
    """Else whoever asks for one number again and again would close the prefix for its neighbours."""
    number, prefix = set_cap(conn, CapKind.NUMBER, 1), set_cap(conn, CapKind.PREFIX, 3, digits=4)
    country = set_cap(conn, CapKind.COUNTRY, 100)
    await bed.load()
    for _ in range(5):
        await bed.over(["62811"])
    assert given(conn) == {(number, "62811"): 1, (prefix, "6281"): 1, (country, "1"): 1}
    assert await bed.over(["62812", "62813", "62814", "62821"]) == [2]
    assert given(conn) == {
        (number, "62811"): 1, (number, "62812"): 1, (number, "62813"): 1, (number, "62821"): 1,
        (prefix, "6281"): 3, (prefix, "6282"): 1, (country, "1"): 4,
    }  # fmt: skip


async def test_a_country_may_have_a_cap_of_its_own_or_none(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.COUNTRY, 1)
    set_cap(conn, CapKind.COUNTRY, 2, country_id=7)
    set_cap(conn, CapKind.COUNTRY, None, country_id=8)
    await bed.load()
    assert await bed.over(list("abcdefghi"), countries=[1, 1, 2, 7, 7, 7, 8, 8, 8]) == [1, 5]


async def test_an_accounts_own_cap_replaces_the_general_one(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.NUMBER, 1)
    set_cap(conn, CapKind.NUMBER, 2, account_id=2)
    set_cap(conn, CapKind.NUMBER, None, account_id=3)
    await bed.load()
    assert [await bed.over(["1"] * 4, account_id) for account_id in (1, 2, 3)] == [[1, 2, 3], [2, 3], []]


async def test_the_spend_of_a_day_stops_whole_requests(bed: Bed, conn: Conn) -> None:
    number = set_cap(conn, CapKind.NUMBER, 2, action=None)
    spend = set_cap(conn, CapKind.SPEND, 3 * PRICE, action=None, window_s=86_400)
    await bed.load()
    first = await bed.send(["1", "1", "1"])  # the third is over the cap of its number, and costs nothing
    assert (first.spend_stop, first.refused) == (False, {2: Reason.OVER_CAP})
    second = await bed.send(["2", "3"])
    assert second.spend_stop
    assert second.taken is None
    assert given(conn) == {(number, "1"): 2, (spend, ""): 2 * PRICE}
    assert not (await bed.send(["2"])).spend_stop
    assert (await bed.send(["3"])).spend_stop
    assert not (await bed.send(["3"], 2)).spend_stop
    assert not (await bed.send(["3"], now_s=HOUR_S + 12 * 3600)).spend_stop


async def test_what_was_not_accepted_is_given_back(bed: Bed, conn: Conn) -> None:
    number = set_cap(conn, CapKind.NUMBER, 2)
    country = set_cap(conn, CapKind.COUNTRY, 3)
    spend = set_cap(conn, CapKind.SPEND, 10 * PRICE, action=None)
    await bed.load()
    await bed.send(["1"])
    screened = await bed.send(["1", "1", "2", "3"])
    assert sorted(screened.refused) == [1, 3]
    await compliance.give_back(bed.sessions[0], screened)
    await compliance.give_back(bed.sessions[0], screened)  # once only
    assert given(conn) == {(number, "1"): 1, (country, "1"): 1, (spend, ""): PRICE}


async def test_two_processes_race_for_the_last_of_a_cap(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.NUMBER, 15)
    set_cap(conn, CapKind.SPEND, 12 * PRICE, account_id=2, action=None)
    await bed.load()

    async def send_all(process: int, account_id: int) -> list[Screened]:
        return [await bed.send(["62811"], account_id, process=process) for _ in range(10)]

    found = await asyncio.gather(send_all(0, 1), send_all(1, 1))
    went = [not each.refused for one in found for each in one]
    assert Counter(went) == {True: 15, False: 5}
    found = await asyncio.gather(send_all(0, 2), send_all(1, 2))
    assert Counter(each.spend_stop for one in found for each in one) == {False: 12, True: 8}


async def test_requests_of_many_numbers_crosswise_do_not_deadlock(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.NUMBER, 10)
    set_cap(conn, CapKind.PREFIX, 700, digits=5)
    await bed.load()
    values = [f"628{i}" for i in range(1000, 1200)]

    async def send_all(process: int, order: list[str]) -> int:
        return sum([len(order) - len(await bed.over(order, process=process)) for _ in range(8)])

    went = await asyncio.gather(send_all(0, values), send_all(1, values[::-1]))
    # Ten of each number, in prefixes of a hundred numbers that take 700 each.
    assert sum(went) == 2 * 700


async def test_windows_that_are_over_are_forgotten(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.NUMBER, 1)
    await bed.load()
    await bed.over(["1"])
    await bed.over(["2"], now_s=HOUR_S + 3600)
    assert await compliance.forget_windows(bed.sessions[0], HOUR_S + 3601) == 1
    assert await bed.over(["2"], now_s=HOUR_S + 3700) == [0]


class Model:
    """The same, one number after the other, in a dictionary."""

    def __init__(self, caps: tuple[Cap, ...]) -> None:
        self.caps = caps
        self.given: Counter[tuple[int, str]] = Counter()

    def key(self, cap: Cap, value: str, country: int) -> str | None:
        own = {each.country_id for each in self.caps if (each.kind, each.action) == (cap.kind, cap.action)}
        if country != cap.country_id and (cap.country_id or country in own):
            return None
        return {
            CapKind.NUMBER: value,
            CapKind.PREFIX: value[: cap.digits],
            CapKind.COUNTRY: str(country),
            CapKind.SPEND: "",
        }[CapKind(cap.kind)]

    def take(self, values: list[str], countries: list[int]) -> tuple[list[int], bool]:
        """Places over a cap; whether the request is over the spend."""
        before = self.given.copy()
        over = []
        for at, (value, country) in enumerate(zip(values, countries, strict=True)):
            keys = [(cap, self.key(cap, value, country)) for cap in self.caps]
            counted = [(cap, (cap.id, key)) for cap, key in keys if key is not None]
            if any(self.given[k] >= (cap.most or 0) for cap, k in counted if cap.kind != CapKind.SPEND):
                over.append(at)
            else:
                self.given.update({k: PRICE if cap.kind == CapKind.SPEND else 1 for cap, k in counted})
        if any(self.given[cap.id, ""] > (cap.most or 0) for cap in self.caps if cap.kind == CapKind.SPEND):
            self.given = before
            return [], True
        return over, False


async def test_any_request_is_counted_as_by_hand(bed: Bed, conn: Conn) -> None:
    """The function counts cap after cap, the model number after number: what goes and what is taken is the same."""
    set_cap(conn, CapKind.NUMBER, 3)
    set_cap(conn, CapKind.COUNTRY, 25, window_s=86_400)
    set_cap(conn, CapKind.COUNTRY, 8, country_id=2, window_s=86_400)
    set_cap(conn, CapKind.SPEND, 45 * PRICE, action=None, window_s=86_400)
    await bed.load()
    model = Model(bed.guards.caps.find(1, Priority.VERIFY))
    chance = random.Random(7)
    ends = Counter[str]()
    for _ in range(60):
        places = [chance.randrange(30) for _ in range(chance.randrange(1, 8))]
        values, countries = [f"6281{at}" for at in places], [1 + at % 3 for at in places]
        screened = await bed.send(values, countries=countries)
        over, stopped = model.take(values, countries)
        assert (sorted(screened.refused) if not stopped else [], screened.spend_stop) == (over, stopped)
        assert given(conn) == +model.given
        ends.update(["stopped" if stopped else "some over" if over else "whole"])
        if chance.random() < 0.3 and screened.taken:
            await compliance.give_back(bed.sessions[0], screened)
            kept = [at for at in range(len(values)) if at not in screened.refused]
            for at in kept:
                keys = [(cap, model.key(cap, values[at], countries[at])) for cap in model.caps]
                model.given.subtract(
                    {(cap.id, key): PRICE if cap.kind == CapKind.SPEND else 1 for cap, key in keys if key is not None}
                )
            assert given(conn) == +model.given
    assert min(ends["stopped"], ends["some over"], ends["whole"]) > 3, ends


async def test_barred_numbers_take_nothing(bed: Bed, conn: Conn) -> None:
    set_cap(conn, CapKind.COUNTRY, 1)
    compliance.add_listed(conn, 0, "6281111111")
    await bed.load()
    screened = await bed.send(["6281111111", "6281111112", "6281111113"])
    assert screened.refused == {0: Reason.BLACKLISTED, 2: Reason.OVER_CAP}
