"""The worker process: lanes, intakes, upkeep."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tocsin.bootstrap.reference import Memory, load_memory
from tocsin.content import TRACKING
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.ids import Ids
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.seal import derive_keys
from tocsin.kit.settings import Settings
from tocsin.messaging import Answers, BatchNumbers, Books, Claimed, Ground, Linker, NextChannel, SlotLease, Terms, Text
from tocsin.queue import LANE, DatabaseClock, Listener, Waker
from tocsin.routing import Case
from tocsin.workers.failover import Alternatives, FailOver
from tocsin.workers.hands import Hands
from tocsin.workers.lease import Lease
from tocsin.workers.live import LiveWriter
from tocsin.workers.submit import Worker
from tocsin.workers.upkeep import Job, list_jobs, run_job

log = logging.getLogger(__name__)

SLOTS = 4
"""Batch numbers, for the answers to opt-outs: four each millisecond."""


async def run(settings: Settings, stop: Stop) -> None:
    """Work until `stop`."""
    dsn = settings.database_url
    memory = await load_memory(settings, "worker")
    books = Books(memory.directory.by_id, memory.endpoints, memory.reference)
    late_s = settings.schedule_late_s if settings.schedule_late == "drop" else None
    terms = Terms(books, memory.table, late_s, memory.guards)
    numbers = BatchNumbers()
    lease = Lease(dsn, settings.lease_s, DatabaseClock(settings.clock_off_s))
    ground = Ground(memory.table, Ids(), numbers, settings.validity_s, lease.clock.now_s, memory.guards)
    waker_session = Session(dsn, "worker wake")
    waker = Waker(waker_session)
    slots = SlotLease(dsn, numbers, SLOTS, lease.clock)
    alternatives = make_alternatives(memory)
    hands = Hands(
        dsn, lease, books, ground, make_next_channel(alternatives), settings.receipt_timeout_s, waker, make_linker(settings),
        memory.seal.open,
    )  # fmt: skip
    jobs = [
        *list_jobs(terms, Answers(ground, books), waker, settings, lease.clock.now_s),
        Job("fail-over", 1.0, FailOver(alternatives, waker).run),
    ]
    worker = Worker(memory.table, hands, settings.receipt_timeout_s, stop)
    lease.held_items = worker.held_items
    live = LiveWriter(dsn, lambda: lease.owner, worker.states)
    with contextlib.suppress(*LOST):
        await lease.renew()
        await slots.renew()
    woken = asyncio.Event()
    loops = Loops(stop)
    loops.start(
        lease.run(), live.run(), slots.run(), waker.run(), memory.reference.run(stop), Listener(dsn, LANE, woken).run(),
        _spread(woken, worker), *(run_job(job, dsn, lease.clock) for job in jobs),
    )  # fmt: skip
    try:
        await worker.run()
    finally:
        await loops.end()
        await live.close()
        with contextlib.suppress(*LOST):
            await lease.leave()
            await slots.close()
            await waker_session.close()


async def _spread(woken: asyncio.Event, worker: Worker) -> None:
    while True:
        await woken.wait()
        woken.clear()
        worker.wake()


def make_linker(settings: Settings) -> Linker | None:
    """What makes the links of emails; None: they are not tracked."""
    if not settings.tracking_url:
        return None
    return Linker(settings.tracking_url, derive_keys(settings, TRACKING)[0])


def make_alternatives(memory: Memory) -> Alternatives:
    """The other channels of the route: those after the present one, then round again."""

    def alternatives(message: Claimed, sender: str, present: int) -> tuple[int, ...]:
        account = memory.directory.by_id(message.account_id)
        if account is None:
            return ()
        way = memory.table.way(
            account, message.country_id, Case(message.product, message.priority, sender, None, clock.now_s())
        )
        pick = way.pick(message.phone) if way is not None else None
        if pick is None:
            return ()
        channels = pick.channels
        after = channels.index(present) + 1 if present in channels else 0
        others = tuple(each for each in (*channels[after:], *channels[:after]) if each != present)
        return memory.table.health.order(others, message.country_id)

    return alternatives


def make_next_channel(alternatives: Alternatives) -> NextChannel:
    """The route after the present one, round and round; a pinned message stays where it is."""

    def next_channel(message: Claimed, text: Text, present: int) -> int:
        if text.pinned_channel_id is not None:
            return present
        return next(iter(alternatives(message, message.find_sender(text.sender), present)), present)

    return next_channel
