"""Movements of money that people make. The charges and refunds of traffic are functions of the database.

Every movement changes the wallet and appends its entry in the caller's transaction; nothing here commits.
"""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing import store
from tocsin.billing.model import ADJUSTMENT, GIFT, RECHARGE, BillingError, Entry, Mismatch, Wallet


def open_wallet(conn: Connection[TupleRow], account_id: int, credit_micros: int = 0) -> None:
    """The empty wallet of a new account."""
    _refuse_negative_credit(credit_micros)
    store.insert_wallet(conn, account_id, credit_micros)


def recharge(conn: Connection[TupleRow], account_id: int, micros: int, note: str = "") -> tuple[Wallet, Wallet]:
    """Add money to the balance, or take some off (kind adjustment); the wallet before and after.

    A correction may take the balance below zero: the operator knows what was paid. Raises BillingError.
    """
    return _move(conn, account_id, RECHARGE if micros > 0 else ADJUSTMENT, micros, 0, note)


def give(conn: Connection[TupleRow], account_id: int, micros: int, note: str = "") -> tuple[Wallet, Wallet]:
    """Add to the gift pot, which is spent first, or take off what is left of it. Raises BillingError."""
    return _move(conn, account_id, GIFT if micros > 0 else ADJUSTMENT, 0, micros, note)


def _move(
    conn: Connection[TupleRow], account_id: int, kind: str, balance_micros: int, gift_micros: int, note: str
) -> tuple[Wallet, Wallet]:
    before = store.lock_wallet(conn, account_id)
    if before is None:
        raise BillingError("the account has no wallet")
    if not balance_micros and not gift_micros:
        raise BillingError("an amount of 0 moves nothing")
    after = before._replace(
        balance_micros=before.balance_micros + balance_micros, gift_micros=before.gift_micros + gift_micros
    )
    if after.gift_micros < 0:
        raise BillingError("the gift pot does not hold that much")
    store.move_wallet(conn, account_id, balance_micros, gift_micros)
    store.insert_entry(conn, account_id, kind, balance_micros, gift_micros, note)
    return before, after


def set_credit(conn: Connection[TupleRow], account_id: int, credit_micros: int) -> tuple[Wallet, Wallet]:
    """Set how far the balance may go below zero; the wallet before and after. Raises BillingError."""
    _refuse_negative_credit(credit_micros)
    before = store.lock_wallet(conn, account_id)
    if before is None:
        raise BillingError("the account has no wallet")
    store.set_credit(conn, account_id, credit_micros)
    return before, before._replace(credit_micros=credit_micros)


def _refuse_negative_credit(credit_micros: int) -> None:
    if credit_micros < 0:
        raise BillingError("a credit line cannot be negative")


def read_wallet(conn: Connection[TupleRow], account_id: int) -> Wallet:
    """The wallet of an account; zeros where it has none."""
    return store.read_wallet(conn, account_id) or Wallet(0, 0, 0)


def read_wallets(conn: Connection[TupleRow]) -> dict[int, Wallet]:
    """All wallets by account id."""
    return store.read_wallets(conn)


def read_entries(conn: Connection[TupleRow], account_id: int, limit: int = 50) -> list[Entry]:
    """The last movements, newest first."""
    return store.read_entries(conn, account_id, limit)


def check(conn: Connection[TupleRow]) -> list[Mismatch]:
    """Every account whose ledger entries do not add up to its wallet, for both pots; none is the proof."""
    return store.find_mismatches(conn)
