"""Turns: a customer's requests wait behind his own, lines are bounded and take turns, and who goes away leaves no trace."""

from __future__ import annotations

import asyncio

import pytest

from tocsin.api.turns import CrowdedError, Turns
from tocsin.kit.db import LOST


class Crowd:
    """Requests that hold their places until they are let go, in the order in which they got them."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """`a1`: the first request of customer a."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._ask(name))
        await self.settle()

    async def _ask(self, name: str) -> None:
        async with self.turns.take(name[0]):
            self.began.append(name)
            await self._ends[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self._ends[name].set()
        await self.settle()

    def task(self, name: str) -> asyncio.Task[None]:
        return self._tasks[name]

    async def leave(self, name: str) -> None:
        self._tasks[name].cancel()
        await self.settle()

    @staticmethod
    async def settle() -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_customer_waits_behind_his_own_and_nobody_else_does() -> None:
    crowd = Crowd(Turns(3))
    await crowd.come("a1", "a2", "a3", "b1")
    assert crowd.began == ["a1", "b1"]
    await crowd.end("a1")
    assert crowd.began == ["a1", "b1", "a2"]


async def test_lines_take_turns() -> None:
    crowd = Crowd(Turns(1))
    await crowd.come("x1", "a1", "a2", "a3", "b1", "b2", "c1")
    for name in ("x1", "a1", "b1", "c1", "a2", "b2"):
        await crowd.end(name)
    assert crowd.began == ["x1", "a1", "b1", "c1", "a2", "b2", "a3"]


async def test_the_customer_who_waits_longest_is_next_whatever_others_hold_and_bring() -> None:
    crowd = Crowd(Turns(2, each=2))
    await crowd.come("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert crowd.began == ["a1", "a2"]
    await crowd.end("a1")
    assert crowd.began[2:] == ["a3"], "a has waited longest, though it holds a place"
    await crowd.come("d1")
    await crowd.end("a2", "a3", "b1", "c1")
    assert crowd.began[3:] == ["b1", "c1", "a4", "d1"], "a's last turn is longer ago than d's coming, b's is not"
    await crowd.end("a4")
    assert crowd.began[-1] == "b2"


async def test_who_may_have_no_more_keeps_his_turn() -> None:
    crowd = Crowd(Turns(2, each=1))
    await crowd.come("a1", "b1", "a2", "c1", "d1")
    await crowd.end("b1")
    assert crowd.began == ["a1", "b1", "c1"], "a holds what it may"
    await crowd.end("a1")
    assert crowd.began[-1] == "a2", "and comes before d, which came later"


async def test_a_newcomer_takes_the_place_of_the_last_in_the_longest_line() -> None:
    turns = Turns(1, waiting=3, crowd=5)
    crowd = Crowd(turns)
    await crowd.come("x1", "a1", "a2", "a3", "b1", "b2")
    last = crowd.task("a3")
    await crowd.come("c1")
    with pytest.raises(CrowdedError):
        await last
    with pytest.raises(CrowdedError):
        await turns.wait("b")  # its line is as long as any
    for name in ("x1", "a1", "b1", "c1", "a2"):
        await crowd.end(name)
    assert crowd.began == ["x1", "a1", "b1", "c1", "a2", "b2"]


async def test_who_leaves_as_he_is_sent_away_gives_no_place_back_that_he_never_had() -> None:
    turns = Turns(1, crowd=2)
    await turns.wait("x")
    waiting = [asyncio.create_task(turns.wait("a")) for _ in range(2)]
    await asyncio.sleep(0)
    newcomer = asyncio.create_task(turns.wait("b"))
    asyncio.get_running_loop().call_soon(waiting[1].cancel)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    with pytest.raises((asyncio.CancelledError, CrowdedError)):
        await waiting[1]
    assert not waiting[0].done()
    assert not newcomer.done()
    turns.give_back("x")
    await waiting[0]
    assert not newcomer.done()


async def test_a_line_is_bounded_and_says_so() -> None:
    crowd = Crowd(Turns(4, waiting=2))
    await crowd.come("a1", "a2", "a3")
    with pytest.raises(CrowdedError) as raised:
        await crowd.turns.wait("a")
    assert isinstance(raised.value, LOST), "as a loss of the database, it is answered with -12 and Retry-After"
    await crowd.come("b1")
    assert crowd.began == ["a1", "b1"], "the lines of others are their own"


async def test_who_goes_away_leaves_his_place_and_the_line() -> None:
    crowd = Crowd(Turns(1, waiting=2))
    await crowd.come("a1", "a2", "a3")
    await crowd.leave("a2")
    await crowd.leave("a1")
    assert crowd.began == ["a1", "a3"]
    await crowd.leave("a3")
    await crowd.come("b1")
    assert crowd.began == ["a1", "a3", "b1"]


async def test_a_place_that_is_given_to_who_just_left_goes_on_to_the_next() -> None:
    turns = Turns(1)
    await turns.wait("a")
    second = asyncio.create_task(turns.wait("b"))
    await asyncio.sleep(0)
    turns.give_back("a")
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    async with asyncio.timeout(1):
        await turns.wait("c")


async def test_nothing_is_kept_of_who_asks_for_nothing() -> None:
    crowd = Crowd(Turns(1))
    await crowd.come("a1", "a2", "b1")
    await crowd.leave("b1")
    await crowd.end("a1", "a2")
    assert not crowd.turns._held
    assert not crowd.turns._lines
