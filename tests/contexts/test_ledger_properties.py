"""Money under random traffic: entries always add up to the wallet, and each pot gets back what it paid, never more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors

from tests.conftest import clone_database
from tests.contexts.drafts import Bank, draft
from tocsin import billing
from tocsin.kit import pgbin
from tocsin.messaging import Draft, accept_statement
from tocsin.messaging.store import QUERIES


@pytest.fixture(scope="module")
def bank(database_server: str) -> Iterator[Bank]:
    with clone_database(database_server) as dsn:
        made = Bank(dsn)
        pgbin.register(made.conn)
        yield made
        made.conn.close()


@dataclass
class _Sent:
    """An accepted request: how many of its messages are refunded now, and what each pot still has paid of it."""

    want: Draft
    price: int
    refunded: int = 0
    kept: int = 0  # charged again: these stay so, by the lifecycle
    balance_paid: int = 0
    gift_paid: int = 0
    gifted: bool = False

    @property
    def account(self) -> int:
        return self.want.account_id


@dataclass
class _World:
    """The database, and beside it what the wallets should hold."""

    bank: Bank
    pots: dict[int, tuple[int, int]] = field(default_factory=dict)  # balance, gift
    credit: dict[int, int] = field(default_factory=dict)
    overdrawn: set[int] = field(default_factory=set)  # by an operator, or by a second charge
    sent: list[_Sent] = field(default_factory=list)

    def open(self, balance: int, gift: int, credit: int) -> int:
        account = self.bank.account(balance, gift, credit)
        self.pots[account], self.credit[account] = (balance, gift), credit
        return account

    def move(self, account: int, balance: int, gift: int = 0) -> None:
        pots = self.pots[account]
        self.pots[account] = (pots[0] + balance, pots[1] + gift)

    def charge(self, wants: list[_Sent]) -> None:
        """As the group does: all, then without those that were refused."""
        before = dict(self.pots)
        refused = [{"i": place, "why": "balance"} for place, each in enumerate(wants) if not self._can_pay(each)]
        if refused:
            with pytest.raises(errors.DatabaseError) as caught:
                self._accept(wants)
            assert caught.value.sqlstate == "TC001"
            said = msgspec.json.decode(caught.value.diag.message_primary or "")
            assert sorted(said, key=lambda each: each["i"]) == refused
            assert self.wallets() == before
        out = {each["i"] for each in refused}
        wants = [each for place, each in enumerate(wants) if place not in out]
        if wants:
            self._accept(wants)
        self.sent += wants

    def _can_pay(self, each: _Sent) -> bool:
        """Pay, where the money is there: the gift first."""
        amount, (balance, gift) = each.want.amount_micros, self.pots[each.account]
        if amount > balance + gift + self.credit[each.account]:
            return amount == 0
        each.gift_paid = min(gift, amount)
        each.balance_paid, each.gifted = amount - each.gift_paid, each.gift_paid > 0
        self.move(each.account, -each.balance_paid, -each.gift_paid)
        return True

    def _accept(self, wants: list[_Sent]) -> None:
        statement = accept_statement([each.want for each in wants])
        self.bank.conn.cursor(binary=True).execute(statement.query, statement.params)

    def settle(self, moves: list[tuple[_Sent, int]]) -> None:
        """Messages given back (n > 0) or charged again (n < 0), in one call."""
        rows = []
        gifts = {account: gift for account, (_, gift) in self.pots.items()}
        again: Counter[int] = Counter()
        for sent, n in moves:
            rows += [(sent.account, sent.want.batch_no, sent.price if n > 0 else -sent.price, 1)] * abs(n)
            sent.refunded += n
            if n > 0:
                self._give_back(sent, n * sent.price)
            else:
                sent.kept -= n
                again[sent.account] -= n * sent.price
        for account, micros in again.items():
            from_gift = min(gifts[account], micros)
            self.move(account, from_gift - micros, -from_gift)
            self.overdrawn.add(account)
        if rows:
            self.bank.conn.execute(QUERIES["settle"], (msgspec.json.encode(rows).decode(),))

    def _give_back(self, sent: _Sent, micros: int) -> None:
        """To the balance what it paid of this request, then to the gift."""
        to_balance = min(micros, sent.balance_paid) if sent.gifted else micros
        sent.balance_paid -= to_balance
        sent.gift_paid -= micros - to_balance
        self.move(sent.account, to_balance, micros - to_balance)

    def wallets(self) -> dict[int, tuple[int, int]]:
        return {account: self.bank.wallet(account) for account in self.pots}

    def check(self) -> None:
        self.bank.assert_sums()
        assert self.wallets() == self.pots
        for account, (balance, gift) in self.pots.items():
            assert gift >= 0
            assert account in self.overdrawn or balance >= -self.credit[account]
        self.check_entries()

    def check_entries(self) -> None:
        """No batch gave a pot more than that pot paid for it; every entry tells the balance after it."""
        over = b"""SELECT batch_no FROM ledger WHERE batch_no IS NOT NULL AND account_id = ANY(%s)
                   GROUP BY batch_no HAVING sum(balance_micros) > 0 OR sum(gift_micros) > 0"""
        wrong = b"""SELECT id FROM (SELECT id, balance_after, sum(balance_micros) OVER (PARTITION BY account_id ORDER BY id) AS upto
                    FROM ledger WHERE account_id = ANY(%s)) AS l WHERE balance_after <> upto"""
        for query in (over, wrong):
            assert self.bank.conn.execute(query, (list(self.pots),)).fetchall() == []


_money = st.integers(0, 2000)
_three = st.integers(0, 2)
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("charge"), st.lists(st.tuples(_three, st.integers(1, 4), st.integers(0, 300)), min_size=1, max_size=5)),
        st.tuples(st.just("settle"), st.lists(st.tuples(st.integers(0, 50), st.integers(-2, 4)), min_size=1, max_size=6)),
        st.tuples(st.just("recharge"), st.tuples(_three, st.integers(-300, 900))),
        st.tuples(st.just("give"), st.tuples(_three, st.integers(1, 400))),
    ),
    min_size=3,
    max_size=14,
)  # fmt: skip


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(_money, _money, st.integers(0, 300)), min_size=3, max_size=3), _steps)
def test_money_is_neither_made_nor_lost(
    bank: Bank, pots: list[tuple[int, int, int]], steps: list[tuple[str, Any]]
) -> None:
    world = _World(bank)
    accounts = [world.open(*each) for each in pots]
    for what, how in steps:
        if what == "charge":
            world.charge([_Sent(draft(accounts[at], count, price), price) for at, count, price in how])
        elif what == "settle":
            _settle(world, how)
        elif what == "recharge":
            at, micros = how
            if micros:
                billing.recharge(bank.conn, accounts[at], micros)
                world.move(accounts[at], micros)
            if micros < 0:
                world.overdrawn.add(accounts[at])
        else:
            at, micros = how
            billing.give(bank.conn, accounts[at], micros)
            world.move(accounts[at], 0, micros)
        world.check()


def _settle(world: _World, how: list[tuple[int, int]]) -> None:
    """Each request at most once a call."""
    moves: dict[int, tuple[_Sent, int]] = {}
    for which, n in how:
        if not world.sent:
            return
        sent = world.sent[which % len(world.sent)]
        n = min(n, sent.want.good - sent.refunded - sent.kept) if n > 0 else -min(-n, sent.refunded)  # noqa: PLW2901
        if n and id(sent) not in moves:
            moves[id(sent)] = (sent, n)
    world.settle(list(moves.values()))


def _settle_one(bank: Bank, *rows: tuple[int, int, int, int]) -> None:
    bank.conn.execute(QUERIES["settle"], (msgspec.json.encode(rows).decode(),))


def test_the_gift_is_spent_first_and_each_pot_gets_back_its_own(bank: Bank) -> None:
    world = _World(bank)
    account = world.open(balance=700, gift=300, credit=0)
    want = draft(account, 10, price=100)
    world.charge([_Sent(want, 100)])
    assert bank.wallet(account) == (0, 0)
    _settle_one(bank, *[(account, want.batch_no, 100, 1)] * 6)
    assert bank.wallet(account) == (600, 0)  # the balance paid 700: it gets its own first
    _settle_one(bank, *[(account, want.batch_no, 100, 1)] * 4)
    assert bank.wallet(account) == (700, 300)
    entries = [(each.kind, each.balance_micros, each.gift_micros, each.balance_after, each.messages)
               for each in billing.read_entries(bank.conn, account)[:3]]  # fmt: skip
    assert entries == [("refund", 100, 300, 700, 4), ("refund", 600, 0, 600, 6), ("charge", -700, -300, 0, 10)]
    bank.assert_sums()


def test_a_second_charge_spends_the_gift_first_and_may_overdraw(bank: Bank) -> None:
    world = _World(bank)
    account = world.open(balance=100, gift=0, credit=0)
    want = draft(account, 1, price=100)
    world.charge([_Sent(want, 100)])
    _settle_one(bank, (account, want.batch_no, 100, 1))
    assert bank.wallet(account) == (100, 0)
    billing.give(bank.conn, account, 30)
    other = draft(account, 1, price=110)
    world.move(account, 100, 30)
    world.charge([_Sent(other, 110)])
    assert bank.wallet(account) == (20, 0)
    billing.give(bank.conn, account, 30)
    _settle_one(bank, (account, want.batch_no, -100, 1))
    assert bank.wallet(account) == (-50, 0)
    bank.assert_sums()


def test_settlements_beside_each_other_lose_nothing(bank: Bank) -> None:
    """Two workers refund one batch that both pots paid: the second waits, and sees what the first gave back."""
    world = _World(bank)
    account = world.open(balance=500, gift=500, credit=0)
    want = draft(account, 10, price=100)
    world.charge([_Sent(want, 100)])
    half = msgspec.json.encode([(account, want.batch_no, 100, 1)] * 5).decode()
    with psycopg.connect(bank.dsn) as one, psycopg.connect(bank.dsn) as two:
        one.execute(QUERIES["settle"], (half,))
        with two.pipeline():
            waiting = two.execute(QUERIES["settle"], (half,))
            one.commit()
        assert waiting.rowcount == 1
        two.commit()
    assert bank.wallet(account) == (500, 500)
    bank.assert_sums()
