"""The demo account of a newcomer's own machine: the page's account and key, which the whole world knows."""

from __future__ import annotations

from typing import NamedTuple

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import accounts, audit, billing
from tocsin.bootstrap.seed import ensure_defaults
from tocsin.kit import clock
from tocsin.kit.seal import Seal, open_seal
from tocsin.kit.settings import Settings

ACCOUNT = "yn00001"
API_KEY = "7bz1lzh9"  # published on the API page
BALANCE_MICROS = 10_000 * billing.MICROS
_ACTOR = "tocsin"


class DemoFacts(NamedTuple):
    """What a newcomer needs to send; `made`: it was not there before."""

    account: str
    api_key: str
    made: bool


def create(dsn: str, settings: Settings) -> DemoFacts:
    """Make the demo account where it is missing; facts of the present one. Raises psycopg errors, SealError."""
    seal = open_seal(settings, make=True)
    with psycopg.connect(dsn, autocommit=True) as conn:
        ensure_defaults(conn)
        with conn.transaction():
            accounts.check_canary(conn, seal, make=True)
            made = _make(conn, seal)
        return DemoFacts(ACCOUNT, _find_key(conn, seal), made)


def _make(conn: Connection[TupleRow], seal: Seal) -> bool:
    try:
        account_id = accounts.create_account(conn, ACCOUNT)
    except accounts.AccountError:
        accounts.find_account(conn, ACCOUNT)  # raises where the reason was another one
        return False
    accounts.add_key(conn, account_id, seal.seal(API_KEY))
    billing.open_wallet(conn, account_id)
    billing.recharge(conn, account_id, BALANCE_MICROS, "demo")
    audit.record(
        conn,
        _ACTOR,
        "demo",
        f"account {ACCOUNT}",
        None,
        {"balance": billing.text_of(BALANCE_MICROS), "plan": "default"},
    )
    return True


def _find_key(conn: Connection[TupleRow], seal: Seal) -> str:
    """The newest key that still holds: an operator may have rotated the published one."""
    now = clock.now()
    keys = [
        key
        for key in accounts.list_keys(conn, accounts.find_account(conn, ACCOUNT).id)
        if key.expires_at is None or key.expires_at > now
    ]
    return seal.open(keys[-1].sealed) if keys else ""
