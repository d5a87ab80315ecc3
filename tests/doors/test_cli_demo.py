"""`tocsin demo seed`: a past that is whole: the ledger adds up, and the sums are those of the messages."""

from __future__ import annotations

import os

import psycopg

from tests.doors.shell import Shell
from tocsin import billing
from tocsin.bootstrap import demo
from tocsin.kit.settings import read_settings


def test_without_the_demo_account_nothing_is_written(shell: Shell) -> None:
    assert "no account yn00001" in shell.refused("demo", "seed")


def test_the_past_adds_up(shell: Shell) -> None:
    demo.create(shell.dsn, read_settings(os.environ))
    first = shell.json("demo", "seed", "--messages", "6000", "--days", "6")
    again = {"messages": 0, "batches": 0}
    assert first["messages"] > 5000
    with psycopg.connect(shell.dsn) as conn:
        assert billing.check(conn) == []
        assert conn.execute("SELECT count(*) FROM message").fetchone() == (first["messages"] + again["messages"],)
        assert conn.execute("SELECT count(*), sum(good + bad) FROM batch").fetchone() == (
            first["batches"] + again["batches"],
            first["messages"] + again["messages"],
        )
        told = conn.execute(_TOLD).fetchall()
        true = conn.execute(_TRUE).fetchall()
        assert [tuple(map(int, row)) for row in told] == [tuple(map(int, row)) for row in true]
        assert {1, 2}.issubset({row[0] for row in true})
        paid = conn.execute("SELECT -sum(balance_micros) FROM ledger WHERE batch_no IS NOT NULL").fetchone()
        assert paid == (sum(row[2] for row in true),)
        moved = "SELECT (at AT TIME ZONE 'UTC')::date, -sum(balance_micros) FROM ledger"
        by_day = f"{moved} WHERE batch_no IS NOT NULL GROUP BY 1 ORDER BY 1"
        charged = "SELECT day, sum(charged_micros - returned_micros) FROM traffic_day GROUP BY 1 ORDER BY 1"
        assert conn.execute(by_day).fetchall() == conn.execute(charged).fetchall()
        assert conn.execute("SELECT count(*) FROM message WHERE account_id IS NULL OR phone = ''").fetchone() == (0,)


_TOLD = "SELECT status::integer, sum(messages), sum(fee_micros) FROM rollup GROUP BY 1 ORDER BY 1"
_TRUE = """
SELECT CASE WHEN m.status <> 0 THEN m.status ELSE coalesce(r.status, 0) END::integer, count(*),
       sum(CASE WHEN m.status <> 0 THEN 0 ELSE coalesce(r.fee_micros, m.price_micros) END)::bigint
FROM message m LEFT JOIN report r ON r.message_id = m.id GROUP BY 1 ORDER BY 1
"""
