"""Group commit on a real database: who is hurt by whom, who pays, and what becomes of rows without a place."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.conftest import clone_database
from tests.contexts.drafts import PRICE, WAITING_WRITERS, WRITERS, Bank, accept_all, at_work, draft
from tests.poll import PATIENCE_S, until
from tocsin.api import group as group_module
from tocsin.api.group import Fate, Group
from tocsin.kit.db import LOST, Session
from tocsin.kit.ids import Ids


@pytest.fixture(scope="module")
def bank(database_server: str) -> Iterator[Bank]:
    """One for all tests that leave it whole."""
    with clone_database(database_server) as dsn:
        made = Bank(dsn)
        yield made
        made.conn.close()


@pytest.fixture
def own_bank(database: str) -> Iterator[Bank]:
    made = Bank(database)
    yield made
    made.conn.close()


POISON = {
    "a NUL that the server refuses": {"phones": ["62\x00"]},
    "text that is no UTF-8": {"phones": ["62\udcff"]},
    "a key that no index takes": {"phones": [random.Random(1).randbytes(9000).hex()]},
    "a price beyond bigint": {"prices": [1 << 63]},
    "columns of different lengths": {"phones": []},
    "a NUL in the batch's row": {"content": "\x00"},
    "a sum beyond bigint": {"amount_micros": 1 << 70},
    "an id that is none": {"ids": [b"short"]},
    "a status that is none": {"statuses": [1 << 20]},
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
async def test_a_poisoned_request_hurts_only_itself(bank: Bank, poison: dict[str, Any]) -> None:
    paying = bank.account(balance=10 * PRICE)
    good = [draft(paying), draft(paying)]
    bad = draft(paying, **poison)
    group = Group(bank.dsn)
    async with at_work(group):
        fates = await accept_all(group, [good[0], bad, good[1]])
        assert fates == [Fate.ACCEPTED, Fate.BROKEN, Fate.ACCEPTED]
        assert bank.stored(good) == [2, 2, 2, 2]
        assert bank.wallet(paying) == (8 * PRICE, 0)
        assert await group.accept(draft(paying)) is Fate.ACCEPTED
    bank.assert_sums()


async def test_a_deadlock_is_tried_again(bank: Bank) -> None:
    low, high = bank.account(balance=PRICE), bank.account(balance=PRICE)
    drafts = [draft(low), draft(high)]
    group = Group(bank.dsn)
    lock = b"SELECT 1 FROM wallet WHERE account_id = %s FOR UPDATE"
    with psycopg.connect(bank.dsn) as other, ThreadPoolExecutor(1) as aside:
        other.execute("SET deadlock_timeout = '60s'")  # so that the group is the one that finds it and gives way
        other.execute(lock, (high,))
        async with at_work(group):
            accepting = asyncio.create_task(accept_all(group, drafts))
            await until(lambda: bank.one(f"SELECT count(*) {WAITING_WRITERS}"))
            crossed = aside.submit(other.execute, lock, (low,))
            await until(crossed.done)
            crossed.result()
            other.rollback()
            assert await accepting == [Fate.ACCEPTED, Fate.ACCEPTED]
            assert bank.stored(drafts) == [2, 2, 2, 2]
    together = "SELECT count(DISTINCT xmin::text) FROM batch WHERE batch_no = ANY(%s::bigint[])"
    assert bank.one(together, [each.batch_no for each in drafts]) == 1  # again as a group, not one by one
    await group.close()  # a session that ends hands in its statistics at once
    await until(lambda: bank.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") >= 1)
    bank.assert_sums()


def _written_bytes(bank: Bank) -> int:
    query = "SELECT sum(pg_relation_size(relid)) FROM pg_partition_tree('message') WHERE isleaf"
    return int(bank.one(query))


async def test_a_penniless_account_writes_no_dead_rows(own_bank: Bank) -> None:
    bank = own_bank
    poor = bank.account(balance=400 * PRICE - 1)
    group = Group(bank.dsn)
    async with at_work(group):
        assert await group.accept(draft(poor, 400)) is Fate.POOR
        assert _written_bytes(bank) == 0
        assert await group.accept(draft(poor, 100, price=400)) is Fate.POOR  # too few to look first; found by its rows
        written = _written_bytes(bank)
        assert written > 0
        fates = [await group.accept(draft(poor, 100, price=400)) for _ in range(3)]
        assert fates == [Fate.POOR] * 3
        assert _written_bytes(bank) == written
        bank.conn.execute(b"VACUUM message")
        assert await group.accept(draft(poor, 399)) is Fate.ACCEPTED
    assert bank.wallet(poor) == (PRICE - 1, 0)
    bank.assert_sums()


async def test_one_micro_short_refuses_only_that_request(bank: Bank) -> None:
    short, rich = bank.account(balance=PRICE - 1), bank.account(balance=PRICE)
    group = Group(bank.dsn)
    async with at_work(group):
        assert await accept_all(group, [draft(short), draft(rich)]) == [Fate.POOR, Fate.ACCEPTED]
    assert (bank.wallet(short), bank.wallet(rich)) == ((PRICE - 1, 0), (0, 0))
    bank.assert_sums()


async def test_requests_of_an_account_are_looked_at_in_order_of_arrival(bank: Bank) -> None:
    account = bank.account(balance=3 * PRICE, gift=PRICE, credit=PRICE)
    group = Group(bank.dsn)
    wants = [draft(account, 3), draft(account, 3), draft(account, 1), draft(account, 1), draft(account, 1)]
    async with at_work(group):
        fates = await accept_all(group, wants)
    assert [fate is Fate.ACCEPTED for fate in fates] == [True, False, True, True, False]
    assert bank.wallet(account) == (-PRICE, 0)
    bank.assert_sums()


async def test_an_account_without_a_wallet_cannot_pay(own_bank: Bank) -> None:
    bank = own_bank
    account = bank.account()
    bank.conn.execute(b"DELETE FROM wallet WHERE account_id = %s", (account,))
    group = Group(bank.dsn)
    free = draft(account, price=0)
    async with at_work(group):
        assert await accept_all(group, [draft(account), free, draft(account, 200)]) == [
            Fate.POOR,
            Fate.ACCEPTED,
            Fate.POOR,
        ]
    assert bank.one("SELECT count(*) FROM message WHERE account_id = %s", account) == 1


async def test_the_last_cent_is_spent_once_by_two_writers(bank: Bank) -> None:
    accounts = [bank.account(balance=5 * PRICE + 1) for _ in range(3)]
    writers = [Group(bank.dsn), Group(bank.dsn)]
    async with at_work(*writers):
        for account in accounts:
            fates = [
                fate
                for each in await asyncio.gather(
                    *(accept_all(writer, [draft(account) for _ in range(4)]) for writer in writers)
                )
                for fate in each
            ]
            assert sorted(fate.value for fate in fates) == ["accepted"] * 5 + ["balance"] * 3
            assert bank.wallet(account) == (1, 0)
    bank.assert_sums()


async def test_beyond_its_bound_the_queue_is_full(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    account = bank.account(balance=100_000 * PRICE)
    group = Group(bank.dsn)
    waiting = [asyncio.create_task(group.accept(draft(account))) for _ in range(group_module.WAITING_MOST)]
    await asyncio.sleep(0)
    assert await group.accept(draft(account)) is Fate.FULL
    async with at_work(group):
        assert set(await asyncio.gather(*waiting)) == {Fate.ACCEPTED}
        assert await group.accept(draft(account)) is Fate.ACCEPTED
    assert bank.wallet(account) == ((100_000 - group_module.WAITING_MOST - 1) * PRICE, 0)


async def test_who_hangs_up_hurts_nobody(bank: Bank) -> None:
    poor, rich = bank.account(), bank.account(balance=10 * PRICE)
    group = Group(bank.dsn)
    gone = [asyncio.create_task(group.accept(draft(account))) for account in (poor, rich)]
    stays = [asyncio.create_task(group.accept(draft(account))) for account in (rich, poor)]
    await asyncio.sleep(0)
    for task in gone:
        task.cancel()
    async with at_work(group):
        assert await asyncio.gather(*stays) == [Fate.ACCEPTED, Fate.POOR]
        assert await group.accept(draft(rich)) is Fate.ACCEPTED
    bank.assert_sums()


@pytest.mark.parametrize("clients", [1, 4])
async def test_those_who_come_back_together_share_a_commit(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, clients: int
) -> None:
    """And one alone waits for nobody."""
    monkeypatch.setattr(group_module, "_GATHER_S", 3600.0)
    account = bank.account(balance=100 * PRICE)
    sent: list[int] = []

    async def send_some(group: Group) -> None:
        for _ in range(3):
            want = draft(account)
            sent.append(want.batch_no)
            assert await group.accept(want) is Fate.ACCEPTED
            for _ in range(len(sent) % 3):  # they are not as quick as each other
                await asyncio.sleep(0)

    group = Group(bank.dsn)
    async with at_work(group), asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(send_some(group) for _ in range(clients)))
    commits = "SELECT count(DISTINCT xmin::text) FROM batch WHERE batch_no = ANY(%s::bigint[])"
    assert (len(sent), bank.one(commits, sent)) == (3 * clients, 3)


async def test_who_does_not_come_back_is_not_waited_for(bank: Bank) -> None:
    account = bank.account(balance=100 * PRICE)
    group = Group(bank.dsn)
    async with at_work(group), asyncio.timeout(PATIENCE_S):
        assert await accept_all(group, [draft(account) for _ in range(4)]) == [Fate.ACCEPTED] * 4
        assert [await group.accept(draft(account)) for _ in range(12)] == [Fate.ACCEPTED] * 12


def _drop_partitions(bank: Bank) -> None:
    for table in ("batch", "message", "report", "part_receipt", "submission"):
        leaves = bank.conn.execute(
            b"SELECT relid::regclass::text FROM pg_partition_tree(%s::regclass) WHERE isleaf AND relid <> %s::regclass",
            (table, table),
        ).fetchall()
        for (leaf,) in leaves:
            bank.conn.execute(f"DROP TABLE {leaf}".encode())
        assert bank.one("SELECT count(*) FROM pg_inherits WHERE inhparent = %s::regclass", table) == 0


async def test_missing_partitions_are_made(own_bank: Bank) -> None:
    bank = own_bank
    account = bank.account(balance=10_000 * PRICE)
    writers = [Group(bank.dsn), Group(bank.dsn), Group(bank.dsn)]
    async with at_work(*writers):
        await asyncio.gather(*(writer.accept(draft(account)) for writer in writers))
        _drop_partitions(bank)
        drafts = [draft(account, count) for count in (1, 600, 3)]
        fates = await asyncio.gather(*(writer.accept(each) for writer, each in zip(writers, drafts, strict=True)))
    assert fates == [Fate.ACCEPTED] * 3
    assert bank.stored(drafts) == [604, 3, 604, 3]
    bank.assert_sums()


async def test_ids_of_a_day_without_partitions_are_accepted(bank: Bank) -> None:
    """At midnight, or after the clock stepped: the day is the ids', not the database's."""
    account = bank.account(balance=10 * PRICE)
    late_ms = int((time.time() + 40 * 86_400) * 1000)
    far = [draft(account, ids=Ids().take(1, late_ms)), draft(account, batch_no=late_ms * 10_000 + 9)]
    near = draft(account)
    group = Group(bank.dsn)
    async with at_work(group):
        assert await accept_all(group, [near, *far]) == [Fate.ACCEPTED] * 3
    assert bank.stored([near, *far]) == [3, 3, 3, 3]
    # its ends find their place, too
    assert bank.one("SELECT count(*) FROM pg_inherits WHERE inhparent = 'report'::regclass") == bank.one(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'message'::regclass"
    )


async def test_partitions_are_made_beside_open_transactions(bank: Bank) -> None:
    account = bank.account(balance=10 * PRICE)
    late_ms = int((time.time() + 50 * 86_400) * 1000)
    group = Group(bank.dsn)
    with psycopg.connect(bank.dsn) as other:
        other.execute("LOCK TABLE message, batch, report IN ROW EXCLUSIVE MODE")  # as every writer holds them
        async with at_work(group), asyncio.timeout(PATIENCE_S):
            assert await group.accept(draft(account, ids=Ids().take(1, late_ms))) is Fate.ACCEPTED
        other.rollback()


async def test_a_server_that_refuses_to_write_is_unavailable(own_bank: Bank) -> None:
    bank = own_bank
    account = bank.account(balance=10 * PRICE)
    group = Group(bank.dsn)
    name = bank.one("SELECT current_database()")
    async with at_work(group):
        assert await group.accept(draft(account)) is Fate.ACCEPTED
        bank.conn.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
        await _end_writers(bank)
        assert await accept_all(group, [draft(account), draft(account)]) == [Fate.UNAVAILABLE] * 2
        bank.conn.execute("SET default_transaction_read_only = off")
        bank.conn.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        assert await group.accept(draft(account)) is Fate.ACCEPTED
    assert bank.wallet(account) == (8 * PRICE, 0)


async def _end_writers(bank: Bank) -> None:
    """End the idle sessions of all groups; they learn of it when they look."""
    bank.conn.execute(f"SELECT pg_terminate_backend(pid) {WRITERS}".encode())
    await until(lambda: bank.one(f"SELECT count(*) {WRITERS}") == 0)


async def test_a_session_that_ended_while_idle_is_renewed_before_a_write(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    account = bank.account(balance=10 * PRICE)
    group = Group(bank.dsn)
    async with at_work(group):
        assert await group.accept(draft(account)) is Fate.ACCEPTED
        await _end_writers(bank)
        with caplog.at_level(logging.WARNING):
            assert await group.accept(draft(account)) is Fate.ACCEPTED
    assert caplog.messages == []


async def test_a_statement_without_an_answer_is_cut_off(database: str) -> None:
    session = Session(database, "slow")
    begun_s = time.monotonic()
    with pytest.raises(LOST):
        await session.run_within(0.2, b"SELECT pg_sleep(60)")
    assert time.monotonic() - begun_s < 30
    assert await session.rows(b"SELECT 1") == [(1,)]
    with pytest.raises(errors.UndefinedTable):
        await session.run_within(5, b"SELECT 1 FROM nowhere")
    await session.close()
