"""One account's slow pages leave threads of the console for the pages of others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from tests.doors.console import log_in, read
from tests.poll import until_sync
from tocsin.console.gateway import THREADS
from tocsin.console.share import ACCOUNT_MOST

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_slow_pages_of_one_account_leave_threads_for_others(project: str) -> None:
    assert ACCOUNT_MOST < THREADS
    busy, other = log_in()[0], log_in()[0]
    with psycopg.connect(project, autocommit=True) as look, ThreadPoolExecutor(ACCOUNT_MOST) as many:
        with psycopg.connect(project) as lock:
            lock.execute("LOCK TABLE uplink IN ACCESS EXCLUSIVE MODE")
            asked = [many.submit(_get, busy) for _ in range(ACCOUNT_MOST)]
            until_sync(lambda: look.execute(WAITING).fetchone() == (ACCOUNT_MOST,))
            refused = busy.get("/messages/")
            assert (refused.status_code, refused["Retry-After"]) == (503, "2")
            assert "too many pages at once" in read(refused)
            assert other.get("/messages/").status_code == 200
        assert [each.result() for each in asked] == [200] * ACCOUNT_MOST
    assert busy.get("/messages/").status_code == 200


def _get(client: Any) -> int:
    from django.db import connection

    try:
        return int(client.get("/replies/").status_code)
    finally:
        connection.close()
