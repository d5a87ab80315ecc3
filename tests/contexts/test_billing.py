"""Wallets and their ledger; price lists."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import TupleRow

from tocsin import accounts, audit, billing
from tocsin.billing import BillingError, Mismatch, Names, PriceRule, Wallet
from tocsin.bootstrap.seed import ensure_defaults

Conn = psycopg.Connection[TupleRow]


@pytest.fixture
def conn(database: str) -> Iterator[Conn]:
    with psycopg.connect(database, autocommit=True) as made:
        ensure_defaults(made)
        yield made


def make_account(conn: Conn, name: str = "acme") -> int:
    account_id = accounts.create_account(conn, name)
    billing.open_wallet(conn, account_id)
    return account_id


def test_every_movement_is_an_entry(conn: Conn) -> None:
    account_id = make_account(conn)
    assert billing.recharge(conn, account_id, 500, "first") == (Wallet(0, 0, 0), Wallet(500, 0, 0))
    billing.give(conn, account_id, 30)
    billing.recharge(conn, account_id, -700)
    billing.give(conn, account_id, -10)
    billing.set_credit(conn, account_id, 1000)
    assert billing.read_wallet(conn, account_id) == Wallet(-200, 20, 1000)
    entries = [(each.kind, each.balance_micros, each.gift_micros, each.balance_after, each.note)
               for each in billing.read_entries(conn, account_id)]  # fmt: skip
    assert entries == [
        ("adjustment", 0, -10, -200, ""),
        ("adjustment", -700, 0, -200, ""),
        ("gift", 0, 30, 500, ""),
        ("recharge", 500, 0, 500, "first"),
    ]
    assert len(billing.read_entries(conn, account_id, 2)) == 2
    assert billing.check(conn) == []


def test_what_money_cannot_do(conn: Conn) -> None:
    account_id = make_account(conn)
    with pytest.raises(BillingError, match="moves nothing"):
        billing.recharge(conn, account_id, 0)
    with pytest.raises(BillingError, match="gift pot"):
        billing.give(conn, account_id, -1)
    with pytest.raises(BillingError, match="negative"):
        billing.set_credit(conn, account_id, -1)
    with pytest.raises(BillingError, match="no wallet"):
        billing.recharge(conn, 999, 1)
    assert billing.read_entries(conn, account_id) == []
    assert billing.check(conn) == []


def test_movements_at_the_same_time_lose_nothing(database: str, conn: Conn) -> None:
    account_id = make_account(conn)

    def add(_: int) -> None:
        with psycopg.connect(database) as other:
            billing.recharge(other, account_id, 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert billing.read_wallet(conn, account_id).balance_micros == 40
    assert [each.balance_after for each in billing.read_entries(conn, account_id)] == list(range(40, 0, -1))
    assert billing.check(conn) == []


def test_the_check_finds_what_is_off(conn: Conn) -> None:
    good, balance, gift, bare = (make_account(conn, name) for name in ("good", "balance", "gift", "bare"))
    for account_id in (good, balance, gift):
        billing.recharge(conn, account_id, 100)
        billing.give(conn, account_id, 10)
    conn.execute("UPDATE wallet SET balance_micros = 101 WHERE account_id = %s", (balance,))
    conn.execute("DELETE FROM ledger WHERE account_id = %s AND gift_micros > 0", (gift,))
    conn.execute("DELETE FROM wallet WHERE account_id = %s", (bare,))
    conn.execute("INSERT INTO ledger (account_id, kind, balance_micros, balance_after) VALUES (999, 'recharge', 5, 5)")
    assert billing.check(conn) == [
        Mismatch(balance, "balance", 101, 10, 100, 10),
        Mismatch(gift, "gift", 100, 10, 100, 0),
        Mismatch(bare, "bare", None, None, 0, 0),
        Mismatch(999, None, None, None, 5, 0),
    ]


def names(plan_id: int) -> Names:
    return Names(
        plans={"default": plan_id}, countries={"ID": (10007, "62"), "10007": (10007, "62")}, channels={"sandbox": 1}
    )


HEAD = "plan,product,country,prefix,channel,price"


def test_a_price_list_replaces_and_adds(conn: Conn) -> None:
    rows = [HEAD, "default,sms,,,,0.5", "default,SMS,id,+62811, sandbox ,0.019", "default,mms,10007,,,0"]
    plan_id = billing.find_plan(conn, "default").id
    rules, bad = billing.read_price_list(rows, names(plan_id))
    assert bad == []
    assert rules == [
        PriceRule(plan_id, 1, None, "", None, 500_000),
        PriceRule(plan_id, 1, 10007, "62811", 1, 19_000),
        PriceRule(plan_id, 2, 10007, "", None, 0),
    ]
    before = conn.execute("SELECT version FROM change_clock WHERE name = 'price'").fetchone()
    with conn.transaction():
        assert billing.import_prices(conn, rules) == [PriceRule(plan_id, 1, None, "", None, 100_000)]
    after = conn.execute("SELECT version FROM change_clock WHERE name = 'price'").fetchone()
    assert after is not None
    assert before is not None
    assert before[0] < after[0] <= before[0] + 2, "the clock moves by statement, not by row"
    prices = {(row.product, row.iso, row.prefix, row.channel): row.price_micros for row in billing.list_prices(conn)}
    assert len(prices) == 7
    assert prices[(1, None, "", None)] == 500_000
    assert prices[(1, "ID", "62811", "sandbox")] == 19_000
    assert [row.product for row in billing.list_prices(conn, "default", None, 10007)] == [1, 2]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("nobody,sms,,,,1", "unknown plan 'nobody'"),
        (",sms,,,,1", "plan is missing"),
        ("default,fax,,,,1", "unknown product 'fax'"),
        ("default,sms,XX,,,1", "unknown country 'XX'"),
        ("default,sms,,,other,1", "unknown channel 'other'"),
        ("default,sms,ID,811,,1", "does not begin with the country's calling code 62"),
        ("default,sms,,62x,,1", "is not 1 to 15 digits"),
        ("default,sms,,,,", "price is missing"),
        ("default,sms,,,,-1", "is negative"),
        ("default,sms,,,,0.0000001", "is no amount"),
        ("default,sms,,,,1,2", "more fields than columns"),
        ("default,sms", "price is missing"),
        ("default,mms,,,,2", "as line 2"),
    ],
)
def test_a_bad_row_is_named_with_its_line(row: str, why: str) -> None:
    rules, bad = billing.read_price_list([HEAD, "default,mms,,,,1", row, "default,otp,,,,1"], names(1))
    assert [each.line for each in bad] == [3]
    assert why in bad[0].why
    assert len(rules) == 2


@pytest.mark.parametrize("head", ["", "plan,product", "plan,product,price,colour", "plan;product;price"])
def test_a_bad_header_is_refused(head: str) -> None:
    with pytest.raises(BillingError, match="line 1"):
        billing.read_price_list([head, "default,sms,1"], names(1))


def test_an_audit_row_goes_with_its_change(database: str, conn: Conn) -> None:
    with conn.transaction(force_rollback=True):
        audit.record(conn, "alice", "try", "thing", None, {"a": 1})
    audit.record(conn, "bob", "set", "thing", {"a": 1}, {"a": None})
    (entry,) = audit.read_last(conn, "thing")
    assert (entry.actor, entry.action, entry.before, entry.after) == ("bob", "set", {"a": 1}, {"a": None})
