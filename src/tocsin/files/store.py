"""Statements over jobs and their bytes; private to this context."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tocsin.files.model import Job, Kind, State, Step
from tocsin.kit.db import Queries

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]


class Held(NamedTuple):
    """A job in a clerk's hands."""

    id: int
    owner: UUID


class New(NamedTuple):
    """A job to be made."""

    account_id: int
    user_id: int
    kind: Kind
    name: str
    asked: Mapping[str, Any]
    step: Step = Step.NONE
    state: State = State.WAITING
    size_bytes: int = 0


def read_job(row: TupleRow) -> Job:
    """A row as a Job."""
    facts = (
        json.loads(value) if isinstance(value, str) else value for value in row[7:9]
    )  # Django's sessions read text
    return Job._make([*row[:3], Kind(row[3]), Step(row[4]), State(row[5]), row[6], *facts, *row[9:]])


def lock_account(conn: Conn, account_id: int) -> None:
    """One at a time makes a job of the account, until the transaction ends."""
    conn.execute(QUERIES["account_lock"], (account_id,))


def count_live(conn: Conn, account_id: int) -> int:
    """Jobs of the account that wait or run."""
    row = conn.execute(QUERIES["jobs_live"], (account_id,)).fetchone()
    return int(row[0]) if row else 0


def insert_job(conn: Conn, new: New) -> int:
    """Its id."""
    values = {
        "account": new.account_id, "user": new.user_id, "kind": new.kind, "step": new.step, "state": new.state,
        "name": new.name, "asked": Jsonb(dict(new.asked)), "size": new.size_bytes,
    }  # fmt: skip
    row = conn.execute(QUERIES["job_add"], values).fetchone()
    assert row is not None
    return int(row[0])


def find_job(conn: Conn, account_id: int, job_id: int) -> Job | None:
    """A job of the account."""
    row = conn.execute(QUERIES["job_find"], {"account": account_id, "id": job_id}).fetchone()
    return None if row is None else read_job(row)


def list_jobs(conn: Conn, account_id: int, kinds: Sequence[Kind], before: int, limit: int) -> list[Job]:
    """Newest first."""
    asked = {"account": account_id, "before": before, "kinds": [str(kind) for kind in kinds], "limit": limit}
    return [read_job(row) for row in conn.execute(QUERIES["job_page"], asked)]


def claim(conn: Conn, owner: UUID, lease_s: float) -> Job | None:
    """The next job, which is the owner's from now on."""
    row = conn.execute(QUERIES["job_claim"], {"owner": owner, "lease_s": lease_s}).fetchone()
    return None if row is None else read_job(row)


def touch(conn: Conn, held: Held, lease_s: float, rows: int, percent: int) -> bool:
    """Whether it is still the owner's, who gets a new lease."""
    values = {"id": held.id, "owner": held.owner, "lease_s": lease_s, "rows": rows, "percent": percent}
    return conn.execute(QUERIES["job_touch"], values).fetchone() is not None


def end(conn: Conn, held: Held, values: Mapping[str, Any]) -> bool:
    """Give it up in a state; whether it was the owner's."""
    named = {**values, "found": Jsonb(dict(values["found"])), "id": held.id, "owner": held.owner}
    return conn.execute(QUERIES["job_end"], named).fetchone() is not None


def set_job(conn: Conn, values: Mapping[str, Any]) -> bool:
    """Move it on by its user; whether it was as he saw it."""
    return conn.execute(QUERIES["job_set"], {**values, "asked": Jsonb(dict(values["asked"]))}).fetchone() is not None


def cancel(conn: Conn, account_id: int, job_id: int) -> Step | None:
    """The step at which it is cancelled; None: there was nothing to cancel."""
    row = conn.execute(QUERIES["job_cancel"], (account_id, job_id)).fetchone()
    return None if row is None else Step(row[0])


def remove(conn: Conn, account_id: int, job_id: int) -> bool:
    """Whether it is gone by this."""
    return conn.execute(QUERIES["job_remove"], (account_id, job_id)).fetchone() is not None


def forget(conn: Conn, days: int) -> int:
    """Some of those that nothing changed for so long; how many went."""
    return conn.execute(QUERIES["jobs_forget"], (days,)).rowcount


def insert_chunk(conn: Conn, job_id: int, turn: int, data: bytes) -> None:
    """The next bytes."""
    conn.execute(QUERIES["chunk_add"], (job_id, turn, data))


def read_chunk(conn: Conn, job_id: int, turn: int) -> tuple[int, bytes] | None:
    """The first bytes from that turn on."""
    row = conn.execute(QUERIES["chunk_read"], (job_id, turn)).fetchone()
    return None if row is None else (int(row[0]), bytes(row[1]))


def drop_chunks(conn: Conn, job_id: int) -> None:
    """All bytes of a job."""
    conn.execute(QUERIES["chunks_drop"], (job_id,))


def read_bytes_kept(conn: Conn, account_id: int) -> int:
    """What the account's files take."""
    row = conn.execute(QUERIES["bytes_kept"], {"account": account_id}).fetchone()
    assert row is not None
    return int(row[0])


def set_size(conn: Conn, job_id: int, size_bytes: int) -> None:
    """How long the file has become."""
    conn.execute(QUERIES["job_size"], (size_bytes, job_id))
