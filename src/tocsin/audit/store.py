"""Statements over the audit table; private to this context."""

from __future__ import annotations

from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tocsin.kit.db import Queries

QUERIES = Queries(Path(__file__).with_name("queries.sql"))


def insert_entry(
    conn: Connection[TupleRow], actor: str, action: str, subject: str, before: object, after: object
) -> None:
    """Append a row; None stays NULL."""
    values = (None if value is None else Jsonb(value) for value in (before, after))
    conn.execute(QUERIES["record"], (actor, action, subject, *values))


def read_last(conn: Connection[TupleRow], subject: str | None, limit: int) -> list[TupleRow]:
    """The newest rows, of a subject or of all."""
    return conn.execute(QUERIES["last"], {"subject": subject, "limit": limit}).fetchall()
