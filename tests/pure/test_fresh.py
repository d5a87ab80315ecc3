"""A costly text is made once for all who ask together, and at most once a second."""

from __future__ import annotations

import asyncio

import pytest

from tocsin.api.fresh import Fresh


class Maker:
    """Makes texts: `1`, `2` ... Each takes until it is let go."""

    def __init__(self) -> None:
        self.made = 0
        self.now_s = 0.0
        self.may_go = asyncio.Event()
        self.may_go.set()

    async def make(self) -> bytes:
        self.made += 1
        made = self.made
        await self.may_go.wait()
        return b"%d" % made


async def test_it_is_made_anew_after_a_second() -> None:
    maker = Maker()
    fresh = Fresh(lambda: maker.now_s)
    texts = []
    for maker.now_s in (0.0, 0.9, 1.0, 1.5, 2.1):
        texts.append(await fresh.read(maker.make))
    assert texts == [b"1", b"1", b"2", b"2", b"3"]


async def test_all_who_ask_together_share_one() -> None:
    maker = Maker()
    maker.may_go.clear()
    fresh = Fresh(lambda: maker.now_s)
    asked = [asyncio.create_task(fresh.read(maker.make)) for _ in range(50)]
    await asyncio.sleep(0)
    maker.now_s = 30.0  # it took long: it is fresh from its end on
    maker.may_go.set()
    assert set(await asyncio.gather(*asked)) == {b"1"}
    assert maker.made == 1


async def test_who_goes_away_or_fails_leaves_it_to_the_next() -> None:
    maker = Maker()
    maker.may_go.clear()
    fresh = Fresh(lambda: maker.now_s)
    first = asyncio.create_task(fresh.read(maker.make))
    second = asyncio.create_task(fresh.read(maker.make))
    await asyncio.sleep(0)
    first.cancel()
    maker.may_go.set()
    assert await second == b"2"
    maker.now_s = 1.0

    async def fail() -> bytes:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await fresh.read(fail)
    assert await fresh.read(maker.make) == b"3"
