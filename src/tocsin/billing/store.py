"""Statements over wallets, ledger, plans and prices; private to this context."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.billing.model import (
    NO_PLAN,
    Alert,
    DaySum,
    Entry,
    Fall,
    Mismatch,
    Plan,
    PriceRow,
    PriceRule,
    TrafficDay,
    Wallet,
)
from tocsin.kit.db import Queries, Session

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]


async def read_prices(session: Session) -> list[PriceRule]:
    """All of table price. Raises LOST."""
    return [PriceRule(*row) for row in await session.rows(QUERIES["prices"])]


async def read_costs(session: Session) -> list[PriceRule]:
    """All of table cost, as rules of NO_PLAN. Raises LOST."""
    return [PriceRule(NO_PLAN, *row) for row in await session.rows(QUERIES["costs"])]


async def load_plans(session: Session) -> dict[int, Plan]:
    """All plans, by id. Raises LOST."""
    return {row[0]: Plan(*row) for row in await session.rows(QUERIES["plans"])}


def insert_wallet(conn: Conn, account_id: int, credit_micros: int) -> None:
    """An empty wallet."""
    conn.execute(QUERIES["wallet_create"], (account_id, credit_micros))


def lock_wallet(conn: Conn, account_id: int) -> Wallet | None:
    """The wallet, locked until the transaction ends."""
    row = conn.execute(QUERIES["wallet_lock"], (account_id,)).fetchone()
    return None if row is None else Wallet(*row)


def read_wallet(conn: Conn, account_id: int) -> Wallet | None:
    """The wallet as it is, not locked."""
    row = conn.execute(QUERIES["wallet_read"], (account_id,)).fetchone()
    return None if row is None else Wallet(*row)


def read_wallets(conn: Conn) -> dict[int, Wallet]:
    """All wallets by account."""
    return {row[0]: Wallet(*row[1:]) for row in conn.execute(QUERIES["wallets"])}


def move_wallet(conn: Conn, account_id: int, balance_micros: int, gift_micros: int) -> None:
    """Add signed amounts to the pots."""
    conn.execute(QUERIES["wallet_move"], (balance_micros, gift_micros, account_id))


def set_credit(conn: Conn, account_id: int, credit_micros: int) -> None:
    """Set the credit line."""
    conn.execute(QUERIES["wallet_credit"], (credit_micros, account_id))


def insert_entry(conn: Conn, account_id: int, kind: str, balance_micros: int, gift_micros: int, note: str) -> None:
    """A ledger entry; the wallet has moved already."""
    conn.execute(QUERIES["ledger_add"], (kind, balance_micros, gift_micros, note, account_id))


def read_entries(conn: Conn, account_id: int, limit: int) -> list[Entry]:
    """The last entries, newest first."""
    return [Entry(*row) for row in conn.execute(QUERIES["ledger_last"], (account_id, limit))]


def read_ledger_page(conn: Conn, account_id: int, asked: Mapping[str, Any]) -> list[Entry]:
    """A page of entries; `asked`: fields of LedgerAsked."""
    return [Entry(*row) for row in conn.execute(QUERIES["ledger_page"], {"account": account_id, **asked})]


def read_ledger_days(conn: Conn, account_id: int) -> list[DaySum]:
    """All days of the account by kind, oldest first."""
    return [DaySum(*row) for row in conn.execute(QUERIES["ledger_days"], (account_id,))]


def read_first_day(conn: Conn, account_id: int) -> date | None:
    """The day of the first entry."""
    row = conn.execute(QUERIES["ledger_first"], (account_id,)).fetchone()
    return row[0] if row else None


async def fold_ledger(session: Session, most: int) -> int:
    """Fold the entries of up to so many accounts; of how many."""
    return int((await session.rows(QUERIES["ledger_fold"], (most,)))[0][0])


def read_traffic(conn: Conn, account_id: int, first: date, until: date) -> list[TrafficDay]:
    """Traffic of the days from `first` to before `until`."""
    return [TrafficDay(*row) for row in conn.execute(QUERIES["traffic_days"], (account_id, first, until))]


def find_mismatches(conn: Conn) -> list[Mismatch]:
    """Accounts whose entries do not add up to the wallet."""
    return [Mismatch(*row) for row in conn.execute(QUERIES["check"])]


def read_plans(conn: Conn) -> list[Plan]:
    """All plans, by name."""
    return [Plan(*row) for row in conn.execute(QUERIES["plans"])]


def insert_plan(conn: Conn, plan: Plan) -> int | None:
    """Id of the new plan (the given one is ignored); None: there is one of that name."""
    row = conn.execute(QUERIES["plan_add"], plan._asdict()).fetchone()
    return None if row is None else int(row[0])


def update_plan(conn: Conn, plan: Plan) -> None:
    """Write all settings of a plan."""
    conn.execute(QUERIES["plan_set"], plan._asdict())


def list_prices(conn: Conn, plan: str | None, product: int | None, country_id: int | None) -> list[PriceRow]:
    """Prices with names instead of ids."""
    wanted = {"plan": plan, "product": product, "country": country_id}
    return [PriceRow(*row) for row in conn.execute(QUERIES["price_list"], wanted)]


def list_costs(conn: Conn, channel_id: int | None, product: int | None, country_id: int | None) -> list[PriceRow]:
    """Costs with names instead of ids."""
    wanted = {"channel": channel_id, "product": product, "country": country_id}
    return [PriceRow("", *row) for row in conn.execute(QUERIES["cost_list"], wanted)]


def merge_prices(conn: Conn, rules: Iterable[PriceRule]) -> list[PriceRule]:
    """Insert or replace in one statement (one move of the clock); the first 1,000 rules that had another price."""
    _stage(conn, rules)
    replaced = [PriceRule(*row) for row in conn.execute(QUERIES["price_replaced"])]
    conn.execute(QUERIES["price_merge"])
    return replaced


def merge_costs(conn: Conn, rules: Iterable[PriceRule]) -> list[PriceRule]:
    """The same for table cost."""
    _stage(conn, rules)
    replaced = [PriceRule(NO_PLAN, *row) for row in conn.execute(QUERIES["cost_replaced"])]
    conn.execute(QUERIES["cost_merge"])
    return replaced


def _stage(conn: Conn, rules: Iterable[PriceRule]) -> None:
    conn.execute(QUERIES["price_stage"])
    with conn.cursor() as cursor, cursor.copy(QUERIES["price_copy"]) as copy:
        for rule in rules:
            copy.write_row(rule)


def read_alert(conn: Conn, account_id: int) -> Alert | None:
    """The alert of an account."""
    row = conn.execute(QUERIES["alert_read"], (account_id,)).fetchone()
    return None if row is None else Alert(*row)


def upsert_alert(conn: Conn, account_id: int, threshold_micros: int, addresses: list[str]) -> None:
    """Set an alert."""
    conn.execute(QUERIES["alert_set"], (account_id, threshold_micros, addresses))


def delete_alert(conn: Conn, account_id: int) -> bool:
    """False where there was none."""
    return conn.execute(QUERIES["alert_drop"], (account_id,)).fetchone() is not None


def arm_alerts(conn: Conn) -> None:
    """Those that are above again may fall again."""
    conn.execute(QUERIES["alert_arm"])


def claim_falls(conn: Conn, limit: int) -> list[Fall]:
    """Falls that nobody was told of, marked as told."""
    return [Fall(*row) for row in conn.execute(QUERIES["alert_claim"], (limit,))]


def give_back_fall(conn: Conn, account_id: int, told_at: datetime) -> None:
    """Unmark it, unless it was marked anew."""
    conn.execute(QUERIES["alert_give_back"], (account_id, told_at))


def read_plan_prices(conn: Conn, plan_id: int) -> list[PriceRule]:
    """The prices of a plan."""
    return [PriceRule(*row) for row in conn.execute(QUERIES["plan_prices"], (plan_id,))]


def read_price_version(conn: Conn) -> int:
    """The clock of table price."""
    row = conn.execute(QUERIES["price_version"]).fetchone()
    assert row is not None
    return int(row[0])
