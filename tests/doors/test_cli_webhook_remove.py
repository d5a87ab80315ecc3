"""`tocsin webhook remove`: nothing waits any more, nothing is left behind, and the reports stay."""

from __future__ import annotations

import psycopg
import pytest

from tests.doors.shell import Shell
from tocsin import webhooks
from tocsin.kit import pgbin
from tocsin.kit.db import Session
from tocsin.kit.ids import Ids

LEFT = (
    "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM push_attempt), (SELECT count(*) FROM endpoint_lease)"
)


def set_endpoint(shell: Shell, kind: str) -> int:
    shell.json("webhook", "set", "acme", kind, "https://example.com/a")
    ((endpoint_id,),) = shell.rows(f"SELECT id FROM endpoint WHERE kind = '{kind}'")
    return int(endpoint_id)


def enqueue(shell: Shell, endpoint_id: int, count: int) -> None:
    """So many rows to push, of two reports each."""
    ids = Ids()
    query, params = webhooks.statement([webhooks.OutboxRow(endpoint_id, 2, ids.take(2), b"[],[]")] * count)
    with psycopg.connect(shell.dsn) as conn:
        pgbin.register(conn)
        conn.execute(query, params)


@pytest.fixture
def acme(shell: Shell) -> Shell:
    shell.json("account", "create", "acme")
    return shell


def test_what_waits_goes_with_it(acme: Shell) -> None:
    gone, kept = set_endpoint(acme, "sms"), set_endpoint(acme, "uplink")
    for endpoint_id in (gone, kept):
        enqueue(acme, endpoint_id, 3)
        acme.rows(
            f"UPDATE outbox SET aside = true WHERE id = (SELECT max(id) FROM outbox WHERE endpoint_id = {endpoint_id})"
        )
        acme.rows(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, n, ids)"
            f" VALUES ({endpoint_id}, 1, 'msg_1', now(), 5, 2, '{{}}')"
        )
        acme.rows(f"INSERT INTO endpoint_lease VALUES ({endpoint_id}, 7, now())")
    done = acme.run("webhook", "remove", "acme", "sms")
    assert (done.code, done.err) == (0, "")
    assert done.out == "acme: sms goes nowhere; 6 that waited dropped, their reports are kept\n"
    assert acme.rows(LEFT) == [(3, 1, 1)]
    for table in ("outbox", "push_attempt", "endpoint_lease"):
        assert acme.rows(f"SELECT DISTINCT endpoint_id FROM {table}") == [(kept,)]
    entry = acme.last_audit()
    assert (entry.action, entry.subject, entry.after) == ("webhook remove", "account acme", None)
    assert entry.before == {"kind": "sms", "url": "https://example.com/a"}
    assert [row["kind"] for row in acme.json("webhook", "list", "acme")] == ["uplink"]
    assert "no endpoint for sms" in acme.refused("webhook", "remove", "acme", "sms")


def test_more_than_a_page_of_each_goes(acme: Shell) -> None:
    gone = set_endpoint(acme, "sms")
    enqueue(acme, gone, 5_002)
    acme.rows(
        "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, n, ids)"
        f" SELECT {gone}, i, 'msg_1', now(), 5, 2, '{{}}' FROM generate_series(1, 5002) AS i"
    )
    assert acme.json("webhook", "remove", "acme", "sms")["dropped"] == 10_004
    assert acme.rows(LEFT) == [(0, 0, 0)]


def test_one_set_anew_is_another_endpoint(acme: Shell) -> None:
    first = acme.json("webhook", "set", "acme", "sms", "https://example.com/a")["secret"]
    acme.json("webhook", "remove", "acme", "sms")
    assert acme.json("webhook", "set", "acme", "sms", "https://example.com/a")["secret"] != first


async def test_what_a_slow_writer_adds_after_the_removal_is_dropped_by_upkeep(acme: Shell) -> None:
    """It read the endpoints before the removal and commits behind it."""
    gone, kept = set_endpoint(acme, "sms"), set_endpoint(acme, "uplink")
    acme.json("webhook", "remove", "acme", "sms")
    for endpoint_id in (gone, kept):
        enqueue(acme, endpoint_id, 2)
        acme.rows(
            f"UPDATE outbox SET aside = true WHERE id = (SELECT max(id) FROM outbox WHERE endpoint_id = {endpoint_id})"
        )
    session = Session(acme.dsn, "upkeep", generic_plans=True)
    assert [await webhooks.drop_orphans(session), await webhooks.drop_orphans(session)] == [2, 0]
    assert acme.rows("SELECT DISTINCT endpoint_id, count(*) FROM outbox GROUP BY 1") == [(kept, 2)]
    await session.close()
