"""Bring a database to the present schema.

The only place of the product that loads Django: run it in a process of its own, that its memory does not stay.
"""

from __future__ import annotations

import os

import psycopg

_LOCK = 0x746F6373696E  # "tocsin"


def migrate(dsn: str) -> None:
    """Apply what is missing; a second one at the same time waits for the first. Raises psycopg errors."""
    os.environ["DATABASE_URL"] = dsn
    os.environ["DJANGO_SETTINGS_MODULE"] = "tocsin.schema.settings"
    import django
    from django.core.management import call_command

    with psycopg.connect(dsn, autocommit=True) as guard:
        guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
