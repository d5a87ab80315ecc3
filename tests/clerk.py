"""A clerk for tests: works in this process until nothing is left to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from tocsin.clerk import Api, Clerk, Reply, Tools
from tocsin.queue import DatabaseClock


def _is_away(_account: str, _body: Mapping[str, Any], _key: str) -> Reply:
    return Reply(False, 0, "", {})


AWAY = Api(_is_away, _is_away, 86_400.0)


def work_off(dsn: str, *, files_days: int = 7, files_bytes: int = 1 << 30, api: Api = AWAY) -> None:
    """Do all jobs that wait, and forget old ones."""
    over = False
    with psycopg.connect(dsn, autocommit=True) as conn:

        def wait(wait_s: float) -> bool:
            """Nobody sleeps here: where it would, it looks whether anything is left."""
            nonlocal over
            if over or wait_s == 0:
                return over
            live = conn.execute("SELECT 1 FROM file_job WHERE state IN ('waiting', 'running') LIMIT 1").fetchone()
            over = live is None
            return over

        Clerk(Tools(dsn, 15.0, files_days, files_bytes, DatabaseClock(), wait, api)).run()
