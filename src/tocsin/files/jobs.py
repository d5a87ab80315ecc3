"""Jobs as their users and the console see them. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.files import rows, store
from tocsin.files.model import EXPORTS, Job, Kind, State, Step
from tocsin.files.store import New

NEWEST = (1 << 63) - 1
MOST_LIVE = 10
"""Jobs of an account that wait or run."""

Conn = Connection[TupleRow]


def start(conn: Conn, new: New) -> int | None:
    """Id of the new job; None where the account has MOST_LIVE under way."""
    store.lock_account(conn, new.account_id)
    if store.count_live(conn, new.account_id) >= MOST_LIVE:
        return None
    return store.insert_job(conn, new)


def read_bytes_kept(conn: Conn, account_id: int) -> int:
    """What the account's files take: exports, uploads with their rows, and attachments of sends that wait."""
    return store.read_bytes_kept(conn, account_id)


def has_room(conn: Conn, account_id: int, more: int, most: int) -> bool:
    """Whether the account's files may take `more` bytes. Nobody else begins a file of the account until the transaction ends."""
    store.lock_account(conn, account_id)
    return store.read_bytes_kept(conn, account_id) + more <= most


def find(conn: Conn, account_id: int, job_id: int) -> Job | None:
    """A job of the account; None where it has none of that id."""
    return store.find_job(conn, account_id, job_id) if 0 < job_id <= NEWEST else None


def list_jobs(
    conn: Conn, account_id: int, kinds: Sequence[Kind] = EXPORTS, before: int = NEWEST, limit: int = 50
) -> list[Job]:
    """The account's jobs of those kinds, newest first."""
    return store.list_jobs(conn, account_id, kinds, before, limit)


def move_on(conn: Conn, job: Job, step: Step, asked: Mapping[str, Any]) -> bool:
    """Its user has done his part: a clerk takes the next step. False: it is no longer as he saw it."""
    values = {
        "account": job.account_id, "id": job.id, "was_step": job.step, "was": [str(job.state)],
        "step": step, "state": State.WAITING, "asked": asked,
    }  # fmt: skip
    return store.set_job(conn, values)


def put_bytes(conn: Conn, job_id: int, pieces: Iterable[bytes]) -> None:
    """The file of a new job, as it was brought."""
    for turn, data in enumerate(pieces):
        store.insert_chunk(conn, job_id, turn, data)


def reopen(conn: Conn, job: Job, step: Step) -> bool:
    """Its user goes back to a step of his. False: it is no longer as he saw it."""
    values = {
        "account": job.account_id, "id": job.id, "was_step": job.step, "was": [str(job.state)],
        "step": step, "state": State.OPEN, "asked": {},
    }  # fmt: skip
    return store.set_job(conn, values)


def cancel(conn: Conn, account_id: int, job_id: int) -> bool:
    """End it before it is done; whether there was something to end. Its bytes go, but for the rows of what was being sent."""
    step = store.cancel(conn, account_id, job_id)
    if step is None:
        return False
    store.drop_chunks(conn, job_id)
    if step is not Step.SEND:
        rows.drop_rows(conn, job_id)
    return True


def remove(conn: Conn, account_id: int, job_id: int) -> bool:
    """Take a job that has ended away, with its bytes; whether it was there."""
    return store.remove(conn, account_id, job_id)


def read_bytes(conn: Conn, job_id: int) -> Iterator[bytes]:
    """Its file, chunk by chunk, each by a statement of its own. The caller has found the job in its account."""
    turn = 0
    while (found := store.read_chunk(conn, job_id, turn)) is not None:
        turn = found[0] + 1
        yield found[1]
