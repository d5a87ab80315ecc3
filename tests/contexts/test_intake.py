"""The worker's intake: who brings receipts is told when they are stored. See desk.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.contexts.desk import (
    DAYS_S,
    Desk,
    receipt,
    wait_for_lockers,
)
from tocsin.carriers import ChannelFacts, open_link
from tocsin.queue import Waker
from tocsin.traffic import Reason
from tocsin.workers.hands import Hands
from tocsin.workers.lane import Lane
from tocsin.workers.lease import Lease
from tocsin.workers.receive import Intake


@pytest.fixture
async def intake(desk: Desk) -> AsyncIterator[Intake]:
    """Of a lane whose link is not open: only receipts come."""
    channel = desk.table.channel(desk.channel)
    assert channel is not None
    waker = Waker(desk.session)
    lease = Lease(desk.dsn, 15.0)
    assert await lease.clock.ask(desk.session)
    hands = Hands(desk.dsn, lease, desk.books, desk.ground, lambda _m, _t, present: present, DAYS_S, waker)
    link = open_link(channel.kind, ChannelFacts(channel.id, channel.name), desk.dsn)
    lane = Lane(channel, link, hands)
    made = Intake(lane, hands)
    task = asyncio.create_task(made.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.close()
    await lane.close()


async def test_what_cannot_be_stored_hurts_only_its_own_call(desk: Desk, intake: Intake) -> None:
    """They came together and were tried together; the carrier brings the bad one again, and only that."""
    account = await desk.add_account()
    ids = await desk.accept(account, 2)
    names = await desk.submit(ids)
    calls = [[receipt(names[0])], [receipt("bad\x00id")], [receipt(names[1], Reason.UNDELIVERED)]]
    results = await asyncio.gather(*map(intake.receipts, calls), return_exceptions=True)
    assert [result is None for result in results] == [True, False, True]
    assert [desk.reason(each) for each in ids] == [Reason.SUCCESS, Reason.UNDELIVERED]
    await intake.receipts([receipt(names[0])])


async def test_who_brings_receipts_is_told_when_they_are_committed(desk: Desk, intake: Intake) -> None:
    account = await desk.add_account()
    ids = await desk.accept(account, 1)
    names = await desk.submit(ids)
    with psycopg.connect(desk.dsn) as blocker:
        blocker.execute("LOCK TABLE report IN SHARE MODE")
        task = asyncio.create_task(intake.receipts([receipt(names[0])]))
        await wait_for_lockers(desk, 1)
        assert not task.done()
        blocker.rollback()
        await task
    assert desk.reason(ids[0]) is Reason.SUCCESS
