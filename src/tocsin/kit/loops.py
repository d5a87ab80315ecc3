"""The background loops of a process. One that dies unasked ends the whole process, and the supervisor starts it again.

Half a process is worse than none: one whose writer is gone takes requests that nobody answers, one whose lease is not
renewed holds what it no longer works on. Nothing is mended here: it is logged, counted, and the process ends in order,
by force where that takes too long.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any

from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.metrics import LOOP_ERRORS

LONGEST_PAUSE_S = 10.0
_TIMES_AS_LONG = 20.0
_LOG = logging.getLogger(__name__)


def pause_after(took_s: float, least_s: float) -> float:
    """The pause after a query of a polling loop that took `took_s`: the query uses at most a twentieth of the time.

    The cap is for a query that waited for a database that hung: its time says nothing about the next one.
    """
    return min(max(least_s, _TIMES_AS_LONG * took_s), LONGEST_PAUSE_S)


class Stop(asyncio.Event):
    """Set when the process is to end: it was told to, or a part of it is `broken` (its name)."""

    def __init__(self) -> None:
        super().__init__()
        self.broken = ""

    def fail(self, name: str, error: BaseException | None) -> None:
        """A part without which the process is of no use has ended."""
        LOOP_ERRORS.labels(name).inc()
        _LOG.critical("%s ended unasked, so this process ends", name, exc_info=error)
        self.broken = name
        self.set()
        # What ends in order may wait for the very part that is gone.
        asyncio.get_running_loop().call_later(END_WITHIN_S, os._exit, 1)


class Loops:
    """Loops that run until `end`; when one of them ends before that, `stop` fails."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._tasks: list[asyncio.Task[Any]] = []
        self._ending = False

    def start(self, *loops: Coroutine[Any, Any, None]) -> None:
        """Begin them."""
        for loop in loops:
            self.watch(asyncio.create_task(loop, name=getattr(loop, "__qualname__", "a loop")))

    def watch(self, task: asyncio.Task[Any]) -> None:
        """A loop that runs already."""
        self._tasks.append(task)
        task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[Any]) -> None:
        if not self._ending and not self._stop.is_set():
            self._stop.fail(task.get_name(), None if task.cancelled() else task.exception())

    def let_end(self) -> None:
        """From now on they may end by themselves."""
        self._ending = True

    async def end(self) -> None:
        """Cancel them and wait until they are gone."""
        self.let_end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
