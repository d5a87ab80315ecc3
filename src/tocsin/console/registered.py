"""The console's row in the table of processes: a thread with a loop of its own holds it, since pages are made in threads."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading

import psycopg

from tocsin import queue

_AGAIN_S = 5.0
_LEAVE_WITHIN_S = 1.0
log = logging.getLogger("tocsin.console")


class Registered:
    """Registered from `start` on until `end`; a database that is away, or not migrated yet, is waited for."""

    def __init__(self, dsn: str, clock_off_s: float) -> None:
        self._dsn = dsn
        self._clock_off_s = clock_off_s
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="registration", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Leave in order, where the database answers at once."""
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(_LEAVE_WITHIN_S)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._stay())
        self._loop.close()

    async def _stay(self) -> None:
        self._task = asyncio.current_task()
        while True:
            try:
                await queue.stay_registered(self._dsn, "console", database_clock=queue.DatabaseClock(self._clock_off_s))
            except psycopg.Error as error:
                log.warning("the console cannot register itself: %s", error)
            await asyncio.sleep(_AGAIN_S)
