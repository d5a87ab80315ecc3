"""The API process: reference data, batch numbers, the group writer, the helper for large sends, and the server.

One process, one loop: the front runs in ours (docs/decisions/), so there is one thing to start and stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from tocsin import queue
from tocsin.accounts import CONSOLE_CALLS
from tocsin.api.bulk import Bulk
from tocsin.api.desk import ANSWER_WITHIN_S, Desk, Tracking, make_pools
from tocsin.api.ears import Ears
from tocsin.api.group import Group
from tocsin.api.journal import Journal
from tocsin.api.limits import Windows
from tocsin.api.server import Server
from tocsin.bootstrap.door import find_address
from tocsin.bootstrap.reference import Memory, load_memory
from tocsin.content import TRACKING, Places
from tocsin.front import Front, FrontLimits, open_tls
from tocsin.kit import clock, metrics
from tocsin.kit.db import LOST, Session
from tocsin.kit.files import raise_file_limit
from tocsin.kit.ids import Ids
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.seal import derive_keys
from tocsin.kit.settings import Settings
from tocsin.kit.window import Window
from tocsin.messaging import BatchNumbers, Books, Ground, SlotLease, Terms
from tocsin.queue import DatabaseClock, Waker

log = logging.getLogger(__name__)

SLOTS = 64
_READY_AGE_S = 3.0
_FORGET_S = 60.0
_STOP_S = END_WITHIN_S / 3  # for the answers under way
_FEWEST = 64
_OTHER_FILES = 256  # sessions, logs, what is read


class Plant:
    """A desk and the loops behind it; the API and its helper each have one."""

    def __init__(self, settings: Settings, memory: Memory, name: str, stop: Stop) -> None:
        dsn = settings.database_url
        self.numbers = BatchNumbers()
        self.clock = DatabaseClock(settings.clock_off_s)
        self.slots = SlotLease(dsn, self.numbers, SLOTS, self.clock)
        ground = Ground(
            memory.table, Ids(), self.numbers, settings.validity_s, self.clock.now_s, memory.guards, memory.templates,
            memory.mail_domains,
        )  # fmt: skip
        tracking = Tracking(
            derive_keys(settings, TRACKING), Places(settings.mmdb), window=Window(settings.link_events_per_address)
        )
        self._memory = memory
        self._waker_session = Session(dsn, f"{name} wake", answer_within_s=ANSWER_WITHIN_S)
        self._rates_session = Session(dsn, f"{name} limits", answer_within_s=ANSWER_WITHIN_S)
        self._strangers_session = Session(dsn, f"{name} strangers", answer_within_s=ANSWER_WITHIN_S)
        self.desk = Desk(
            settings, memory.directory, ground, Group(dsn), Windows(self._rates_session, 1),
            Windows(self._strangers_session, 60), make_pools(dsn), Waker(self._waker_session),
            Terms(Books(memory.directory.by_id, memory.endpoints, memory.reference), memory.table, guards=memory.guards),
            tracking, Ears(memory.table, memory.seal.open),
            derive_keys(settings, CONSOLE_CALLS),
        )  # fmt: skip
        self.desk.is_ready = self._is_ready
        self.desk.is_clock_right = self.clock.is_right
        self._stop = stop
        self._loops = Loops(stop)

    def _is_ready(self) -> bool:
        return bool(self.numbers.slots) and self.clock.is_right() and self._memory.reference.age_s() < _READY_AGE_S

    async def start(self) -> None:
        """Begin the loops."""
        with contextlib.suppress(*LOST):
            await self.slots.renew()
        self._loops.start(
            self.slots.run(), self.desk.group.run(), self.desk.waker.run(), self._memory.reference.run(self._stop),
            metrics.flush_on(),
        )  # fmt: skip

    async def close(self) -> None:
        """End in order."""
        await self._loops.end()
        metrics.flush()
        with contextlib.suppress(*LOST):
            await self.slots.close()
        await self.desk.group.close()
        await self.desk.pools.close()
        await self._waker_session.close()
        await self._rates_session.close()
        await self._strangers_session.close()


async def run(settings: Settings, stop: Stop) -> None:
    """Serve until `stop`."""
    memory = await load_memory(settings, "api", sends=True)
    plant = Plant(settings, memory, "api", stop)
    await plant.start()
    bulk = Bulk(settings, stop)
    bulk.start()
    plant.desk.bulk = bulk.send
    loops = Loops(stop)
    noting = Session(settings.database_url, "api journal", answer_within_s=ANSWER_WITHIN_S)
    journal = Journal(noting, settings.request_log_rows_per_day)
    loops.start(
        queue.stay_registered(settings.database_url, "api", ANSWER_WITHIN_S, plant.clock),
        _forget_windows(plant),
        journal.run(),
    )
    front = Front(Server(plant.desk, journal), _read_limits(settings), settings.trusted_proxies)
    await front.listen(
        find_address(settings.host), settings.port, tls=open_tls(settings), shared=settings.api_processes > 1
    )
    loops.start(front.run())
    await stop.wait()
    await front.stop(_STOP_S)
    await loops.end()
    await journal.write(clock.now_s(), last=True)
    await noting.close()
    await bulk.close()
    await plant.close()


def _read_limits(settings: Settings) -> FrontLimits:
    """As many connections as are set and the system has files for."""
    files = max(raise_file_limit() - _OTHER_FILES, _FEWEST)
    return FrontLimits(
        connections=min(settings.connections, files), per_address=min(settings.connections_per_address, files)
    )


async def _forget_windows(plant: Plant) -> None:
    while True:
        await asyncio.sleep(_FORGET_S)
        for windows in (plant.desk.rates, plant.desk.bad_signs):
            with contextlib.suppress(*LOST):
                await windows.forget(clock.now_s())
