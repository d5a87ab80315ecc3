"""The answer to a commit is lost: nobody is told a wrong word, nothing is stored or charged twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.conformance.proxy import Proxy, proxied
from tests.conftest import clone_database
from tests.contexts.drafts import PRICE, Bank, accept_all, at_work, draft
from tests.poll import until
from tocsin.api import group as group_module
from tocsin.api.group import Fate, Group
from tocsin.messaging import Draft

WORD = b"tocsin accept"


@pytest.fixture(scope="module")
def bank(database_server: str) -> Iterator[Bank]:
    with clone_database(database_server) as dsn:
        made = Bank(dsn)
        yield made
        made.conn.close()


def _group_of_five(bank: Bank, account: int, *, keys: bool) -> list[Draft]:
    """Of two accounts, of one and of many numbers, one of them free."""
    other = bank.account(balance=100 * PRICE)
    drafts = [draft(account), draft(other, 3), draft(account, 2), draft(other, price=0), draft(account)]
    if keys:
        for number, each in enumerate(drafts):
            each.idempotency_key, each.idempotency_hash = f"key-{number}", "00" * 32
    return drafts


def _cut(proxy: Proxy, moment: str) -> None:
    setattr(proxy, moment, True)


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"])
@pytest.mark.parametrize("keys", [False, True], ids=["plain", "keys"])
async def test_a_group_is_stored_once(bank: Bank, moment: str, keys: bool) -> None:
    account = bank.account(balance=100 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            assert await group.accept(draft(account)) is Fate.ACCEPTED
            drafts = _group_of_five(bank, account, keys=keys)
            _cut(proxy, moment)
            assert await accept_all(group, drafts) == [Fate.ACCEPTED] * 5
            assert proxy.cuts == 1
    assert bank.stored(drafts) == [8, 5, 8, 4]
    assert bank.wallet(account) == (95 * PRICE, 0)
    bank.assert_sums()


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"])
async def test_who_cannot_pay_is_told_so_all_the_same(bank: Bank, moment: str) -> None:
    rich, poor = bank.account(balance=10 * PRICE), bank.account(balance=PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            assert await group.accept(draft(rich)) is Fate.ACCEPTED
            drafts = [draft(poor, 2), draft(rich), draft(poor)]
            _cut(proxy, moment)
            assert await accept_all(group, drafts) == [Fate.POOR, Fate.ACCEPTED, Fate.ACCEPTED]
            assert proxy.cuts == 1
    assert bank.stored(drafts) == [2, 2, 2, 2]
    assert (bank.wallet(rich), bank.wallet(poor)) == ((8 * PRICE, 0), (0, 0))
    bank.assert_sums()


async def test_a_key_that_another_has_taken_is_told_so_all_the_same(bank: Bank) -> None:
    rich = bank.account(balance=10 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            first, twin, plain = (
                draft(rich, idempotency_key=key, idempotency_hash="00") for key in ("taken", "taken", None)
            )
            assert await group.accept(first) is Fate.ACCEPTED
            _cut(proxy, "cut_request")
            begun_s = time.monotonic()
            assert await accept_all(group, [twin, plain]) == [Fate.KEY_TAKEN, Fate.ACCEPTED]
            assert time.monotonic() - begun_s < group_module.FATE_S
            assert proxy.cuts == 1
    assert bank.stored([first, twin, plain]) == [2, 2, 2, 2]
    bank.assert_sums()


@pytest.mark.parametrize("key", [None, "mine"])
@pytest.mark.parametrize("wins", [True, False], ids=["first wins", "first fails"])
async def test_a_first_try_that_is_still_at_work_is_waited_for(bank: Bank, key: str | None, wins: bool) -> None:
    """Only the client's side of the connection is gone: the server goes on with the statement."""
    account = bank.account(balance=10 * PRICE)
    want = draft(account, idempotency_key=key, idempotency_hash="00")
    waits = "SELECT array_agg(pid) FROM pg_stat_activity WHERE application_name = 'tocsin accept' AND wait_event_type = 'Lock'"
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            with psycopg.connect(bank.dsn) as holder:
                holder.execute(b"SELECT 1 FROM wallet WHERE account_id = %s FOR UPDATE", (account,))
                accepting = asyncio.create_task(group.accept(want))
                first = await until(lambda: bank.one(waits))
                sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tocsin accept'"
                before = bank.one(sessions)
                await proxy.close()
                await until(
                    lambda: bank.one(sessions) == before + 1
                )  # the second try is there, the first still at work
                if not wins:
                    bank.conn.execute("SELECT pg_terminate_backend(%s)", first)
                assert not accepting.done()
                holder.rollback()
            assert await accepting is Fate.ACCEPTED
    assert bank.stored([want]) == [1, 1, 1, 1]
    assert bank.wallet(account) == (9 * PRICE, 0)
    bank.assert_sums()


async def test_a_request_that_cannot_be_stored_is_told_so_all_the_same(bank: Bank) -> None:
    account = bank.account(balance=10 * PRICE)
    drafts = [draft(account), draft(account, phones=["\x00"]), draft(account)]
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            assert await group.accept(draft(account)) is Fate.ACCEPTED
            _cut(proxy, "cut_request")
            assert await accept_all(group, drafts) == [Fate.ACCEPTED, Fate.BROKEN, Fate.ACCEPTED]
            assert proxy.cuts == 1
    assert bank.stored(drafts) == [2, 2, 2, 2]


async def test_while_the_database_is_away_the_refusal_is_certain_and_quick(bank: Bank) -> None:
    account = bank.account(balance=10 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            assert await group.accept(draft(account)) is Fate.ACCEPTED
            proxy.refuse = True
            await proxy.close()
            begun_s = time.monotonic()
            drafts = [draft(account), draft(account, 200)]
            assert await accept_all(group, drafts) == [Fate.UNAVAILABLE] * 2
            assert await group.accept(draft(account)) is Fate.UNAVAILABLE
            assert time.monotonic() - begun_s < 2
            assert bank.stored(drafts) == [0, 0, 0, 0]
            proxy.refuse = False
            assert await group.accept(draft(account)) is Fate.ACCEPTED
    assert bank.wallet(account) == (8 * PRICE, 0)
    bank.assert_sums()
