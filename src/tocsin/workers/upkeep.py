"""What somebody must do now and then, whichever worker comes first: retries and schedules that are due,
leases of the dead, time-outs, unmatched receipts, roll-ups, partitions, retention.

Each job is a short transaction, safe to run twice and by several workers at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from psycopg import errors

from tocsin import billing, queue
from tocsin.audit import forget_requests
from tocsin.compliance import forget_windows
from tocsin.kit.db import LOST, Session
from tocsin.kit.metrics import LOOP_ERRORS
from tocsin.kit.settings import Settings
from tocsin.media import forget_files
from tocsin.messaging import (
    Answers,
    Terms,
    end_expired,
    end_overdue,
    end_stopped,
    fold_batches,
    fold_rollups,
    forget_keys,
    join_replies,
    keep_partitions,
    match_again,
    move_due,
)
from tocsin.routing import BreakerTerms, forget_finals
from tocsin.webhooks import drop_orphans, forget_attempts, has_open_replays, work_off

log = logging.getLogger(__name__)

_UNMATCHED_KEPT_TRYING_S = 3600.0
_EPOCHS_KEPT = 12
_ACCOUNTS = 200  # of which the ledger is folded in one transaction
_DAY_S = 86400.0
_SKEW_S = 600.0  # an API whose clock is behind the database's still counts in windows that are over here
_LONGEST_WAIT_DAYS = 31


Run = Callable[[Session], Awaitable[int]]


@dataclass(slots=True)
class Job:
    """Something to do every `every_s`; it returns how much it found, and is asked again at once while it finds much."""

    name: str
    every_s: float
    run: Run
    again: bool = True


def list_jobs(
    terms: Terms, answers: Answers, waker: queue.Waker, settings: Settings, now_s: Callable[[], float]
) -> list[Job]:
    """All jobs of the worker. `now_s`: the database's clock, by which they end and move rows."""
    books = terms.books

    def waking(name: str, run: Run) -> Run:
        async def run_and_wake(session: Session) -> int:
            count = await run(session)
            if count:
                waker.wake(name)
            return count

        return run_and_wake

    async def join(session: Session) -> int:
        return (await join_replies(session, answers)).matched

    return [
        Job("promote", 0.1, waking(queue.LANE, queue.promote)),
        Job(
            "take over",
            min(1.0, settings.lease_s / 8),
            waking(queue.LANE, lambda s: queue.take_over(s, settings.lease_s)),
        ),
        Job("schedule", 0.2, waking(queue.LANE, waking(queue.OUTBOX, lambda s: move_due(s, terms, now_s())))),
        Job("stopped", 0.3, waking(queue.OUTBOX, lambda s: end_stopped(s, books, now_s()))),
        Job("overdue", 0.5, waking(queue.OUTBOX, lambda s: end_overdue(s, books, now_s()))),
        # What stays unmatched is looked at again at the next time, not at once.
        Job(
            "unmatched",
            0.5,
            waking(queue.OUTBOX, lambda s: match_again(s, books, _UNMATCHED_KEPT_TRYING_S, now_s())),
            again=False,
        ),
        Job("replies", 0.5, waking(queue.LANE, waking(queue.OUTBOX, join)), again=False),
        Job("rollup", 2.0, lambda s: _fold(s, settings)),
        Job("ledger", 20.0, _fold_ledger),
        Job(
            "expired",
            min(30.0, settings.validity_s / 4),
            waking(queue.OUTBOX, lambda s: end_expired(s, books, settings.validity_s, now_s())),
        ),
        Job("links", 5.0, _forget_states, again=False),
        Job("forget", 30.0, lambda s: _forget(s, settings)),
        Job("orphans", 30.0, drop_orphans),
        Job("replays", 1.0, waking(queue.OUTBOX, lambda s: _replay(s, settings))),
        Job("partitions", 600.0, lambda s: _keep_partitions(s, settings)),
    ]


async def _fold(session: Session, settings: Settings) -> int:
    terms = BreakerTerms(settings.breaker_window, settings.breaker_factor, settings.breaker_half_open_s)
    async with session.transaction():
        folded = await fold_rollups(session, terms)
        changes = await fold_batches(session)
    for turn in folded.turned:
        log.warning(
            "the breaker of channel %s to %s is %s: delivered %.1f %% of the last, %.1f %% of the day",
            turn.channel, turn.country or "no country", turn.state, 100 * turn.rate_last, 100 * turn.rate_day,
        )  # fmt: skip
    return folded.deltas + changes


async def _fold_ledger(session: Session) -> int:
    folded = await billing.fold_ledger(session, _ACCOUNTS)
    return folded if folded == _ACCOUNTS else 0  # accounts that go on sending are folded at the next time


async def _forget_states(session: Session) -> int:
    await queue.forget_states(session)
    return 0


async def _forget(session: Session, settings: Settings) -> int:
    now = await queue.database_clock(session)
    await queue.forget_shares(session, queue.epoch_of(now) - _EPOCHS_KEPT)
    await queue.forget_processes(session)
    await forget_keys(session, settings.idempotency_s)
    await forget_finals(session)
    await forget_attempts(session, settings.push_log_days)
    await forget_windows(session, now - _SKEW_S)
    # Counted from the send: it may be scheduled a month ahead, and then is kept as long as any.
    await forget_files(session, settings.retention_days + _LONGEST_WAIT_DAYS + int(settings.validity_s / _DAY_S) + 1)
    await forget_requests(session, settings.request_log_days)  # last: it is put off while somebody reads long
    return 0


async def _replay(session: Session, settings: Settings) -> int:
    """A second of a replay, in a thread: it is written for a connection of its own."""
    return await asyncio.to_thread(work_off, settings.database_url) if await has_open_replays(session) else 0


async def _keep_partitions(session: Session, settings: Settings) -> int:
    await keep_partitions(session, settings.retention_days * _DAY_S + settings.validity_s)
    return 0


async def run_job(job: Job, dsn: str, database_clock: queue.DatabaseClock) -> None:
    """Until cancelled; a fault is logged and the job goes on at its next time.

    Each run begins with a look at the clocks: a run that began on a wrong one, ours or the database's, could end what is good, or
    drop a partition.
    """
    session = Session(dsn, f"upkeep {job.name}", generic_plans=True)
    while True:
        found = 0
        try:
            if await database_clock.ask(session):
                found = await job.run(session)
        except (*LOST, errors.DeadlockDetected):
            log.info("upkeep %s waits for the database", job.name)
        except Exception:  # the edge of the loop
            log.exception("upkeep %s", job.name)
            LOOP_ERRORS.labels(job.name).inc()
        if not found or not job.again:
            await asyncio.sleep(job.every_s)
