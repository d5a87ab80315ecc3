"""What somebody must do now and then, whichever worker comes first: retries that are due, leases of the dead, time-outs,
unmatched receipts, roll-ups, partitions, retention.

Each job is a short transaction, safe to run twice and by several workers at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from psycopg import errors

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.messaging import Books, end_overdue, fold_rollups, keep_partitions, match_again

log = logging.getLogger(__name__)

_UNMATCHED_KEPT_TRYING_S = 3600.0
_EPOCHS_KEPT = 12


@dataclass(slots=True)
class Job:
    """Something to do every `every_s`; it returns how much it found, and is asked again at once while it finds much."""

    name: str
    every_s: float
    run: Callable[[Session], Awaitable[int]]


def list_jobs(books: Books, waker: queue.Waker, retention_days: int) -> list[Job]:
    """All jobs of the worker."""

    async def promote(session: Session) -> int:
        count = await queue.promote(session) + await queue.take_over(session)
        if count:
            waker.wake(queue.LANE)
        return count

    async def overdue(session: Session) -> int:
        count = await end_overdue(session, books, clock.now_s())
        if count:
            waker.wake(queue.OUTBOX)
        return count

    async def unmatched(session: Session) -> int:
        count = await match_again(session, books, _UNMATCHED_KEPT_TRYING_S)
        if count:
            waker.wake(queue.OUTBOX)
        return 0

    async def shares(session: Session) -> int:
        now = await queue.database_clock(session)
        await queue.forget_shares(session, queue.epoch_of(now) - _EPOCHS_KEPT)
        return 0

    async def partitions(session: Session) -> int:
        await keep_partitions(session, retention_days)
        return 0

    return [
        Job("promote", 0.1, promote),
        Job("overdue", 0.5, overdue),
        Job("unmatched", 0.5, unmatched),
        Job("rollup", 5.0, fold_rollups),
        Job("shares", 30.0, shares),
        Job("partitions", 600.0, partitions),
    ]


async def run_job(job: Job, dsn: str) -> None:
    """Until cancelled; a fault is logged and the job goes on at its next time."""
    session = Session(dsn, f"upkeep {job.name}")
    while True:
        found = 0
        try:
            found = await job.run(session)
        except (*LOST, errors.DeadlockDetected):
            log.info("upkeep %s waits for the database", job.name)
        except Exception:  # the edge of the loop
            log.exception("upkeep %s", job.name)
            LOOP_ERRORS.labels(job.name).inc()
        if not found:
            await asyncio.sleep(job.every_s)
