"""Statements over sending domains; private to this context."""

from __future__ import annotations

from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import Queries, Session
from tocsin.senders.model import DomainRow

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]


async def read_verified(session: Session) -> list[tuple[int, str]]:
    """(account, domain): the first verified one of each account. Raises LOST."""
    return [(int(row[0]), str(row[1])) for row in await session.rows(QUERIES["verified"])]


def insert_domain(conn: Conn, account_id: int, domain: str) -> bool:
    """False where somebody has it already."""
    return conn.execute(QUERIES["add"], (account_id, domain)).fetchone() is not None


def set_verified(conn: Conn, domain: str) -> None:
    """Note that it is the account's."""
    conn.execute(QUERIES["verify"], (domain,))


def delete_domain(conn: Conn, domain: str) -> None:
    """Take it away."""
    conn.execute(QUERIES["remove"], (domain,))


def list_domains(conn: Conn, domain: str | None) -> list[DomainRow]:
    """One domain, locked, or all, by account."""
    name = "all" if domain is None else "find"
    return [DomainRow(*row) for row in conn.execute(QUERIES[name], () if domain is None else (domain,))]
