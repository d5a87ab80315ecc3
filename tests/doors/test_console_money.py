"""Ledger, statements and usage in the console: what they show, to whom, and that a stranger sees none of it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.doors.console import log_in, read
from tocsin import billing
from tocsin.kit import clock

MONEY_PAGES = ["/ledger/", "/ledger/statement/", "/ledger/statement.csv"]


def pay(dsn: str, account_id: int, micros: int, note: str = "") -> None:
    with psycopg.connect(dsn) as conn:
        if conn.execute("SELECT 1 FROM wallet WHERE account_id = %s", (account_id,)).fetchone() is None:
            billing.open_wallet(conn, account_id)
        billing.recharge(conn, account_id, micros, note)


def add_traffic(dsn: str, account_id: int, *, days_ago: int = 0, n: int = 3, micros: int = 300_000) -> None:
    """A charge of the ledger and what the sums of traffic say of it."""
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO ledger (account_id, at, kind, balance_micros, balance_after, batch_no, messages)"
            " VALUES (%s, now() - make_interval(days => %s), 'charge', %s, 0, 17000000000000001, %s)",
            (account_id, days_ago, -micros, n),
        )
        conn.execute(
            "INSERT INTO traffic_day VALUES (%s, (now() AT TIME ZONE 'UTC')::date - %s, 1, 10007, %s, %s, %s, 0)"
            " ON CONFLICT DO NOTHING",
            (account_id, days_ago, n, n, micros),
        )


def rows_of(answer: Any) -> list[list[str]]:
    text = read(answer)
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:])))


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_money_is_for_those_who_have_the_right(project: str, role: str) -> None:
    client, _ = log_in(role)
    may = role in {"owner", "finance"}
    for page in MONEY_PAGES:
        answer = client.get(page)
        assert answer.status_code == (200 if may else 403)
        assert may or "Ask its owner" in read(answer)
    home = read(client.get("/messages/"))
    assert ('href="/ledger/"' in home) == may
    assert client.get("/usage/").status_code == 200


def test_the_ledger_shows_what_moved_and_nothing_of_others(project: str) -> None:
    client, me = log_in()
    other, _ = log_in()
    assert "No movements here" in read(client.get("/ledger/"))
    pay(project, me.account_id, 12_345_678, "invoice 17")
    pay(project, me.account_id, -5_000_000, "<b>wrong</b>")
    text = read(client.get("/ledger/"))
    assert '<div class="h1 mb-0" id="left">7.345678' in text
    assert "+12.345678" in text
    assert "\u22125<" in text
    assert "invoice 17" in text
    assert "&lt;b&gt;wrong" in text
    assert "invoice 17" not in read(client.get("/ledger/?kind=adjustment"))
    assert "None fits the filter" in read(client.get("/ledger/?kind=refund"))
    assert "invoice 17" not in read(other.get("/ledger/"))
    assert "invoice 17" not in read(other.get("/ledger/statement.csv"))


def test_the_ledger_goes_by_pages(project: str) -> None:
    client, me = log_in()
    for turn in range(53):
        pay(project, me.account_id, 1_000_000 + turn, f"note-{turn:02}-")
    first = read(client.get("/ledger/?kind=recharge"))
    assert "note-52-" in first
    assert "note-02-" not in first
    more = first.split('<a class="btn" href="?')[1].split('"')[0].replace("&amp;", "&")
    second = read(client.get(f"/ledger/?{more}"))
    assert [turn for turn in range(53) if f"note-{turn:02}-" in second] == [0, 1, 2]
    assert client.get("/ledger/?before=2026-99-99.5").status_code == 200
    assert client.get("/ledger/?before=nonsense").status_code == 200


def test_days_of_the_ledger_are_those_of_the_visitor(project: str) -> None:
    client, me = log_in()
    pay(project, me.account_id, 1_000_000, "yesterday there")
    with psycopg.connect(project) as conn:
        conn.execute("UPDATE ledger SET at = '2026-11-20 17:30+00' WHERE account_id = %s", (me.account_id,))
    client.cookies["tocsin_zone"] = "Asia/Shanghai"
    assert "yesterday there" in read(client.get("/ledger/?since=2026-11-21&until=2026-11-21"))
    assert "yesterday there" not in read(client.get("/ledger/?since=2026-11-20&until=2026-11-20"))


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("since=yesterday", "Give days like"),
        ("since=2026-13-01", "Give days like"),
        ("until=9999-12-31", "Give days like"),
        ("since=2026-11-21&until=2026-11-20", "lies behind"),
    ],
)
def test_days_that_are_none_are_told_and_kept(project: str, query: str, why: str) -> None:
    text = read(log_in()[0].get(f"/ledger/?{query}"))
    assert why in text
    assert f'value="{query.rsplit("=", maxsplit=1)[-1]}"' in text


def test_a_statement_sums_and_is_a_file(project: str) -> None:
    client, me = log_in("finance")
    last = clock.now().date().replace(day=1) - timedelta(days=1)
    days_ago = (clock.now().date() - last).days
    pay(project, me.account_id, 10_000_000)
    with psycopg.connect(project) as conn:
        conn.execute(
            "UPDATE ledger SET at = at - make_interval(days => %s) WHERE account_id = %s", (days_ago, me.account_id)
        )
    add_traffic(project, me.account_id, micros=2_500_000)
    month = f"{last:%Y-%m}"
    before = rows_of(client.get(f"/ledger/statement.csv?month={month}"))
    now = rows_of(client.get("/ledger/statement.csv"))
    assert [row[5:] for row in before if row[0] == "Closing balance"] == [["10", "0", "10"]]
    assert [row[5:] for row in now if row[0] == "Opening balance"] == [["10", "0", "10"]]
    assert [row[5:] for row in now if row[0] == "Charge"] == [["-2.5", "0", "-2.5"]]
    assert [row[5:] for row in now if row[0] == "Closing balance"] == [["7.5", "0", "7.5"]]
    assert [row[1:5] + row[7:] for row in now if row[0] == "Of it traffic"] == [["SMS", "Indonesia", "3", "3", "-2.5"]]
    page = read(client.get("/ledger/statement/"))
    assert "Indonesia" in page
    assert "Not assigned yet" not in page
    assert "this month so far" in page
    assert "this month so far" not in read(client.get(f"/ledger/statement/?month={month}"))
    assert client.get("/ledger/statement/?month=2020-01").status_code == 404
    assert client.get("/ledger/statement/?month=x").status_code == 404
    add_traffic(project, me.account_id, micros=100_000)
    assert "Not assigned yet" in read(client.get("/ledger/statement/"))


def test_usage_is_by_product_country_and_day(project: str) -> None:
    client, me = log_in("viewer")
    assert "Nothing sent in this month" in read(client.get("/usage/"))
    add_traffic(project, me.account_id, n=1234)
    text = read(client.get("/usage/"))
    assert "1234" in text
    assert "Indonesia" in text
    rows = rows_of(client.get("/usage/usage.csv"))
    assert rows[1] == [str(clock.now().date()), "SMS", "Indonesia", "1234", "1234", "0.3"]
    assert "1234" not in read(log_in()[0].get("/usage/"))
    client.cookies["tocsin_language"] = "zh-hans"
    assert "印度尼西亚" in read(client.get("/usage/"))


def test_the_export_takes_the_days_that_are_shown(project: str) -> None:
    client, me = log_in()
    pay(project, me.account_id, 1_000_000)
    text = read(client.get("/ledger/?since=2026-01-01"))
    assert 'action="/exports/start/ledger/"' in text
    assert (
        client.post("/exports/start/ledger/", {"from": "2026-01-01", "to": "", "kind": "", "format": "csv"}).status_code
        == 302
    )
    assert "2026-01-01" in read(client.get("/files/"))
