"""Windows of limits: exact over processes, apart for customers and strangers, bounded in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.poll import until
from tocsin.api.limits import Windows
from tocsin.kit.db import Params, Session

NOW = 1_790_000_000.0
MINUTE = 60


class Counting(Session):
    """A real session that knows how many statements it had."""

    statements = 0

    async def rows(self, query: bytes, params: Params = ()) -> list[TupleRow]:
        self.statements += 1
        return await super().rows(query, params)


@pytest.fixture
async def session(database: str) -> AsyncIterator[Counting]:
    made = Counting(database, "limits")
    yield made
    await made.close()


@pytest.fixture
async def other(database: str) -> AsyncIterator[Counting]:
    made = Counting(database, "others")
    yield made
    await made.close()


async def count(windows: Windows, name: str, limit: int, tries: int, now_s: float = NOW) -> int:
    return sum([await windows.take(name, limit, now_s) for _ in range(tries)])


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
async def test_a_window_gives_its_limit_over_two_processes(session: Counting, other: Counting, limit: int) -> None:
    both = [Windows(session, MINUTE), Windows(other, MINUTE)]
    given = [await windows.take("name", limit, NOW) for _ in range(limit + 1) for windows in both]
    assert sum(given) == limit
    assert [windows.is_spent("name", NOW) for windows in both] == [True, True]
    assert await both[0].take("name", limit, NOW + MINUTE)
    assert both[0].is_spent("name", NOW + MINUTE) is (limit == 1)


async def test_who_asks_at_the_same_time_shares_a_statement(session: Counting) -> None:
    windows = Windows(session, 1)
    await windows.take("first", 8, NOW)
    before = session.statements
    taken = await asyncio.gather(*(windows.take(f"account {number}", 8, NOW) for number in range(500)))
    assert all(taken)
    assert session.statements - before <= 2  # of the first alone, and of all the others


async def test_many_who_want_one_name_get_the_limit(session: Counting) -> None:
    windows = Windows(session, 1)
    taken = await asyncio.gather(*(windows.take("name", 20, NOW) for _ in range(200)))
    assert sum(taken) == 20


async def test_one_who_goes_away_leaves_the_others_their_answer(session: Counting) -> None:
    windows = Windows(session, 1)
    await session.conn()
    tasks = [asyncio.create_task(windows.take("name", 4, NOW)) for _ in range(6)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[2].cancel()
    done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert [isinstance(each, asyncio.CancelledError) for each in done] == [True, False, True, False, False, False]
    assert sum(each is True for each in done) <= 4
    assert await count(windows, "name", 4, 9) + sum(each is True for each in done) <= 4


async def test_memory_is_bounded_and_what_is_spent_stays(session: Counting) -> None:
    windows = Windows(session, MINUTE, max_names=100)
    assert await count(windows, "bad:203.0.113.1", 3, 4) == 3
    for first in range(0, 1000, 20):
        names = [f"bad:203.0.113.1:{number}" for number in range(first, first + 20)]
        assert all(await asyncio.gather(*(windows.take(name, 100, NOW) for name in names)))
    assert len(windows) <= 100
    assert windows.is_spent("bad:203.0.113.1", NOW)
    # What was pushed out is known to the database: it gives no more than the limit.
    assert await count(windows, "bad:203.0.113.1:0", 100, 200) < 100


async def test_spent_windows_alone_do_not_fill_it_either(session: Counting) -> None:
    windows = Windows(session, MINUTE, max_names=100)
    for number in range(300):
        assert await windows.take(f"bad:{number}", 1, NOW)
    assert len(windows) <= 100
    assert windows.is_spent("bad:299", NOW)


async def test_windows_that_are_over_are_forgotten(session: Counting) -> None:
    windows = Windows(session, MINUTE)
    await count(windows, "name", 1, 2)
    assert windows.any_spent
    await windows.forget(NOW + 3 * MINUTE)
    assert (len(windows), windows.any_spent) == (0, False)


async def test_nobody_is_limited_while_the_database_is_away(database: str) -> None:
    session = Session("postgresql://nobody@127.0.0.1:1/none", "away")
    windows = Windows(session, 1)
    taken = await asyncio.gather(*(windows.take(f"name {number}", 1, NOW) for number in range(50)))
    assert all(taken)
    assert len(windows) == 0


async def test_a_lost_connection_is_made_again(session: Counting, database: str) -> None:
    windows = Windows(session, 1)
    await windows.take("name", 1, NOW)
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tocsin limits'")
    assert await windows.take("other", 1, NOW)

    async def look() -> Any:
        await windows.take("third", 1, NOW)
        return windows.is_spent("third", NOW)

    await until(look, 10)
