"""Bring a database to the present schema.

The only place of the product that loads Django: run it in a process of its own, that its memory does not stay.
"""

from __future__ import annotations

import contextlib
import os

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from tocsin.bootstrap.cluster import QUIET

_LOCK = 0x746F6373696E  # "tocsin"


def migrate(dsn: str) -> None:
    """Apply what is missing; a second one at the same time waits for the first. Raises psycopg errors."""
    os.environ["DATABASE_URL"] = dsn
    os.environ["DJANGO_SETTINGS_MODULE"] = "tocsin.schema.settings"
    import django
    from django.core.management import call_command

    with psycopg.connect(dsn, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        keep_texts_out_of_its_log(guard)
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)


def keep_texts_out_of_its_log(conn: Connection[TupleRow]) -> None:
    """For sessions of our role in this database, as far as the role may: statements and rows of errors quote messages."""
    for name, value in QUIET.items():
        row = conn.execute("SELECT current_setting(%s)", (name,)).fetchone()
        if row == (value,):
            continue
        with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
            where = sql.Identifier(conn.info.dbname)
            change = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}")
            conn.execute(change.format(where, sql.Identifier(name), sql.Literal(value)))
