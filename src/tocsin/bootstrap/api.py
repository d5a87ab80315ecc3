"""The API process: reference data, batch numbers, the group writer, the helper for large sends, and the server.

One process, one loop: the HTTP server runs embedded in ours (docs/decisions/), so there is one thing to start and stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server as HttpServer

from tocsin.api.bulk import Bulk
from tocsin.api.desk import Desk, Readers
from tocsin.api.group import Group
from tocsin.api.limits import Allowance
from tocsin.api.server import Server
from tocsin.bootstrap.reference import Memory, load_memory
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.ids import Ids
from tocsin.kit.settings import Settings
from tocsin.messaging import BatchNumbers, Ground, SlotLease
from tocsin.queue import Registration, Waker

log = logging.getLogger(__name__)

SLOTS = 64
_READY_AGE_S = 3.0
_BEAT_S = 3.0
_FORGET_S = 60.0


class Plant:
    """A desk and the loops behind it; the API and its helper each have one."""

    def __init__(self, settings: Settings, memory: Memory, name: str) -> None:
        dsn = settings.database_url
        self.numbers = BatchNumbers()
        self.slots = SlotLease(dsn, self.numbers, SLOTS)
        ground = Ground(memory.table, Ids(), self.numbers, settings.validity_s, clock.now_s)
        self._memory = memory
        self._waker_session = Session(dsn, f"{name} wake")
        self._limits_session = Session(dsn, f"{name} limits")
        self.desk = Desk(
            settings, memory.directory, ground, Group(dsn), Allowance(self._limits_session), Readers(dsn, 4),
            Waker(self._waker_session),
        )  # fmt: skip
        self.desk.is_ready = self._is_ready
        self._tasks: list[asyncio.Task[Any]] = []

    def _is_ready(self) -> bool:
        return bool(self.numbers.slots) and self._memory.reference.age_s() < _READY_AGE_S

    async def start(self, stop: asyncio.Event) -> None:
        """Begin the loops."""
        with contextlib.suppress(*LOST):
            await self.slots.renew()
        loops: list[Coroutine[Any, Any, None]] = [
            self.slots.run(), self.desk.group.run(), self.desk.waker.run(), self._memory.reference.run(stop),
        ]  # fmt: skip
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def close(self) -> None:
        """End in order."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*LOST):
            await self.slots.close()
        await self.desk.group.close()
        await self.desk.readers.close()
        await self._waker_session.close()
        await self._limits_session.close()


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Serve until `stop`."""
    memory = await load_memory(settings, "api")
    plant = Plant(settings, memory, "api")
    await plant.start(stop)
    bulk = Bulk(settings)
    await bulk.start()
    plant.desk.bulk = bulk.send
    beat = asyncio.create_task(_beat(settings))
    forget = asyncio.create_task(_forget_windows(plant))
    server = HttpServer(
        Server(plant.desk), address=settings.host, port=settings.port, interface=Interfaces.RSGI, log_enabled=False, backlog=2048,
        websockets=False, http=HTTPModes.http1, ssl_cert=settings.tls_certificate, ssl_key=settings.tls_key,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    await serving
    for task in (beat, forget):
        task.cancel()
    await asyncio.gather(beat, forget, return_exceptions=True)
    await bulk.close()
    await plant.close()


async def _forget_windows(plant: Plant) -> None:
    while True:
        await asyncio.sleep(_FORGET_S)
        with contextlib.suppress(*LOST):
            await plant.desk.allowance.forget(clock.now_s())


async def _beat(settings: Settings) -> None:
    """The process's row in the table of processes."""
    session = Session(settings.database_url, "api process")
    registration = Registration("api")
    try:
        while True:
            with contextlib.suppress(*LOST):
                if await registration.hold(session):
                    await registration.beat(session)
            await asyncio.sleep(_BEAT_S)
    finally:
        with contextlib.suppress(*LOST):
            await registration.leave(session)
            await session.close()
