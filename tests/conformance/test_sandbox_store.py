"""The sandbox without its database: TEMPORARY only where nothing was stored, ACCEPTED only where all was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import psycopg
import pytest

from tests.conformance.cases import SandboxCase
from tests.conformance.messages import submission
from tests.conformance.proxy import Proxy, proxied
from tests.conformance.sink import RecordingSink
from tests.poll import PATIENCE_S, until
from tocsin.carriers import ChannelFacts, open_link
from tocsin.traffic import Link, OutcomeKind

PHONE = "8613800000000"
ACCEPTED, TEMPORARY, UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.TEMPORARY, OutcomeKind.UNKNOWN


class Scene(NamedTuple):
    """A link behind a proxy, with ten messages through it already."""

    link: Link
    sink: RecordingSink
    proxy: Proxy
    case: SandboxCase  # looks at the database past the proxy


@pytest.fixture
async def scene(database: str) -> AsyncIterator[Scene]:
    async with proxied(database, b"sandbox 7 submit") as (proxy, dsn):
        sink = RecordingSink()
        config = {"unknown_after_s": 1.0, "lease_s": 1.0}
        link = open_link("sandbox", ChannelFacts(7, "under test", config), dsn)
        await link.open(sink)
        made = Scene(link, sink, proxy, SandboxCase(database))
        for _ in range(2):  # the second prepares the statement: from then on it is one request and one answer
            assert await send(made, 5) == {ACCEPTED}
        yield made
        await link.close()


async def send(scene: Scene, count: int) -> set[OutcomeKind]:
    """Submit `count` messages; the kinds of their outcomes."""
    before = len(scene.sink.outcome_rows)
    await scene.link.submit([submission(PHONE) for _ in range(count)])
    await until(lambda: len(scene.sink.outcome_rows) == before + count)
    scene.sink.answers()
    return {outcome.kind for _, outcome in scene.sink.outcome_rows[before:]}


async def recovered(scene: Scene) -> None:
    """The next group passes, and every ACCEPTED gets its one receipt."""
    assert await send(scene, 10) == {ACCEPTED}
    accepted = {outcome.carrier_id for _, outcome in scene.sink.outcome_rows if outcome.kind == ACCEPTED}
    await until(lambda: set(scene.sink.receipt_counts()) >= accepted)
    assert set(scene.sink.receipt_counts().values()) == {1}


async def test_a_request_that_never_arrived_is_temporary(scene: Scene) -> None:
    scene.proxy.cut_request = True
    assert await send(scene, 10) == {TEMPORARY}
    assert scene.proxy.cuts == 1
    assert len(await scene.case.taken()) == 10
    await recovered(scene)


async def test_a_commit_whose_answer_is_lost_is_accepted(scene: Scene) -> None:
    scene.proxy.cut_answer = True
    assert await send(scene, 10) == {ACCEPTED}
    assert scene.proxy.cuts == 1
    assert len(await scene.case.taken()) == 20
    await recovered(scene)


async def test_a_lost_answer_that_cannot_be_looked_up_is_unknown(scene: Scene) -> None:
    scene.proxy.cut_answer = True
    scene.proxy.refuse = True
    assert await send(scene, 10) == {UNKNOWN}
    assert await send(scene, 10) == {TEMPORARY}
    scene.proxy.refuse = False
    assert len(await scene.case.taken()) == 20
    # The ten whose fate is unknown are at the carrier, and their receipts come.
    await until(lambda: len(scene.sink.receipt_rows) == 20)
    await recovered(scene)


async def test_sessions_ended_by_the_server_do_not_show(scene: Scene, database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        for _ in range(3):
            cursor = await conn.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%sandbox 7%'"
                " AND datname = current_database()"
            )
            assert len(await cursor.fetchall()) >= 1
            assert await send(scene, 10) == {ACCEPTED}
    await recovered(scene)


async def test_a_statement_that_the_server_refuses_is_temporary(scene: Scene, database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        await conn.execute("ALTER TABLE sandbox_submit ADD CONSTRAINT nothing CHECK (phone = '') NOT VALID")
        assert await send(scene, 10) == {TEMPORARY}
        await conn.execute("ALTER TABLE sandbox_submit DROP CONSTRAINT nothing")
    assert len(await scene.case.taken()) == 10
    await recovered(scene)


async def test_terminated_in_mid_statement(scene: Scene, database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await conn.execute("LOCK TABLE sandbox_submit IN EXCLUSIVE MODE")
        sending = asyncio.create_task(send(scene, 10))
        waits = (
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE '%7 submit' AND wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )

        async def find() -> list[tuple[int]]:
            return await (await conn.execute(waits)).fetchall()

        async with asyncio.timeout(PATIENCE_S):
            while not (pids := await find()):
                await conn.execute("SELECT pg_stat_clear_snapshot()")
        await conn.execute("SELECT pg_terminate_backend(%s, 5000)", pids[0])
        await conn.rollback()
    assert await sending == {TEMPORARY}
    assert len(await scene.case.taken()) == 10
    await recovered(scene)


async def test_the_carrier_forgets_what_is_old(scene: Scene, database: str) -> None:
    from tocsin.carriers.sandbox import store

    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        await conn.execute("UPDATE sandbox_submit SET at = at - interval '8 days' WHERE part = 1")
    await send(scene, 5)
    session = store.make_session(database, "test")
    assert [await store.forget(session, 7, 7, 8) for _ in range(3)] == [8, 2, 0]
    await session.close()
    assert len(await scene.case.taken()) == 5


async def test_a_link_that_is_told_to_be_down_takes_nothing(database: str) -> None:
    sink = RecordingSink()
    link = open_link("sandbox", ChannelFacts(7, "under test", {"down": True}), database)
    await link.open(sink)
    assert link.state().down
    await link.submit([submission(PHONE) for _ in range(3)])
    assert [outcome.kind for _, outcome in sink.outcome_rows] == [TEMPORARY] * 3
    assert await SandboxCase(database).taken() == {}
    await link.close()
