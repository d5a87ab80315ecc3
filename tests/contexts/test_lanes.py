"""Lanes on a real database: who may claim what, in which order, for how long, and whose turn it is at a channel's rate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contexts.lane_bed import Bed, claim, count
from tests.poll import PATIENCE_S, until
from tocsin import queue
from tocsin.kit.db import Session, Statement
from tocsin.queue import Registration, Retry

ONE, TWO = 1001, 1002  # owners


@pytest.fixture
async def bed(database: str) -> AsyncIterator[Bed]:
    made = Bed(database)
    yield made
    await made.close()


async def test_codes_come_before_notifications_and_those_before_campaigns(bed: Bed) -> None:
    for priority in (2, 1, 0, 2, 0):
        bed.add(7, 1, each=10, priority=priority)
    session = bed.session()
    claimed = [item.priority for _ in range(5) for item in await claim(session, ONE, 10)]
    assert claimed == [0, 0, 1, 2, 2]


async def test_accounts_take_turns(bed: Bed) -> None:
    bed.add(1, 2000)
    bed.add(2, 1, each=10)
    bed.add(3, 4)
    session = bed.session()
    served = [0, 0, 0]
    accounts = []
    for _ in range(6):
        items = await claim(session, ONE, 50, served)
        assert count(items) <= 50
        accounts += [item.account_id for item in items]
        served[2] = items[-1].account_id
    assert accounts == [1, 2, 3, 1, 3, 1]


async def test_a_turn_that_did_not_reach_everybody_goes_on_behind_the_last_one(bed: Bed) -> None:
    for account_id in range(1, 61):
        bed.add(account_id, 3)
    session = bed.session()
    served = [0, 0, 0]
    accounts: list[int] = []
    for _ in range(30):
        items = await claim(session, ONE, 100, served)
        assert count(items) == 100
        accounts += [item.account_id for item in items]
        served[2] = items[-1].account_id
    assert accounts == list(range(1, 61))


@pytest.mark.parametrize("each", [1, 33, 50])
async def test_a_claim_never_holds_more_than_was_asked_for(bed: Bed, each: int) -> None:
    session = bed.session()
    for most in (1, 7, 49, 50, 51, 100, 125, 250):
        bed.conn.execute("DELETE FROM lane_item")
        for account_id in range(1, 12):
            bed.add(account_id, 25, each=each)
        before = bed.waiting()
        items = await claim(session, ONE, most)
        assert most - each < count(items) <= most
        assert bed.waiting() == before
        ids = [message_id for item in items for message_id in item.ids]
        assert len(set(ids)) == len(ids)


async def test_a_large_item_is_divided_and_nothing_of_it_is_lost(bed: Bed) -> None:
    ids = bed.accept(50)
    session = bed.session()
    claimed: list[bytes] = []
    for size in (7, 7, 7, 7, 7, 7, 7, 1):
        items = await claim(session, ONE, 7)
        assert [len(item.ids) for item in items] == [size]
        claimed += items[0].ids
    assert claimed == ids
    assert await claim(session, ONE, 7) == []
    assert sum(row[0] for row in bed.rows("SELECT cardinality(ids) FROM lane_item WHERE owner = %s", ONE)) == 50


async def test_claims_of_several_workers_at_once_share_the_lane_and_take_nothing_twice(bed: Bed) -> None:
    for account_id in range(1, 6):
        bed.add(account_id, 40)

    sessions = {owner: bed.session() for owner in (1, 2, 3, 4)}
    await asyncio.gather(*[session.rows(b"SELECT 1") for session in sessions.values()])  # all begin connected

    async def claim_all(owner: int, session: Session) -> list[int]:
        got: list[int] = []
        while items := await claim(session, owner, 100):
            got += [item.id for item in items]
        return got

    shares = await asyncio.gather(*[claim_all(owner, session) for owner, session in sessions.items()])
    everything = [item_id for share in shares for item_id in share]
    assert len(everything) == len(set(everything)) == 200
    assert all(shares)


async def test_a_paused_and_another_channel_are_left_alone(bed: Bed) -> None:
    bed.add(1, 1)
    bed.conn.execute("UPDATE lane_item SET channel_id = 2")
    assert await claim(bed.session(), ONE, 100) == []


async def test_a_retry_waits_for_its_time_and_then_comes_again(bed: Bed) -> None:
    session = bed.session()
    soon, late = (Retry(1, 2, 1, 2, wait_s, bed.ids.take(3)) for wait_s in (0.0, 3600.0))
    await session.batch([queue.add([soon, late])])
    assert await claim(session, ONE, 100) == []
    assert await queue.promote(session) == 1
    items = await claim(session, ONE, 100)
    assert [(item.attempt, item.ids) for item in items] == [(2, soon.ids)]
    assert await queue.promote(session) == 0


async def test_items_are_taken_over_only_when_the_lease_is_over_and_the_session_is_gone(bed: Bed) -> None:
    bed.add(1, 2)
    living, upkeep = bed.session(), bed.session()
    registration = Registration("worker")
    assert await registration.hold(living)
    assert count(await claim(bed.session(), registration.id, 50)) == 50
    bed.age_process(registration.id)

    assert await queue.take_over(upkeep, 1.0) == 0  # the lease runs, the session lives
    bed.age_leases()
    assert await queue.take_over(upkeep, 1.0) == 0  # only stopped: it may have sent them
    bed.conn.execute("UPDATE lane_item SET lease_end = now() + interval '1 hour' WHERE owner IS NOT NULL")
    await living.close()
    held = (
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        " WHERE locktype = 'advisory' AND datname = current_database()"
    )
    await until(lambda: bed.one(held) == 0)
    assert await queue.take_over(upkeep, 1.0) == 0  # gone, but the lease runs
    bed.age_leases()
    assert await queue.take_over(upkeep, 1.0) == 1
    assert bed.owners() == {None}
    attempts = bed.rows("SELECT attempt FROM lane_item ORDER BY attempt")
    assert attempts == [(1,), (2,)]  # what may have been sent is a new attempt


async def test_taking_over_does_not_wait_for_a_transaction_that_the_dead_one_left_open(bed: Bed) -> None:
    bed.add(1, 2, each=10)
    left_open, session = bed.session(), bed.session()
    first, second = [(await claim(session, ONE, 10))[0].id for _ in range(2)]
    bed.age_leases()
    async with left_open.transaction():
        await left_open.send([queue.finish(ONE, [first])])
        async with asyncio.timeout(PATIENCE_S):
            assert await queue.take_over(session, 1.0) == 1
    assert bed.rows("SELECT id, owner FROM lane_item") == [(second, None)]


async def test_a_worker_that_only_lost_its_session_keeps_its_items(bed: Bed) -> None:
    """It is seen, or its server was started again a moment ago: it has time to come back and lock again."""
    bed.add(1, 1)
    registration = Registration("worker")
    first = bed.session()
    await registration.hold(first)
    await claim(bed.session(), registration.id, 50)
    await first.close()
    bed.age_leases()
    upkeep = bed.session()
    assert await queue.take_over(upkeep, 30.0) == 0  # it was seen a moment ago
    bed.age_process(registration.id)
    since_start = float(bed.one("SELECT extract(epoch FROM now() - pg_postmaster_start_time())::double precision"))
    assert await queue.take_over(upkeep, since_start + 60.0) == 0  # the server was started a moment ago
    second = bed.session()
    assert await registration.hold(second)
    assert await queue.take_over(upkeep, 0.0) == 0  # it is back
    await queue.renew(second, registration.id, 60.0, [row[0] for row in bed.rows("SELECT id FROM lane_item")])
    assert bed.one("SELECT lease_end > now() FROM lane_item")


async def test_a_dead_workers_items_are_free_within_30_seconds_of_its_death(bed: Bed) -> None:
    """By the default settings: the last renewal and the last sign of life are at most `lease` after its death."""
    from tocsin.kit.settings import Settings
    from tocsin.messaging import Terms
    from tocsin.workers.upkeep import list_jobs

    settings = Settings()
    registration = Registration("worker")
    session = bed.session()
    await registration.hold(session)
    await registration.beat(session)
    bed.add(1, 1)
    items = await queue.claim(session, 1, registration.id, settings.lease_s, (50, (0, 0, 0), (0, 0, 0)))
    await queue.renew(session, registration.id, settings.lease_s, [item.id for item in items])
    await session.close()  # it dies directly after a renewal: the worst case
    waits = "greatest(max(i.lease_end), max(p.seen_at) + %s * interval '1 second') - now()"
    left = bed.one(
        f"SELECT extract(epoch FROM {waits})::double precision FROM lane_item i JOIN process p ON p.id = i.owner",
        settings.lease_s,
    )
    nothing = Terms(None, None)  # type: ignore[arg-type]
    promote = next(job for job in list_jobs(nothing, None, None, settings, float) if job.name == "promote")  # type: ignore[arg-type]
    assert 0 < left + promote.every_s + 5.0 < 30.0


async def test_renew_lengthens_what_is_in_hand_and_frees_what_is_not(bed: Bed) -> None:
    bed.add(1, 4, each=10)
    session = bed.session()
    held, lost, other, fresh = [(await claim(session, owner, 10))[0].id for owner in (ONE, ONE, TWO, ONE)]
    bed.age_leases()
    bed.conn.execute("UPDATE lane_item SET lease_end = now() + interval '1 hour' WHERE id = %s", (fresh,))
    await queue.renew(session, ONE, 60.0, [held])
    rows = {row[0]: row[1] for row in bed.rows("SELECT id, owner FROM lane_item")}
    assert rows == {held: ONE, lost: None, other: TWO, fresh: ONE}
    alive = {row[0] for row in bed.rows("SELECT id FROM lane_item WHERE lease_end > now()")}
    assert alive == {held, fresh}


async def test_what_a_lost_answer_to_a_claim_took_is_free_when_its_lease_is_over(bed: Bed) -> None:
    bed.add(1, 1)
    cut, session = bed.session(), bed.session()
    await claim(cut, ONE, 50)  # committed, and the answer never came
    cut.break_off()
    await queue.renew(session, ONE, 60.0, [])
    assert await claim(session, ONE, 50) == []  # it may still be on its way
    bed.age_leases()
    await queue.renew(session, ONE, 60.0, [])
    assert count(await claim(session, ONE, 50)) == 50
    assert bed.one("SELECT attempt FROM lane_item") == 1  # nobody sent anything


async def test_renew_does_not_wait_for_an_item_that_is_being_finished(bed: Bed) -> None:
    bed.add(1, 2, each=10)
    writing, session = bed.session(), bed.session()
    first, second = [(await claim(session, ONE, 10))[0].id for _ in range(2)]
    async with writing.transaction():
        await writing.send([queue.finish(ONE, [first])])
        async with asyncio.timeout(PATIENCE_S):
            await queue.renew(session, ONE, 3600.0, [second, first])
    assert bed.rows("SELECT id FROM lane_item WHERE lease_end > now() + interval '30 minutes'") == [(second,)]


async def test_only_the_owner_finishes_shrinks_and_releases(bed: Bed) -> None:
    bed.add(1, 3, each=10)
    session = bed.session()
    first, second, third = [(await claim(session, ONE, 10))[0] for _ in range(3)]

    def change(owner: int) -> list[Statement]:
        shrunk = queue.shrink(owner, second.id, second.ids[:4])
        return [queue.finish(owner, [first.id]), shrunk, queue.release(owner, [third.id])]

    await session.batch(change(TWO))
    assert bed.waiting() == 30
    assert bed.owners() == {ONE}
    await session.batch(change(ONE))
    rows = {row[0]: (row[1], row[2]) for row in bed.rows("SELECT id, cardinality(ids), owner FROM lane_item")}
    assert rows == {second.id: (6, ONE), third.id: (10, None)}


async def test_a_registration_is_there_again_when_it_was_forgotten(bed: Bed) -> None:
    session = bed.session()
    registration = Registration("worker")
    await registration.hold(session)
    bed.conn.execute("DELETE FROM process")
    await registration.beat(session)
    assert bed.rows("SELECT id, kind FROM process") == [(registration.id, "worker")]
    assert await registration.hold(session)
    await registration.leave(session)
    assert bed.rows("SELECT id FROM process") == []


async def _register(bed: Bed, n: int) -> list[tuple[Session, int]]:
    found = []
    for _ in range(n):
        session, registration = bed.session(), Registration("worker")
        await registration.hold(session)
        found.append((session, registration.id))
    return found


async def test_the_shares_of_an_epoch_come_to_the_rate(bed: Bed) -> None:
    processes = await _register(bed, 4)
    for epoch, rate in enumerate([200, 7, 4, 3, 1, 1000]):
        answers = await asyncio.gather(*[queue.share(session, 1, owner, epoch, rate) for session, owner in processes])
        shares = [share for share, _ in answers]
        assert sum(shares) == rate
        if rate < 4:
            assert max(shares) == rate  # one holder
        else:
            assert max(shares) - min(shares) <= 4
        again = [(await queue.share(session, 1, owner, epoch, rate))[0] for session, owner in processes]
        assert again == shares


async def test_a_share_that_is_asked_for_while_another_is_being_given_sees_it(bed: Bed) -> None:
    """One worker believes that it is alone and takes all; the other, which waited for it, gets nothing of this epoch."""
    (first, one), (second, two) = await _register(bed, 2)
    bed.age_process(two)
    async with first.transaction():
        await queue.share(first, 1, one, 5, 100)
        bed.conn.execute("UPDATE process SET seen_at = now()")
        asking = asyncio.create_task(queue.share(second, 1, two, 5, 100))
        await until(
            lambda: (
                bed.one(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
                )
                == 1
            )
        )
    assert (await asking)[0] == 0
    assert bed.one("SELECT sum(share) FROM rate_share") == 100


async def test_a_dead_workers_share_comes_back(bed: Bed) -> None:
    (first, one), (_, two) = await _register(bed, 2)
    assert (await queue.share(first, 1, one, 1, 100))[0] == 50
    bed.age_process(two)  # killed: its row stays
    assert (await queue.share(first, 1, one, 2, 100))[0] == 100
