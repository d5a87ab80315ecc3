"""Codes: a role that may not read them finds none on any page, whatever a code looks like."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from tests.contexts.past import Past, put
from tests.doors.console import log_in, read
from tests.doors.test_console_batches import add_batch
from tests.doors.test_console_walk import list_addresses
from tocsin.kit import clock
from tocsin.traffic import Product, Reason

CODES = ["AB12-CD", "QWERTZ", "zeta", "829301"]
TEXT = f"Your codes are {' '.join(CODES)}"


def list_pages() -> list[str]:
    """All pages without an argument."""
    routes = [each.route for each in list_addresses()]
    return [f"/{route}" for route in routes if "<" not in route and route.endswith("/")]


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_who_finds_a_code(project: str, role: str) -> None:
    client, me = log_in(role)
    now = clock.now()
    kinds = [
        (Product.SMS, Reason.SUCCESS),
        (Product.SMS, Reason.SENDING),
        (Product.VOICE_OTP, Reason.SUCCESS),
        (Product.MMS, Reason.UNDELIVERED),
    ]
    with psycopg.connect(project) as conn:
        ids = [put(conn, me.account_id, Past(now, product=p, reason=r, content=TEXT, priority=0)) for p, r in kinds]
        conn.execute("UPDATE batch SET title = %s WHERE account_id = %s", (TEXT, me.account_id))
    waiting, _ = add_batch(project, me.account_id, 1, content=TEXT, due=now + timedelta(hours=1))
    with psycopg.connect(project) as conn:
        conn.execute("UPDATE batch SET priority = 0 WHERE batch_no = %s", (waiting,))
        numbers = [row[0] for row in conn.execute("SELECT batch_no FROM batch WHERE account_id = %s", (me.account_id,))]
    pages = list_pages()
    assert len(pages) > 20
    pages += [f"/messages/{each}/{part}" for each in ids for part in ("", "now/")]
    pages += [f"/batches/{each}/{part}" for each in numbers for part in ("", "now/")]
    found: set[str] = set()
    for page in pages:
        answer = client.get(page)
        if answer.status_code == 200 and not answer.streaming:
            found |= {code for code in CODES if code in read(answer)}
    assert found == (set(CODES) if role in {"owner", "developer"} else set())
