"""The answer to a commit is lost: nobody is told a wrong word, nothing is stored or charged twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.conformance.proxy import Proxy, proxied
from tests.conftest import clone_database
from tests.contexts.drafts import PRICE, WAITING_WRITERS, WRITERS, Bank, accept_all, at_work, draft
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


async def _warm_up(group: Group, account: int) -> None:
    """Until its statement is prepared: from then on a write is one request and one answer."""
    for _ in range(3):
        assert await group.accept(draft(account)) is Fate.ACCEPTED


async def _cut_and_see(proxy: Proxy, moment: str, group: Group, drafts: list[Draft], bank: Bank) -> list[Fate]:
    """The fates of the drafts when the connection is cut in their commit, which is done or not when the next try begins."""
    proxy.refuse = True  # the next try must wait until we have looked
    setattr(proxy, moment, True)
    accepting = asyncio.create_task(accept_all(group, drafts))
    await until(lambda: proxy.cuts == 1)
    there = [len(drafts)] if moment == "cut_answer" else [0]
    await until(lambda: bank.stored(drafts)[1:2] == there)
    assert not accepting.done()
    proxy.refuse = False
    return await accepting


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"])
@pytest.mark.parametrize("keys", [False, True], ids=["plain", "keys"])
async def test_a_group_is_stored_once(bank: Bank, moment: str, keys: bool) -> None:
    account = bank.account(balance=100 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            await _warm_up(group, account)
            drafts = _group_of_five(bank, account, keys=keys)
            assert await _cut_and_see(proxy, moment, group, drafts, bank) == [Fate.ACCEPTED] * 5
    assert bank.stored(drafts) == [8, 5, 8, 4]
    assert bank.wallet(account) == (93 * PRICE, 0)
    bank.assert_sums()


@pytest.mark.parametrize("moment", ["cut_answer", "cut_request"])
async def test_who_cannot_pay_is_told_so_all_the_same(bank: Bank, moment: str) -> None:
    rich, poor = bank.account(balance=10 * PRICE), bank.account(balance=PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            await _warm_up(group, rich)
            drafts = [draft(poor, 2), draft(rich), draft(poor)]
            setattr(proxy, moment, True)
            assert await accept_all(group, drafts) == [Fate.POOR, Fate.ACCEPTED, Fate.ACCEPTED]
            assert proxy.cuts == 1
    assert bank.stored(drafts) == [2, 2, 2, 2]
    assert (bank.wallet(rich), bank.wallet(poor)) == ((6 * PRICE, 0), (0, 0))
    bank.assert_sums()


async def test_a_look_at_the_money_is_taken_again(bank: Bank) -> None:
    rich = bank.account(balance=1000 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            await _warm_up(group, rich)
            want = draft(rich, 300)
            proxy.cut_request = True
            assert await group.accept(want) is Fate.ACCEPTED
            assert proxy.cuts == 1
    assert bank.stored([want]) == [300, 1, 300, 1]


async def test_a_key_that_another_has_taken_is_told_so_all_the_same(bank: Bank) -> None:
    rich = bank.account(balance=10 * PRICE)
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            await _warm_up(group, rich)
            first, twin, plain = (
                draft(rich, idempotency_key=key, idempotency_hash="00") for key in ("taken", "taken", None)
            )
            assert await group.accept(first) is Fate.ACCEPTED
            proxy.cut_request = True
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
    async with proxied(bank.dsn, WORD) as (proxy, dsn):
        group = Group(dsn)
        async with at_work(group):
            with psycopg.connect(bank.dsn) as holder:
                holder.execute(b"SELECT 1 FROM wallet WHERE account_id = %s FOR UPDATE", (account,))
                accepting = asyncio.create_task(group.accept(want))
                first = await until(lambda: bank.one(f"SELECT array_agg(pid) {WAITING_WRITERS}"))
                sessions = f"SELECT count(*) {WRITERS}"
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
            await _warm_up(group, account)
            proxy.cut_request = True
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
            assert time.monotonic() - begun_s < group_module.FATE_S
            assert bank.stored(drafts) == [0, 0, 0, 0]
            proxy.refuse = False
            assert await group.accept(draft(account)) is Fate.ACCEPTED
    assert bank.wallet(account) == (8 * PRICE, 0)
    bank.assert_sums()
