"""Statements straight over libpq (kit.direct): stored, refused, lost and given up, as a cursor would have it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import TupleRow

from tests.conformance.proxy import proxied
from tests.poll import until
from tocsin.kit import pgbin
from tocsin.kit.db import LOST, Session, Statement

INSERT = b"INSERT INTO kept SELECT * FROM unnest(%s::text[], %s::integer[])"
LIMIT_S = 30.0
SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin direct' AND datname = current_database()"
)


@pytest.fixture
def seen(database: str) -> psycopg.Connection[TupleRow]:
    """The database from outside, with a table whose numbers are unique at the commit, not before."""
    conn: psycopg.Connection[TupleRow] = psycopg.connect(database, autocommit=True)
    conn.execute("CREATE TABLE kept (said text, number integer UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    return conn


@pytest.fixture
async def session(database: str) -> AsyncIterator[Session]:
    made = Session(database, "direct")
    yield made
    await made.close()


async def write(session: Session, number: int, said: str = "hello") -> None:
    await session.run_prepared(LIMIT_S, INSERT, (pgbin.texts([said]), pgbin.int4s([number])))


def read(seen: psycopg.Connection[TupleRow]) -> list[int]:
    return [number for _, number in seen.execute("SELECT said, number FROM kept ORDER BY number").fetchall()]


async def test_a_refusal_is_psycopgs_and_the_session_goes_on(
    session: Session, seen: psycopg.Connection[TupleRow]
) -> None:
    await write(session, 1)
    with pytest.raises(errors.UniqueViolation):  # which is found at the commit, behind the result
        await write(session, 1)
    with pytest.raises(errors.CharacterNotInRepertoire):
        await write(session, 2, "\x00")
    with pytest.raises(errors.UndefinedTable):
        await session.run_prepared(LIMIT_S, b"INSERT INTO nowhere SELECT unnest(%s)", (pgbin.int4s([1]),))
    await write(session, 3)
    assert read(seen) == [1, 3]


async def test_more_than_a_socket_takes_is_sent_whole(session: Session, seen: psycopg.Connection[TupleRow]) -> None:
    await write(session, 1, "x" * 30_000_000)
    assert seen.execute("SELECT length(said), number FROM kept").fetchall() == [(30_000_000, 1)]


async def test_a_cursor_beside_it_and_a_batch_that_fails_do_not_disturb(
    session: Session, seen: psycopg.Connection[TupleRow]
) -> None:
    await write(session, 1)
    assert await session.rows(b"SELECT 7") == [(7,)]
    await write(session, 2)
    with pytest.raises(errors.UndefinedTable):
        await session.batch([Statement(b"SELECT 1 FROM nowhere")])
    await write(session, 3)  # what was prepared is gone, and is prepared anew
    assert read(seen) == [1, 2, 3]


async def test_after_a_loss_it_is_prepared_anew(database: str, seen: psycopg.Connection[TupleRow]) -> None:
    async with proxied(database, b"tocsin direct") as (proxy, dsn):
        session = Session(dsn, "direct")
        await write(session, 1)
        proxy.cut_request = True
        with pytest.raises(LOST):
            await write(session, 2)
        await write(session, 3)
        proxy.cut_answer = True
        with pytest.raises(LOST):
            await write(session, 4)  # it is stored all the same, and nobody here can know
        await until(lambda: read(seen) == [1, 3, 4])
        await write(session, 5)
        await session.close()
    assert read(seen) == [1, 3, 4, 5]


async def test_without_an_answer_it_is_cut_off(session: Session, seen: psycopg.Connection[TupleRow]) -> None:
    await write(session, 1)
    with seen.transaction():
        seen.execute("LOCK TABLE kept")
        with pytest.raises(LOST):
            await session.run_prepared(0.2, INSERT, (pgbin.texts(["late"]), pgbin.int4s([2])))
    await write(session, 3)
    assert 3 in read(seen)


async def test_who_gives_up_leaves_no_answer_to_the_next(session: Session, seen: psycopg.Connection[TupleRow]) -> None:
    await write(session, 1)
    with seen.transaction():
        seen.execute("LOCK TABLE kept")
        writing = asyncio.create_task(write(session, 1))
        await until(lambda: seen.execute(f"{SESSIONS} AND wait_event_type = 'Lock'").fetchone() == (1,))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert writing.cancelled()
    await write(session, 3)
    assert read(seen) == [1, 3]


async def test_a_plan_survives_a_change_of_its_table(session: Session, seen: psycopg.Connection[TupleRow]) -> None:
    await write(session, 1)
    seen.execute("ALTER TABLE kept ADD COLUMN more text")
    await write(session, 2)
    assert read(seen) == [1, 2]
