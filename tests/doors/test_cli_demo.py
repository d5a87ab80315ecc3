"""`tocsin demo seed`: a past that is whole: demo_past.sql finds what one page would show and another one would deny."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from tests.doors.shell import Shell
from tocsin import billing, compliance
from tocsin.api.server import ENDPOINTS
from tocsin.bootstrap import demo
from tocsin.bootstrap.scenes import SCENES
from tocsin.kit.db import Queries
from tocsin.kit.settings import read_settings

NEWEST = [(1, 1, 1, "8613260745446"), (1, 0, 1, "628102003687"), (1, 1, 1, "639079107774")]
SEED = ("demo", "seed", "--messages", "6000", "--days", "6")

STATEMENTS = Queries(Path(__file__).with_name("demo_past.sql"))


@pytest.fixture
def seeded(shell: Shell) -> Iterator[Connection[TupleRow]]:
    """The database of a demo with a past."""
    demo.create(shell.dsn, read_settings(os.environ))
    with psycopg.connect(shell.dsn, autocommit=True) as conn:
        _add_owner(conn)
        _charge_as_traffic_would(conn)
        shell.json(*SEED)
        yield conn


def test_without_the_demo_account_nothing_is_written(shell: Shell) -> None:
    assert "no account yn00001" in shell.refused("demo", "seed")


def test_the_past_is_whole(shell: Shell, seeded: Connection[TupleRow]) -> None:
    assert billing.check(seeded) == []
    _make_sums_again(seeded)
    found = {name: seeded.execute(STATEMENTS[name]).fetchall()[:3] for name in STATEMENTS.names()}
    assert {name: rows for name, rows in found.items() if name.startswith("wrong_") and rows} == {}
    assert [name for name, rows in found.items() if name.startswith("has_") and not rows] == []
    _check_opt_outs(seeded)
    _check_sums(seeded)
    before = seeded.execute(STATEMENTS["fingerprint"]).fetchone()
    assert "has a past already" in shell.refused(*SEED)
    assert seeded.execute(STATEMENTS["fingerprint"]).fetchone() == before


def test_requests_have_the_paths_of_their_products(seeded: Connection[TupleRow]) -> None:
    paths = {path for (path,) in seeded.execute("SELECT DISTINCT path FROM api_request")}
    assert paths <= set(ENDPOINTS)
    assert {"/api/v1/sms/sendbatchsms", "/api/v1/sms/mssSend"} <= paths


def test_the_newest_messages_are_always_the_same(seeded: Connection[TupleRow]) -> None:
    """At any hour of any day: product, action, messages, the first number."""
    newest = seeded.execute(STATEMENTS["newest"]).fetchall()
    assert len(newest) == len(SCENES)
    assert newest[:3] == NEWEST


def _add_owner(conn: Connection[TupleRow]) -> None:
    """The demo's user, as `tocsin up` makes him."""
    conn.execute(
        "INSERT INTO console_user (email, password, is_superuser, is_active, is_staff)"
        " VALUES ('demo@tocsin.example', '!', false, true, false)"
    )
    conn.execute(
        "INSERT INTO membership (user_id, account_id, role) SELECT u.id, a.id, 'owner' FROM console_user u CROSS JOIN account a"
    )


def _charge_as_traffic_would(conn: Connection[TupleRow]) -> None:
    """Money moved before the past was written: it keeps its place."""
    account = conn.execute("SELECT id FROM account").fetchone()
    assert account is not None
    with conn.transaction():
        billing.recharge(conn, account[0], -2_500_000, "before")
        conn.execute("SELECT ledger_fold(%s)", (account[0],))


def _make_sums_again(conn: Connection[TupleRow]) -> None:
    """Table made_again: the sums of large batches, as the product's own function makes them."""
    conn.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM batch_sum")
    conn.execute("SELECT batch_sum_again(batch_no) FROM (SELECT DISTINCT batch_no FROM kept) b")
    conn.execute(
        "CREATE TEMPORARY TABLE made_again AS SELECT batch_no, array_agg((country_id, reason, messages, fee_micros)"
        " ORDER BY country_id, reason)::text AS again FROM batch_sum GROUP BY 1"
    )
    conn.execute("DELETE FROM batch_sum")
    conn.execute("INSERT INTO batch_sum SELECT * FROM kept")


def _check_opt_outs(conn: Connection[TupleRow]) -> None:
    said = conn.execute("SELECT user_number, service_number, content FROM uplink").fetchall()
    asked = {
        (number, sender) for number, sender, text in said if isinstance(compliance.read_reply(text), compliance.OptOut)
    }
    kept = set(conn.execute("SELECT value, sender FROM opt_out WHERE origin = 'reply'").fetchall())
    assert asked == kept
    assert len(asked) < len(said)


def _check_sums(conn: Connection[TupleRow]) -> None:
    """Roll-ups, usage by day and the folded ledger say what the rows say."""
    assert conn.execute(STATEMENTS["told"]).fetchall() == conn.execute(STATEMENTS["true"]).fetchall()
    moved = (
        "SELECT (at AT TIME ZONE 'UTC')::date, -sum(balance_micros) FROM ledger"
        " WHERE batch_no IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    charged = "SELECT day, sum(charged_micros - returned_micros) FROM traffic_day GROUP BY 1 ORDER BY 1"
    assert conn.execute(moved).fetchall() == conn.execute(charged).fetchall()
    days = "SELECT day, kind, sum(balance_micros), sum(entries) FROM ledger_days(%s) GROUP BY 1, 2 ORDER BY 1, 2"
    true = "SELECT (at AT TIME ZONE 'UTC')::date, kind, sum(balance_micros), count(*) FROM ledger GROUP BY 1, 2 ORDER BY 1, 2"
    account = conn.execute("SELECT id FROM account").fetchone()
    assert conn.execute(days, account).fetchall() == conn.execute(true).fetchall()
