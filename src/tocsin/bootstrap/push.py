"""Builds the pusher process: sessions, address guard, lanes' tools."""

from __future__ import annotations

import asyncio
import contextlib

from tocsin import queue
from tocsin.kit.address import Guard
from tocsin.kit.db import LOST, Session
from tocsin.kit.egress import Egress
from tocsin.kit.files import raise_file_limit
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.reference import Reference
from tocsin.kit.seal import open_seal
from tocsin.kit.settings import Settings
from tocsin.webhooks import Endpoints, Keys, Reader, Room, Settler, Tools, Trials, reading_dsn
from tocsin.workers.push import Pusher

_AGAIN_S = 1.0


async def run(settings: Settings, stop: Stop) -> None:
    """Push until `stop` is set."""
    raise_file_limit()  # each push in flight is a socket
    dsn = settings.database_url
    seal = open_seal(settings)
    endpoints = Endpoints()
    reference = Reference(dsn, "push reference")
    reference.add(endpoints)
    sessions = [Session(dsn, "push"), Session(reading_dsn(dsn), "push read", generic_plans=True)]
    main, reading = sessions
    writing = Session(reading_dsn(dsn), "push write", generic_plans=True)
    tools = Tools(
        endpoints,
        Egress(Guard(settings.push_allow)),
        Reader(reading),
        Settler(writing),
        Room(),
        Keys(seal.open),
        settings.push_first_retry_s,
        settings.push_give_up_s,
    )
    trying = Session(dsn, "push tests")
    trials = Trials(trying, tools.egress, tools.keys, tools.settler)
    pusher = Pusher(
        main, queue.Registration("push", queue.DatabaseClock(settings.clock_off_s)), settings.lease_s, tools
    )
    await _load(reference, main, stop)
    listener = queue.Listener(dsn, queue.OUTBOX, pusher.news)
    loops = Loops(stop)
    loops.start(reference.run(stop), listener.run(), tools.settler.run(), trials.run())
    try:
        await pusher.run(stop)
    finally:
        await loops.end()
        tools.egress.close()
        for session in (*sessions, writing, trying):
            with contextlib.suppress(*LOST):
                await session.close()


async def _load(reference: Reference, session: Session, stop: Stop) -> None:
    """The first reading; the database may come later than we do."""
    while not stop.is_set():
        try:
            await reference.load_all(session)
        except LOST:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S):
                    await stop.wait()
        else:
            return
