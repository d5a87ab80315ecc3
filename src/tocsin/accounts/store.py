"""Statements over accounts, keys and grants; private to this context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.accounts.model import AccountFacts, KeyFacts
from tocsin.kit import pgbin
from tocsin.kit.db import Queries, Session

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]


class Versions(NamedTuple):
    """Up to which change each table is known."""

    account: int
    api_key: int
    account_grant: int


async def read_versions(session: Session) -> Versions:
    """The tables' clocks; a row that is committed has no later version."""
    clocks = {str(name): int(version) for name, version in await session.rows(QUERIES["clocks"])}
    return Versions(clocks.get("account", 0), clocks.get("api_key", 0), clocks.get("account_grant", 0))


async def changed_ids(session: Session, since: Versions) -> list[int]:
    """Ids of accounts of which a row is newer than `since`."""
    return [int(row[0]) for row in await session.rows(QUERIES["changed"], since)]


async def read_page(session: Session, after_id: int, limit: int) -> list[TupleRow]:
    """Rows of up to `limit` accounts with an id above `after_id`, by id."""
    return await session.rows(QUERIES["page"], (after_id, limit))


async def read_some(session: Session, ids: Sequence[int]) -> list[TupleRow]:
    """Rows of the accounts `ids`, as far as they exist."""
    return await session.rows(QUERIES["some"], (list(ids),))


def find_account(conn: Conn, name: str) -> AccountFacts | None:
    """The account of that name."""
    row = conn.execute(QUERIES["find"], (name,)).fetchone()
    return None if row is None else AccountFacts(*row)


def list_accounts(conn: Conn) -> list[AccountFacts]:
    """All accounts by name."""
    return [AccountFacts(*row) for row in conn.execute(QUERIES["all"])]


def insert_account(conn: Conn, name: str, plan: str, language: str, display_name: str) -> int | None:
    """Id of the new account; None where the name is taken or there is no such plan."""
    row = conn.execute(
        QUERIES["create"], {"name": name, "plan": plan, "language": language, "display_name": display_name}
    ).fetchone()
    return None if row is None else int(row[0])


def lock_account(conn: Conn, account_id: int) -> None:
    """Hold the account's row until the transaction ends."""
    conn.execute(QUERIES["lock_row"], (account_id,))


def update_account(conn: Conn, facts: AccountFacts) -> None:
    """Write all settings of an account."""
    conn.execute(QUERIES["set"], facts._asdict())


def has_plan(conn: Conn, name: str) -> bool:
    """Whether there is a plan of that name."""
    return conn.execute(QUERIES["plan_exists"], (name,)).fetchone() is not None


def insert_key(conn: Conn, account_id: int, sealed: str, name: str) -> int:
    """Id of the new key."""
    row = conn.execute(QUERIES["key_add"], (account_id, sealed, name)).fetchone()
    assert row is not None
    return int(row[0])


def list_keys(conn: Conn, account_id: int) -> list[KeyFacts]:
    """All keys of an account, oldest first."""
    return [KeyFacts(*row) for row in conn.execute(QUERIES["keys"], (account_id,))]


def end_keys(conn: Conn, account_id: int, end: datetime) -> list[int]:
    """Let every key that would hold longer end then; their ids."""
    return [row[0] for row in conn.execute(QUERIES["keys_end"], (end, account_id, end))]


def end_key(conn: Conn, account_id: int, key_id: int, end: datetime) -> bool:
    """Let one key end then; False where the account has no such key that would hold longer."""
    return conn.execute(QUERIES["key_end"], (end, account_id, key_id, end)).fetchone() is not None


def rename_key(conn: Conn, account_id: int, key_id: int, name: str) -> None:
    """Call a key of the account so."""
    conn.execute(QUERIES["key_rename"], (name, account_id, key_id))


def lock_key(conn: Conn, account_id: int, key_id: int) -> str | None:
    """The name of a key of the account that holds, locked until the transaction ends."""
    row = conn.execute(QUERIES["key_name"], (account_id, key_id)).fetchone()
    return None if row is None else str(row[0])


async def note_uses(session: Session, uses: Mapping[int, float]) -> None:
    """When keys (by id) last signed, in epoch seconds; an older time changes nothing."""
    await session.run(QUERIES["note_uses"], (pgbin.int4s(list(uses)), pgbin.times(list(uses.values()))))


def lock_keys(conn: Conn) -> list[tuple[int, str]]:
    """Every key, id and sealed text, locked until the transaction ends."""
    return [(row[0], row[1]) for row in conn.execute(QUERIES["keys_all"])]


def update_keys(conn: Conn, keys: Sequence[tuple[str, int]]) -> None:
    """Write new sealed texts: (sealed, id)."""
    with conn.cursor() as cursor:
        cursor.executemany(QUERIES["key_reseal"], keys)


def insert_grant(conn: Conn, account_id: int, kind: str, value: str) -> bool:
    """False where it was granted before."""
    return conn.execute(QUERIES["grant_add"], (account_id, kind, value)).fetchone() is not None


def delete_grant(conn: Conn, account_id: int, kind: str, value: str) -> bool:
    """False where there was none."""
    return conn.execute(QUERIES["grant_remove"], (account_id, kind, value)).fetchone() is not None


def list_grants(conn: Conn, account_id: int | None) -> list[tuple[str, str, str]]:
    """Account, kind, value; of one account or of all."""
    return [(row[0], row[1], row[2]) for row in conn.execute(QUERIES["grants"], {"account": account_id})]


def insert_canary(conn: Conn, sealed: str) -> None:
    """Put the known text there, unless it is."""
    conn.execute(QUERIES["canary_add"], (sealed,))


def read_canary(conn: Conn) -> str | None:
    """The known text, sealed."""
    row = conn.execute(QUERIES["canary"]).fetchone()
    return None if row is None else str(row[0])


def update_canary(conn: Conn, sealed: str) -> None:
    """Replace the known text."""
    conn.execute(QUERIES["canary_set"], (sealed,))
