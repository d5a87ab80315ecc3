"""Writes down once a second how this worker's links are. It must not disturb their work: a fault is logged, no more."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from tocsin import queue
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.traffic import LinkState

log = logging.getLogger(__name__)

EVERY_S = 1.0
_ANSWER_WITHIN_S = 5.0


class LiveWriter:
    """`owner`: id of this process, 0 while it is not registered; `states`: of its links, by channel."""

    def __init__(self, dsn: str, owner: Callable[[], int], states: Callable[[], Mapping[int, LinkState]]) -> None:
        self._session = Session(dsn, "worker links", answer_within_s=_ANSWER_WITHIN_S)
        self._owner = owner
        self._states = states

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._owner():
                    await queue.write_states(self._session, self._owner(), self._states())
            except LOST:
                log.info("the state of links waits for the database")
            except Exception:  # the edge of the loop
                log.exception("the state of links")
                LOOP_ERRORS.labels("links").inc()
            await asyncio.sleep(EVERY_S)

    async def close(self) -> None:
        """This process has no links any more."""
        with contextlib.suppress(*LOST):
            await queue.write_states(self._session, self._owner(), {})
            await self._session.close()
