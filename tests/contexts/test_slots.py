"""Leases of batch-number slots on a real database: many processes, clocks that are off, holders that die or sleep."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import TupleRow

from tests.poll import until
from tocsin.kit import clock
from tocsin.messaging import BatchNumbers, Exhausted, SlotLease
from tocsin.messaging.batchno import SLOTS
from tocsin.messaging.slots import AHEAD_MS
from tocsin.queue import DatabaseClock

Conn = psycopg.Connection[TupleRow]
HOUR_MS = 3_600_000


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as made:
        yield made


class _Process:
    """What a process has of it."""

    def __init__(self, dsn: str, count: int = 64, off_s: float = 0.0) -> None:
        self.off_s = off_s
        self.numbers = BatchNumbers()
        self.lease = SlotLease(
            dsn, self.numbers, count, DatabaseClock(now_s=lambda: clock.now_s() + self.off_s), every_s=0.05
        )

    def take(self, count: int, off_ms: int = 0) -> list[int]:
        return [self.numbers.take(clock.now_ms() + off_ms) for _ in range(count)]

    def take_all(self) -> list[int]:
        """Until it is exhausted."""
        taken = []
        while True:
            try:
                taken += self.take(1)
            except Exhausted:
                return taken

    async def kill(self) -> None:
        """It goes without a word."""
        await self.lease._session.close()


def _leave_only(conn: Conn, *slots: int) -> None:
    """Everybody else's slots are taken for good."""
    conn.execute(b"UPDATE batch_slot SET lease_end = 'infinity' WHERE slot <> ALL(%s::smallint[])", (list(slots),))


def _marks(conn: Conn) -> list[int]:
    return [row[0] for row in conn.execute(b"SELECT DISTINCT high_ms FROM batch_slot ORDER BY 1").fetchall()]


async def test_processes_never_share_a_slot(database: str) -> None:
    processes = [_Process(database) for _ in range(12)]
    await asyncio.gather(*(each.lease.renew() for each in processes))
    slots = [slot for each in processes for slot in each.numbers.slots]
    assert len(slots) == len(set(slots)) == 12 * 64
    taken = [number for each in processes for number in each.take(500)]
    assert len(set(taken)) == len(taken)
    await asyncio.gather(*(each.lease.renew() for each in processes))
    assert {slot for each in processes for slot in each.numbers.slots} == set(slots)
    for each in processes:
        await each.lease.close()


async def test_the_clock_set_back_across_a_restart_gives_no_number_twice(database: str, conn: Conn) -> None:
    _leave_only(conn, 7, 8)
    before = _Process(database, 2)
    await before.lease.renew()
    taken = before.take(50) + before.take(50, off_ms=4000)
    await before.lease.close()
    # The machine's clock, and the database's with it: its marks lie an hour ahead of what it says now.
    conn.execute(b"UPDATE batch_slot SET high_ms = high_ms + %s WHERE slot IN (7, 8)", (HOUR_MS,))
    after = _Process(database, 2)
    await after.lease.renew()
    assert sorted(after.numbers.slots) == [7, 8]
    taken += after.take(100, off_ms=-4000)
    await after.lease.renew()
    taken += after.take(100)
    assert len(set(taken)) == 300
    assert min(taken[100:]) > max(taken[:100])
    await after.lease.close()


async def test_a_process_whose_clock_is_set_back_goes_on(database: str) -> None:
    """With the database's (one machine): renewals give room above what was used, however far that lies ahead."""
    process = _Process(database, 2)
    await process.lease.renew()
    taken = []
    for _ in range(4):
        taken += process.take_all()
        await process.lease.renew()
    assert len(set(taken)) == len(taken) >= 4 * AHEAD_MS
    await process.lease.close()


@pytest.mark.parametrize("off_s", [6.0, -6.0, 86_400.0])
async def test_a_process_whose_clock_is_off_accepts_nothing_and_spoils_nothing(
    database: str, conn: Conn, off_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    process = _Process(database, off_s=off_s)
    with caplog.at_level(logging.ERROR):
        await process.lease.renew()
    assert "s off the database's" in caplog.text
    with pytest.raises(Exhausted):
        process.take(1)
    assert _marks(conn) == [0]
    process.off_s = 0.0
    await process.lease.renew()
    assert len(process.take(3)) == 3
    process.off_s = off_s  # it went off while it ran
    marks = _marks(conn)
    await process.lease.renew()
    with pytest.raises(Exhausted):
        process.take(1)
    assert _marks(conn) == marks
    assert max(marks) < clock.now_ms() + AHEAD_MS + 1000
    await process.lease.close()


@pytest.mark.parametrize("off_s", [4.0, -4.0])
async def test_a_clock_that_is_a_little_off_works(database: str, off_s: float) -> None:
    process = _Process(database, off_s=off_s)
    await process.lease.renew()
    assert len(process.take(10, off_ms=int(off_s * 1000))) == 10
    await process.lease.close()


async def test_slots_of_the_dead_are_used_again_above_their_ceiling(database: str, conn: Conn) -> None:
    _leave_only(conn, 1, 2, 3)
    dead = _Process(database, 2)
    await dead.lease.renew()
    taken = dead.take(10)
    await dead.kill()
    next_one = _Process(database, 2)
    await next_one.lease.renew()
    assert not set(next_one.numbers.slots) & set(dead.numbers.slots)  # its lease has not ended
    conn.execute(b"UPDATE batch_slot SET lease_end = now() - interval '1 second' WHERE lease_end < 'infinity'")
    heir = _Process(database, 3)
    await heir.lease.renew()
    assert sorted(heir.numbers.slots) == [1, 2, 3]
    taken += heir.take(10, off_ms=-4000)
    # The dead was only stopped, and goes on with what it was granted, as far as that goes.
    taken += dead.take(10, off_ms=4000)
    taken += next_one.take(10)
    assert len(set(taken)) == 40
    await next_one.lease.renew()
    with pytest.raises(Exhausted):  # none is left for it
        next_one.take(1)
    for each in (next_one, heir):
        await each.lease.close()


async def test_a_fault_does_not_end_the_renewals(database: str, conn: Conn, caplog: pytest.LogCaptureFixture) -> None:
    process = _Process(database)
    conn.execute("ALTER TABLE batch_slot RENAME TO batch_slot_away")
    renewing = asyncio.create_task(process.lease.run())
    await until(lambda: "batch numbers were not renewed" in caplog.text)
    conn.execute("ALTER TABLE batch_slot_away RENAME TO batch_slot")
    await until(lambda: process.numbers.slots)
    where = b"application_name = 'tocsin batch numbers' AND datname = current_database()"
    ended = conn.execute(b"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + where)
    assert ended.rowcount == 1
    assert conn.execute("UPDATE batch_slot SET high_ms = 0").rowcount == SLOTS
    await until(lambda: max(_marks(conn)) > 0)
    renewing.cancel()
    await asyncio.gather(renewing, return_exceptions=True)
    await process.lease.close()


_steps = st.lists(
    st.tuples(st.sampled_from(["take", "take", "renew", "stop", "kill", "expire"]), st.integers(0, 2), st.integers(-4900, 4900)),
    min_size=5,
    max_size=25,
)  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_steps)
def test_no_number_comes_twice(database: str, steps: list[tuple[str, int, int]]) -> None:
    """Three processes over four slots, their clocks up to 5 s off either way."""
    asyncio.run(_live_through(database, steps))


async def _live_through(database: str, steps: list[tuple[str, int, int]]) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE batch_slot SET lease_end = '-infinity', owner = NULL, high_ms = 0")
        _leave_only(conn, 1, 2, 3, 4)
        processes = [_Process(database, 2) for _ in range(3)]
        taken: list[int] = []
        for what, which, off_ms in steps:
            each = processes[which]
            each.off_s = off_ms / 1000
            if what == "take":
                try:
                    taken += each.take(5, off_ms)
                except Exhausted:
                    continue
            elif what == "renew":
                await each.lease.renew()
            elif what == "expire":
                conn.execute(b"UPDATE batch_slot SET lease_end = now() - interval '1 s' WHERE lease_end < 'infinity'")
            else:
                await (each.lease.close() if what == "stop" else each.kill())
                processes[which] = _Process(database, 2)
        for each in processes:
            await each.lease.close()
    assert len(set(taken)) == len(taken)
