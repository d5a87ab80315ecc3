"""A clerk takes one job after the other and works on it, step by step, until it is told to stop.

It holds a job by a lease that each step renews. A clerk that dies leaves the job to the next one, which begins the step anew: an
export is written again, a send goes on, with the idempotency keys that it had. It must not load Django, nor hold a file in memory.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import NamedTuple

import psycopg

from tocsin.clerk.api import Api
from tocsin.clerk.checking import check_upload
from tocsin.clerk.export import write_export
from tocsin.clerk.reading import read_upload
from tocsin.clerk.sending import send_upload
from tocsin.files import Desk, Full, Job, Kind, Lost, Step, Trouble
from tocsin.kit import clock
from tocsin.kit.db import LOST
from tocsin.kit.metrics import DATABASE_LOSSES, LOOP_ERRORS
from tocsin.queue import DatabaseClock

_LOG = logging.getLogger("tocsin.clerk")
_MOST_TRIES = 3
_FORGET_EVERY_S = 600.0
_LOOK_S = 0.4
_AWAY_S = 1.0
_LEASES = 4
"""A job is held for so many of the leases of the data plane: its steps, a call to the API among them, take seconds."""


class Stopped(Exception):  # noqa: N818  no error
    """The process ends: the job is given back."""


class Tools(NamedTuple):
    """What a clerk works with. `files_bytes`: of an account at most.

    `wait`: sleeps so long, or less when the process is to end, which it returns.
    """

    dsn: str
    lease_s: float
    files_days: int
    files_bytes: int
    clock: DatabaseClock
    wait: Callable[[float], bool]
    api: Api


class Clerk:
    """One thread's work; there may be several in a process."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._forget_at_s = 0.0

    def run(self) -> None:
        """Work until `wait` says so. A lost database is waited for."""
        while not self._tools.wait(0):
            try:
                with psycopg.connect(self._tools.dsn, autocommit=True, application_name="tocsin clerk") as conn:
                    conn.execute("SET timezone = 'UTC'")
                    self._serve(Desk(conn, self._tools.lease_s * _LEASES, self._tools.files_bytes))
            except LOST as error:
                DATABASE_LOSSES.labels("clerk").inc()
                _LOG.warning("the database is away: %s", error)
                self._tools.wait(_AWAY_S)

    def _serve(self, desk: Desk) -> None:
        while not self._tools.wait(0):
            if not self._is_clock_right(desk):
                self._tools.wait(_AWAY_S)
                continue
            job = desk.claim()
            if job is not None:
                self._work(desk, job)
            elif clock.monotonic_s() >= self._forget_at_s:
                self._forget_at_s = clock.monotonic_s() + _FORGET_EVERY_S
                desk.forget(self._tools.files_days)
            else:
                self._tools.wait(_LOOK_S)

    def _is_clock_right(self, desk: Desk) -> bool:
        """The API would refuse calls of a clerk whose clock is wrong, and jobs would fail for that."""
        before_s = self._tools.clock.read()
        row = desk.conn.execute("SELECT extract(epoch FROM clock_timestamp())::double precision").fetchone()
        assert row is not None
        self._tools.clock.note(before_s, row[0])
        return self._tools.clock.is_right()

    def _work(self, desk: Desk, job: Job) -> None:
        try:
            if job.tries > _MOST_TRIES:
                desk.fail(job, Trouble.BROKEN)
                return
            self._do(desk, job)
        except Lost:
            _LOG.info("job %s is no longer ours", job.id)
        except Full:
            desk.fail(job, Trouble.FULL)
        except Stopped:
            desk.put_off(job, 0.0)
        except LOST:
            raise
        except Exception:  # noqa: BLE001  the edge of the loop: one bad file must not stop the others
            LOOP_ERRORS.labels("clerk").inc()
            _LOG.exception("job %s of kind %s broke", job.id, job.kind)
            self._give_up(desk, job)

    def _give_up(self, desk: Desk, job: Job) -> None:
        with contextlib.suppress(Lost):
            desk.fail(job, Trouble.BROKEN)

    def _do(self, desk: Desk, job: Job) -> None:
        if job.kind is not Kind.UPLOAD:
            write_export(desk, job, self._check)
        elif job.step is Step.READ:
            read_upload(desk, job, self._check)
        elif job.step is Step.CHECK:
            check_upload(desk, job, self._tools.api, self._pause)
        else:
            send_upload(desk, job, self._tools.api, self._pause)

    def _check(self) -> None:
        """Raises Stopped."""
        self._pause(0)

    def _pause(self, wait_s: float) -> None:
        """Raises Stopped; also where the clock has jumped, and the job waits until it is right."""
        if self._tools.wait(wait_s) or not self._tools.clock.is_right():
            raise Stopped
