"""The live state of links on a real database: written, added up, forgotten; and a lane that is not bound claims nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contexts.lane_bed import LONG_AGO, Bed, Carrier, run_lane
from tests.poll import until
from tocsin import queue
from tocsin.kit.db import Session
from tocsin.queue import LiveChannel, Registration
from tocsin.traffic import LinkState, OutcomeKind
from tocsin.workers.live import LiveWriter

BOUND = LinkState(2, 2, 50, 7, 12.5, 100, 1, 2, 3, 4, "the carrier throttled", 1000.0, 300)
DOWN = LinkState(0, 2)


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    await made.close()


async def read(session: Session) -> LiveChannel:
    (live,) = [each for each in await queue.read_live(session) if each.id == 1]
    return live


async def test_the_links_of_all_processes_are_added_up(bed: Bed) -> None:
    session = bed.session()
    await queue.write_states(session, 1, {1: BOUND})
    await queue.write_states(session, 2, {1: LinkState(0, 2, 50, last_error="refused", last_error_at=2000.0)})
    live = await read(session)
    assert (live.links, live.binds, live.binds_wanted, live.window, live.in_flight) == (2, 2, 4, 100, 7)
    assert (live.rate_per_s, live.accepted, live.errors, live.receipt_delay_ms) == (12.5, 100, 10, 300)
    assert (live.last_error, live.last_error_at) == ("refused", 2000.0)
    assert queue.list_live(bed.conn) == await queue.read_live(session)


async def test_what_waits_is_counted_and_its_age(bed: Bed) -> None:
    session = bed.session()
    bed.add(1, 3, each=20)
    bed.conn.execute("UPDATE lane_item SET due = now() + interval '1 hour' WHERE id = (SELECT max(id) FROM lane_item)")
    bed.conn.execute("UPDATE lane_item SET owner = 9 WHERE id = (SELECT min(id) FROM lane_item)")
    bed.conn.execute(f"UPDATE lane_item SET ready_at = {LONG_AGO}")
    live = await read(session)
    assert (live.waiting, live.delayed, live.in_hand) == (20, 20, 20)
    assert live.oldest_s == pytest.approx(3600, abs=30)


async def test_an_item_that_becomes_ready_is_as_old_as_that(bed: Bed) -> None:
    session = bed.session()
    bed.add(1, 1)
    bed.conn.execute(f"UPDATE lane_item SET due = now(), ready_at = {LONG_AGO}")
    assert await queue.promote(session) == 1
    assert (await read(session)).oldest_s < 30


async def test_a_divided_item_keeps_its_age(bed: Bed) -> None:
    session = bed.session()
    bed.add(1, 1)
    bed.conn.execute(f"UPDATE lane_item SET ready_at = {LONG_AGO}")
    (item,) = await queue.claim(session, 1, 5, 60.0, (10, (0, 0, 0), (0, 0, 0)))
    assert len(item.ids) == 10
    assert bed.one("SELECT now() - min(ready_at) > interval '50 minutes' FROM lane_item") is True
    assert bed.one("SELECT count(DISTINCT ready_at) FROM lane_item") == 1


async def test_down_since_is_kept_until_it_is_bound(bed: Bed) -> None:
    session = bed.session()
    await queue.write_states(session, 1, {1: DOWN})
    bed.conn.execute(f"UPDATE link_state SET down_since = {LONG_AGO}")
    await queue.write_states(session, 1, {1: DOWN})
    assert bed.one("SELECT now() - down_since > interval '50 minutes' FROM link_state") is True
    await queue.write_states(session, 1, {1: BOUND})
    assert bed.one("SELECT down_since FROM link_state") is None


async def test_stale_rows_do_not_count_and_those_of_the_dead_go(bed: Bed) -> None:
    session, dying = bed.session(), bed.session()
    stopped, dead = Registration("worker"), Registration("worker")
    assert await stopped.hold(session)
    assert await dead.hold(dying)
    for each in (stopped, dead):
        await queue.write_states(session, each.id, {1: BOUND})
    bed.conn.execute(f"UPDATE link_state SET at = {LONG_AGO}")
    assert (await read(bed.session())).links == 0
    await dying.close()
    locks = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s::bigint::oid"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await until(lambda: bed.one(locks, dead.id) == 0)
    await queue.forget_states(bed.session())
    assert [row[0] for row in bed.rows("SELECT process_id FROM link_state")] == [stopped.id]


async def test_a_channel_that_a_process_has_no_more_leaves(bed: Bed) -> None:
    session = bed.session()
    await queue.write_states(session, 1, {1: BOUND, 2: BOUND})
    await queue.write_states(session, 2, {2: BOUND})
    await queue.write_states(session, 1, {1: BOUND})
    assert bed.rows("SELECT channel_id, process_id FROM link_state ORDER BY 1") == [(1, 1), (2, 2)]
    await LiveWriter(bed.dsn, lambda: 1, dict).close()
    assert bed.rows("SELECT channel_id, process_id FROM link_state") == [(2, 2)]


async def test_a_lane_without_a_bind_claims_nothing_and_goes_on_when_it_is_bound(bed: Bed) -> None:
    carrier = Carrier()
    carrier.binds = 0
    async with run_lane(bed, carrier) as running:
        ids = bed.accept(60)
        other = bed.session()
        running.lane.wake.set()
        await until(lambda: not running.lane.wake.is_set())  # it looked
        assert carrier.got == []
        assert bed.owners() == {None}
        assert [len(item.ids) for item in await queue.claim(other, 1, 5, 60.0, (10, (0, 0, 0), (0, 0, 0)))] == [10]
        carrier.binds = 1
        await until(lambda: len(carrier.got) == 50)
        assert {each.message_id for each in carrier.got} <= set(ids)


async def test_what_is_in_hand_when_the_bind_is_lost_goes_back(bed: Bed) -> None:
    carrier = Carrier(None)
    async with run_lane(bed, carrier, window=10) as running:
        bed.accept(50)
        await until(lambda: len(carrier.got) == 10)
        carrier.binds = 0
        carrier.reply(list(carrier.got), OutcomeKind.ACCEPTED)
        await until(lambda: not running.lane.hold.items)
        assert bed.waiting() == 40
        assert bed.owners() == {None}
        assert bed.one("SELECT max(attempt) FROM lane_item") == 1
