"""The console's pages of batches, scheduled sends and what was done with emails: within one account, by role, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import TupleRow

from tests.doors.console import log_in, read
from tocsin.kit import clock
from tocsin.kit.ids import Ids
from tocsin.messaging import NEWEST_BATCH
from tocsin.traffic import ReactionKind, Reason

PRICE = 100_000
_IDS = Ids()
_numbers = iter(range(10_000))


@contextmanager
def connect(dsn: str) -> Iterator[psycopg.Connection[TupleRow]]:
    with psycopg.connect(dsn, autocommit=True) as conn:
        yield conn


def add_batch(
    dsn: str, account_id: int, count: int, *, product: int = 1, content: str = "hello", due: datetime | None = None,
    phones: Sequence[str] = (),
) -> tuple[int, list[str]]:  # fmt: skip
    """An accepted batch that waits in the lane or, with a time, in the schedule; its number and the ids of its messages."""
    batch_no = clock.now_ms() * 10_000 + next(_numbers)
    ids = [each.hex() for each in _IDS.take(count)]
    with connect(dsn) as conn:
        conn.execute("SELECT partitions_ahead(now(), 0)")
        conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros,"
            " status, reason)"
            " SELECT u.i, %s, %s, %s, coalesce((%s::text[])[u.o], '62812' || lpad(u.o::text, 8, '0')), 10007, 1, 1, %s, 0, 0"
            " FROM unnest(%s::uuid[]) WITH ORDINALITY AS u(i, o)",
            (account_id, batch_no, product, list(phones), PRICE, ids),
        )
        conn.execute(
            "INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad,"
            " amount_micros, first_id, last_id, expires_at, due_at)"
            " VALUES (%s, %s, %s, 1, 10007, 'ACME', %s, 1, %s, 0, %s, %s, %s, now() + interval '2 days', %s)",
            (batch_no, account_id, product, content, count, count * PRICE, ids[0], ids[-1], due),
        )
        if due:
            conn.execute(
                "INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)"
                " VALUES (%s, 1, %s, %s, 1, 'UTC+8', %s, %s)",
                (due, account_id, batch_no, count * PRICE, ids),
            )
        else:
            conn.execute(
                "INSERT INTO lane_item (channel_id, priority, account_id, ids) VALUES (1, 1, %s, %s)", (account_id, ids)
            )
    return batch_no, ids


def end(dsn: str, account_id: int, ids: Sequence[str], reason: Reason = Reason.SUCCESS) -> None:
    """These were handed over, and ended; of a batch that is counted message by message."""
    with connect(dsn) as conn:
        for each in ids:
            conn.execute(
                "INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)"
                " VALUES (%s, now(), 1, %s, 1, 1, 0)",
                (each, each),
            )
            conn.execute(
                "INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, submitted_at, at, count)"
                " VALUES (%s, 1, %s, %s, %s, %s, now(), now(), 1)",
                (each, account_id, reason.end.status, int(reason), PRICE),
            )


def one(dsn: str, query: str, *params: Any) -> Any:
    with connect(dsn) as conn:
        row = conn.execute(query.encode(), params).fetchone()
        return row[0] if row else None


def test_a_batch_and_what_became_of_it(project: str) -> None:
    client, me = log_in()
    batch_no, ids = add_batch(project, me.account_id, 10, content="come <b>soon</b>")
    end(project, me.account_id, ids[:6])
    end(project, me.account_id, ids[6:8], Reason.UNDELIVERED)
    listed = read(client.get("/batches/"))
    assert str(batch_no) in listed
    assert "80.0 %" in listed
    assert "6 delivered · 2 failed · 2 under way" in listed
    page = read(client.get(f"/batches/{batch_no}/"))
    assert "come &lt;b&gt;soon&lt;/b&gt;" in page
    assert "Undelivered" in page
    assert "Indonesia" in page
    assert f'href="/messages/?batch={batch_no}"' in page
    assert f'hx-get="/batches/{batch_no}/now/?seen=8-' in page
    assert 'hx-trigger="load delay:2s"' in page
    end(project, me.account_id, ids[8:])
    now = read(client.get(f"/batches/{batch_no}/now/?seen=8-1000000000000"))
    assert "100 %" in now
    assert "hx-get" not in now, "nothing more will come"
    assert "batch-cancel" not in now


def test_pause_resume_cancel(project: str) -> None:
    client, me = log_in()
    batch_no, _ = add_batch(project, me.account_id, 20)
    assert "batch-pause" in read(client.get(f"/batches/{batch_no}/"))
    answer = client.post(f"/batches/{batch_no}/pause/", follow=True)
    assert "The batch is paused" in read(answer)
    assert "batch-resume" in read(answer)
    assert "batch-pause" not in read(answer)
    assert one(project, "SELECT held_batch FROM lane_item WHERE account_id = %s", me.account_id) == batch_no
    assert "stopped already" in read(client.post(f"/batches/{batch_no}/pause/", follow=True)), "a second click"
    assert "goes on" in read(client.post(f"/batches/{batch_no}/resume/", follow=True))
    assert "not paused" in read(client.post(f"/batches/{batch_no}/resume/", follow=True))
    assert one(project, "SELECT held_batch FROM lane_item WHERE account_id = %s", me.account_id) is None
    assert "20 messages are cancelled" in read(client.post(f"/batches/{batch_no}/cancel/", follow=True))
    assert "cancelled already" in read(client.post(f"/batches/{batch_no}/cancel/", follow=True))
    with connect(project) as conn:
        verbs = conn.execute(
            "SELECT action FROM audit_entry WHERE subject = %s ORDER BY id", (f"batch {batch_no}",)
        ).fetchall()
    assert [row[0] for row in verbs] == ["batch pause", "batch resume", "batch cancel"]


def test_another_accounts_batch_is_not_found(project: str) -> None:
    _, me = log_in()
    other, them = log_in()
    batch_no, _ = add_batch(project, me.account_id, 3, product=5)
    later, _ = add_batch(project, me.account_id, 3, due=clock.now() + timedelta(hours=1))
    assert str(batch_no) not in read(other.get("/batches/"))
    assert "no such batch" in read(other.get(f"/batches/?number={batch_no}"))
    for path in ("", "now/", "mail/"):
        assert other.get(f"/batches/{batch_no}/{path}").status_code == 404
    for verb in ("pause", "resume", "cancel"):
        assert other.post(f"/batches/{batch_no}/{verb}/").status_code == 404
    assert str(later) not in read(other.get("/scheduled/"))
    assert other.post(f"/scheduled/{later}/cancel/").status_code == 404
    assert other.get(f"/batches/{10**30}/").status_code == 404
    assert (
        one(project, "SELECT count(*) FROM batch_stop WHERE account_id = ANY(%s)", [me.account_id, them.account_id])
        == 0
    )


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_roles(project: str, role: str) -> None:
    client, me = log_in(role)
    batch_no, _ = add_batch(project, me.account_id, 3, content="secret words")
    page = read(client.get(f"/batches/{batch_no}/"))
    may = role in {"owner", "developer"}
    assert ("batch-pause" in page) is may
    assert ("secret words" in page) is (role != "finance")
    assert client.post(f"/batches/{batch_no}/pause/").status_code == (302 if may else 403)
    assert client.post(f"/scheduled/{batch_no}/cancel/").status_code == (302 if may else 403)


def test_filters_and_pages(project: str) -> None:
    client, me = log_in()
    made = [add_batch(project, me.account_id, 1)[0] for _ in range(28)]
    mail, _ = add_batch(project, me.account_id, 1, product=5)
    client.post(f"/batches/{made[3]}/pause/")

    def numbers(query: str) -> list[int]:
        return [int(found) for found in re.findall(r'href="/batches/(\d{17})/"', read(client.get(f"/batches/{query}")))]

    newest = sorted([*made, mail], reverse=True)
    assert numbers("") == newest[:25]
    older = re.search(r'href="(\?before=\d+)"', read(client.get("/batches/")))
    assert older
    assert numbers(older[1]) == newest[25:]
    assert numbers("?product=email") == [mail]
    assert numbers("?state=paused") == [made[3]]
    assert numbers("?state=done") == []
    today = datetime.now(UTC).date()
    assert numbers(f"?from={today}&to={today}") == newest[:25]
    assert numbers(f"?to={today - timedelta(days=1)}") == []
    assert client.get(f"/batches/?number={mail}")["Location"] == f"/batches/{mail}/"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("number=12", "A batch number has 17 digits."), ("from=x", "Write a day as 2026-01-31."),
        ("from=2026-02-02&to=2026-02-01", "The last day is before the first."), ("to=9999-99-99", "Write a day as 2026-01-31."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_and_kept(project: str, query: str, said: str) -> None:
    client, _ = log_in()
    page = read(client.get(f"/batches/?{query}"))
    assert said in page
    for typed in query.split("&"):
        assert f'value="{typed.partition("=")[2]}"' in page


@pytest.mark.parametrize(
    "query", ["before=0", f"before={NEWEST_BATCH}", "before=-1", "before=x", "state=odd&product=odd", "from=%00"]
)
def test_an_odd_address_is_a_page(project: str, query: str) -> None:
    client, _ = log_in()
    assert client.get(f"/batches/?{query}").status_code == 200


def test_nothing_yet(project: str) -> None:
    client, _ = log_in()
    assert "No batches here" in read(client.get("/batches/"))
    assert "Nothing is due this month" in read(client.get("/scheduled/"))
    client.cookies["tocsin_language"] = "zh-hans"
    assert "No batches here" not in read(client.get("/batches/"))
    assert "Nothing is due" not in read(client.get("/scheduled/"))


def test_a_calendar_in_a_zone(project: str) -> None:
    client, me = log_in()
    month = (clock.now().replace(day=1) + timedelta(days=32)).replace(day=1)  # the next one, on whatever day this runs
    due = month.replace(hour=20, minute=30, second=0, microsecond=0)
    first, second, named = f"{due:%Y-%m-%d}", f"{due + timedelta(days=1):%Y-%m-%d}", f"{due:%Y-%m}"
    batch_no, _ = add_batch(project, me.account_id, 7, due=due)
    page = read(client.get(f"/scheduled/?month={named}&zone=UTC"))
    assert f'href="?day={first}&amp;zone=UTC"' in page
    assert "7 messages" in page
    assert "20:30:00" in page
    east = read(client.get(f"/scheduled/?month={named}&zone=Asia/Shanghai"))
    assert f'href="?day={second}&amp;zone=Asia%2FShanghai"' in east
    assert "04:30:00" in east
    assert "Times in Asia/Shanghai" in east
    assert "04:30:00" in read(client.get(f"/scheduled/?day={second}&zone=UTC%2B8"))
    assert "Nothing is due on this day" in read(client.get(f"/scheduled/?day={first}&zone=UTC%2B8"))
    assert "no such time zone" in read(client.get("/scheduled/?zone=Mars"))
    assert client.get("/scheduled/?month=1900-01&day=0&after=x-y").status_code == 200
    assert "7 messages are cancelled" in read(client.post(f"/scheduled/{batch_no}/cancel/", follow=True))
    assert "Nothing of it waits" in read(client.post(f"/scheduled/{batch_no}/cancel/", follow=True))
    assert one(project, "SELECT cancelled FROM schedule WHERE batch_no = %s", batch_no) is True


def test_opens_and_clicks(project: str) -> None:
    client, me = log_in()
    batch_no, ids = add_batch(project, me.account_id, 4, product=5, phones=["ann@example.com"])
    end(project, me.account_id, ids[:2])
    end(project, me.account_id, ids[2:3], Reason.NUMBER_ERROR)
    end(project, me.account_id, ids[3:], Reason.UNDELIVERED)
    with connect(project) as conn:
        for message_id, kind, url, machine in [
            (ids[0], ReactionKind.OPENED, "", ""), (ids[0], ReactionKind.OPENED, "", ""),
            (ids[1], ReactionKind.OPENED, "", "proxy"),
            (ids[0], ReactionKind.CLICKED, "https://shop.example/a", ""), (ids[1], ReactionKind.COMPLAINED, "", ""),
        ]:  # fmt: skip
            conn.execute(
                "INSERT INTO mail_event (id, account_id, message_id, batch_no, kind, at, url, machine, country, city, device_type,"
                " device_name)"
                " VALUES (%s, %s, %s, %s, %s, now(), %s, %s, 'Indonesia', 'Bandung', 'mobile', 'Gmail')",
                (_IDS.one().hex(), me.account_id, message_id, batch_no, int(kind), url, machine),
            )
    page = read(client.get(f"/batches/{batch_no}/mail/"))
    figures = re.findall(r'subheader">([^<]+)</div><div class="h2 mb-0 number">(\d+)', page)
    assert figures == [
        ("Sent", "4"), ("Delivered", "2"), ("Bounced hard", "1"), ("Bounced soft", "1"), ("Opened", "1"), ("Clicked", "1"),
        ("Unsubscribed", "0"), ("Complained", "1"),
    ]  # fmt: skip
    assert "and 1 by machines" in page
    assert "https://shop.example/a" in page
    assert "ann@example.com" in page
    assert "Bandung" in page
    text, _ = add_batch(project, me.account_id, 1)
    assert client.get(f"/batches/{text}/mail/").status_code == 404, "it is not of emails"
