"""What a clerk does with a job that it holds. Each call is a transaction of its own here: a clerk is the door of its jobs.

Every write first renews the lease in the same transaction, which locks the job's row: who no longer holds the job writes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.files import jobs, rows, store
from tocsin.files.model import Full, Job, Lost, State, Step
from tocsin.files.store import Held
from tocsin.kit.db import LOST

Conn = Connection[TupleRow]
_NOTHING: dict[str, Any] = {}


class Desk:
    """A clerk's hands: one connection (autocommit), one job at a time."""

    def __init__(self, conn: Conn, lease_s: float, most_bytes: int) -> None:
        """`most_bytes`: of all files of an account."""
        self.conn = conn
        self._lease_s = lease_s
        self._most_bytes = most_bytes
        self._owner: UUID = uuid4()
        self._turn = 0
        self._size_bytes = 0
        self._rows, self._percent = 0, 0

    def claim(self) -> Job | None:
        """The next job; None: there is nothing to do. What an earlier try wrote of its file is dropped by `begin`."""
        self._owner = uuid4()  # a new one for each job: the old one's last write cannot meet the new one
        found = store.claim(self.conn, self._owner, self._lease_s)
        self._turn = self._size_bytes = 0
        self._rows, self._percent = (found.rows_done, found.percent) if found else (0, 0)
        return found

    def _hold(self, job: Job) -> None:
        held = Held(job.id, self._owner)
        if not store.touch(self.conn, held, self._lease_s, self._rows, self._percent):
            raise Lost

    def tell(self, job: Job, rows: int, percent: int) -> None:
        """How far it is. Raises Lost."""
        self._rows, self._percent = rows, percent
        self._hold(job)

    @contextmanager
    def hold(self, job: Job) -> Iterator[Conn]:
        """A transaction in which the job is surely ours. Raises Lost."""
        with self.conn.transaction():
            self._hold(job)
            yield self.conn

    @contextmanager
    def keeping(self, job: Job) -> Iterator[None]:
        """Renew the lease meanwhile, during work that does not touch the database and may take long."""
        over = threading.Event()

        def renew() -> None:
            while not over.wait(self._lease_s / 3):
                with suppress(Lost, *LOST):  # the next write finds out too
                    self._hold(job)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def begin(self, job: Job) -> None:
        """Drop the bytes of an earlier try. Raises Lost."""
        with self.conn.transaction():
            self._hold(job)
            store.drop_chunks(self.conn, job.id)

    def write(self, job: Job, data: bytes) -> None:
        """Append bytes to its file. Raises Lost, Full."""
        self._size_bytes += len(data)
        with self.conn.transaction():
            self._hold(job)
            store.insert_chunk(self.conn, job.id, self._turn, data)
            store.set_size(self.conn, job.id, self._size_bytes)
            self.check_room(job)
        self._turn += 1

    def check_room(self, job: Job) -> None:
        """Raise Full where the account's files take more than they may."""
        if store.read_bytes_kept(self.conn, job.account_id) > self._most_bytes:
            raise Full

    @property
    def size_bytes(self) -> int:
        """Written by now."""
        return self._size_bytes

    def read(self, job: Job) -> Iterator[bytes]:
        """The bytes of its file."""
        return jobs.read_bytes(self.conn, job.id)

    def finish(self, job: Job, step: Step, state: State, found: Mapping[str, Any] = _NOTHING) -> None:
        """Done, or at a step where its user goes on. Raises Lost."""
        self._end(job, step=step, state=state, trouble="", found=found, again_s=0.0)

    def fail(self, job: Job, trouble: str, found: Mapping[str, Any] = _NOTHING) -> None:
        """It cannot be done, and its bytes go; rows that were read stay, for its user may go on. Raises Lost."""
        with self.conn.transaction():
            self._end(job, step=job.step, state=State.FAILED, trouble=trouble, found=found, again_s=0.0)
            store.drop_chunks(self.conn, job.id)
            if job.step is Step.READ:
                rows.drop_rows(self.conn, job.id)

    def put_off(self, job: Job, again_s: float) -> None:
        """Give it back; somebody takes it again after so long. Raises Lost."""
        self._end(job, step=job.step, state=State.WAITING, trouble="", found={}, again_s=again_s)

    def _end(self, job: Job, **values: Any) -> None:
        if not store.end(self.conn, Held(job.id, self._owner), values):
            raise Lost

    def forget(self, days: int) -> int:
        """Take away what is older; how many."""
        return store.forget(self.conn, days)
