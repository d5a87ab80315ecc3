"""The console's webhooks: set, change, test, look at attempts, push again; another account sees and changes nothing."""

from __future__ import annotations

import re
from typing import Any

import psycopg
import pytest

from tests.doors.console import log_in, read
from tocsin import audit, webhooks
from tocsin.kit import clock

URL = "https://mine.example.com/in"
POSTS = ["set", "secret", "remove", "resume", "aside", "test"]


def set_url(client: Any, kind: str = "sms", url: str = URL) -> str:
    """The page that follows."""
    return read(client.post(f"/webhooks/set/{kind}/", {"url": url}, follow=True))


def endpoint(dsn: str, account_id: int, kind: str = "sms") -> webhooks.EndpointView:
    with psycopg.connect(dsn) as conn:
        return next(each for each in webhooks.list_endpoints(conn, account_id) if each.kind == kind)


def add_attempt(dsn: str, account_id: int, status: int | None = 200, **more: Any) -> int:
    """An attempt on the account's endpoint; its id."""
    facts = {"outbox_id": 1, "n": 2, "error": "", "answer": "", "request": "", "answer_head": "", **more}
    with psycopg.connect(dsn) as conn:
        row = conn.execute(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error, answer,"
            " request, answer_head) VALUES (%s, %s, 'msg_1', now(), 12, %s, %s, '{}', %s, %s, %s, %s) RETURNING id",
            (endpoint(dsn, account_id).id, facts.pop("outbox_id"), status, *facts.values()),
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_url_is_set_changed_and_removed(project: str) -> None:
    client, me = log_in()
    first = set_url(client)
    secret = re.search(r'value="(whsec_[^"]+)"', first)
    assert secret, "the secret of a new endpoint is shown"
    assert secret[1] not in read(client.get("/webhooks/")), "this once"
    changed = set_url(client, url=f"{URL}/other")
    assert "whsec_" not in changed
    assert f'value="{URL}/other"' in changed
    renewed = read(client.post("/webhooks/secret/sms/"))
    assert secret[1] not in renewed
    assert "whsec_" in renewed
    client.post("/webhooks/remove/sms/")
    with psycopg.connect(project) as conn:
        assert webhooks.list_endpoints(conn, me.account_id) == []
        words = [entry.action for entry in audit.read_last(conn, f"account {me.account.name}")]
    assert words == ["webhook remove", "webhook secret", "webhook set", "webhook set"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "Write the URL"),
        ("ftp://example.com/", "must begin with http"),
        ("https://me:secret@example.com/", "must not hold a user"),
        ("https:///hooks", "names no host"),
        ("https://example.com/" + "x" * 2100, "too long"),
        ("https://exa mple.com/", "blanks"),
        ("https://[::1", "This is no URL"),
    ],
)
def test_a_bad_url_is_told_and_what_was_typed_stays(project: str, url: str, said: str) -> None:
    client, me = log_in()
    page = read(client.post("/webhooks/set/sms/", {"url": url}))
    assert said in page
    assert not url or url[:40] in page
    assert said in read(client.post("/quick-start/webhook/", {"url": url}))
    with psycopg.connect(project) as conn:
        assert webhooks.list_endpoints(conn, me.account_id) == []


def test_states_are_told_in_words(project: str) -> None:
    client, me = log_in()
    assert "Not set" in read(client.get("/webhooks/"))
    set_url(client)
    assert "Healthy" in read(client.get("/webhooks/"))
    with psycopg.connect(project) as conn:
        conn.execute("UPDATE endpoint SET failing_since = now() WHERE account_id = %s", (me.account_id,))
    assert "No push was taken since" in read(client.get("/webhooks/"))
    with psycopg.connect(project) as conn:
        conn.execute("UPDATE endpoint SET paused_at = now(), paused_reason = 'it answered 410 Gone' WHERE account_id = %s",
                     (me.account_id,))  # fmt: skip
        query = "INSERT INTO outbox (endpoint_id, n, ids, body) VALUES (%s, 1, '{}', '[]')"
        conn.execute(query, (endpoint(project, me.account_id).id,))
    page = read(client.get("/webhooks/"))
    assert "the server answered 410 Gone" in page
    assert "1 push waits" in page
    client.post("/webhooks/resume/sms/")
    assert endpoint(project, me.account_id).paused_at is None


def test_a_strangers_webhook_is_not_found(project: str) -> None:
    mine, me = log_in()
    other, _ = log_in()
    set_url(mine)
    attempt_id = add_attempt(project, me.account_id)
    test_path = re.search(r"/webhooks/tests/\d+/", read(mine.post("/webhooks/test/sms/")))
    assert test_path
    assert mine.get(f"/webhooks/attempts/{attempt_id}/").status_code == 200
    assert mine.get(test_path[0]).status_code == 200
    assert other.get(f"/webhooks/attempts/{attempt_id}/").status_code == 404
    assert other.get(test_path[0]).status_code == 404
    assert "msg_1" not in read(other.get("/webhooks/attempts/"))
    assert URL not in read(other.get("/webhooks/"))
    for verb in ("secret", "remove", "resume", "aside"):
        assert other.post(f"/webhooks/{verb}/sms/").status_code == 404, verb
    assert "Nothing to push again" in read(
        other.post("/webhooks/attempts/replay/", {"attempt": attempt_id}, follow=True)
    )
    assert "Set a URL first." in read(other.post("/webhooks/test/sms/"))
    assert endpoint(project, me.account_id).url == URL
    assert mine.post("/webhooks/set/nothing/", {"url": URL}).status_code == 404


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_roles(project: str, role: str) -> None:
    client, _ = log_in(role)
    may = role in {"owner", "developer"}
    assert client.get("/webhooks/").status_code == (200 if may else 403)
    assert client.get("/webhooks/attempts/").status_code == (200 if may else 403)
    assert client.post("/webhooks/set/sms/", {"url": URL}).status_code == (200 if may else 403)
    for verb in POSTS[1:]:
        assert (client.post(f"/webhooks/{verb}/sms/").status_code == 403) is not may, verb
    assert client.post("/webhooks/replay/", {"kind": "sms"}).status_code == (200 if may else 403)
    assert ("save-hook" in read(client.get("/quick-start/"))) is may


def test_a_test_event_waits_for_a_pusher_and_is_not_counted(project: str) -> None:
    client, me = log_in()
    set_url(client)
    page = read(client.post("/webhooks/test/sms/?quick"))
    assert "Waiting for the answer" in page
    path = re.search(r'hx-get="([^"]+)"', page)
    assert path
    with psycopg.connect(project) as conn:
        conn.execute(
            "UPDATE test_event SET asked_at = now() - interval '1 minute' WHERE account_id = %s", (me.account_id,)
        )
    assert "No pusher took the test event" in read(client.get(path[1]))
    assert endpoint(project, me.account_id).waiting == 0


def test_so_many_test_events_a_minute(project: str) -> None:
    client, _ = log_in()
    set_url(client)
    said = [read(client.post("/webhooks/test/sms/")) for _ in range(webhooks.MOST_A_MINUTE + 1)]
    assert all("Waiting" in each for each in said[:-1])
    assert "10 test events a minute at most" in said[-1]


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (None, "the address is not allowed: 10.0.0.1", "TOCSIN_PUSH_ALLOW"),
        (None, "the host is not known: [Errno -2] Name or service not known", "There is no such host"),
        (None, "[Errno 111] Connect call failed ('127.0.0.1', 1)", "Nothing listens"),
        (None, "no answer in time", "Answer 200 first"),
        (None, "something new", "something new"),
        (404, "answered 404", "does not know this path"),
        (302, "answered 302", "Redirects are not followed"),
        (418, "answered 418", "Answer with 200"),
    ],
)
def test_a_failure_is_told_in_words(project: str, status: int | None, error: str, said: str) -> None:
    client, me = log_in()
    set_url(client)
    attempt_id = add_attempt(project, me.account_id, status, error=error)
    assert said in read(client.get(f"/webhooks/attempts/{attempt_id}/"))


def test_attempts_by_kind_outcome_and_key(project: str) -> None:
    client, me = log_in()
    assert "Set a webhook, and each push" in read(client.get("/webhooks/attempts/"))
    set_url(client)
    assert "The next report shows up here" in read(client.get("/webhooks/attempts/"))
    failed = add_attempt(project, me.account_id, 500, error="answered 500")
    test = add_attempt(project, me.account_id, outbox_id=-1)
    taken = [add_attempt(project, me.account_id) for _ in range(51)]

    def listed(query: str) -> list[int]:
        return [
            int(each)
            for each in re.findall(r"/webhooks/attempts/(\d+)/", read(client.get(f"/webhooks/attempts/{query}")))
        ]

    assert listed("") == taken[:0:-1]
    assert listed(f"?before={taken[1]}") == [taken[0], test, failed]
    assert listed("?outcome=failed") == [failed]
    assert listed("?outcome=test") == [test]
    assert listed("?kind=mms") == []
    assert listed("?kind=nonsense&outcome=what&before=x") == taken[:0:-1]


def test_request_and_answer_are_shown_and_nothing_runs(project: str) -> None:
    client, me = log_in()
    set_url(client)
    request = 'POST /hooks HTTP/1.1\r\nwebhook-id: msg_1\r\n\r\n{"type":"sms"}'
    attempt_id = add_attempt(
        project, me.account_id, 500, request=request, answer="<script>alert(1)</script>", answer_head="server: x"
    )
    page = read(client.get(f"/webhooks/attempts/{attempt_id}/"))
    assert "webhook-id: msg_1" in page
    assert "{&quot;type&quot;:&quot;sms&quot;}" in page
    assert "server: x" in page
    assert "<script>alert" not in page


def test_a_replay_from_a_time_of_the_users_clock(project: str) -> None:
    client, me = log_in()
    client.cookies["tocsin_zone"] = "Asia/Shanghai"
    set_url(client)
    for typed, said in [("", "Write a date"), ("yesterday", "Write a date"), ("2099-01-01T00:00", "yet to come")]:
        page = read(client.post("/webhooks/replay/", {"kind": "sms", "since": typed}))
        assert said in page
        assert f'value="{typed}"' in page
    assert client.post("/webhooks/replay/", {"kind": "what", "since": "2026-11-01T00:00"}).status_code == 404
    assert "Set a URL for it" in read(client.post("/webhooks/replay/", {"kind": "mms", "since": "2026-11-01T08:00"}))
    page = read(client.post("/webhooks/replay/", {"kind": "sms", "since": "2026-11-01T08:00"}, follow=True))
    assert "under way" in page
    with psycopg.connect(project) as conn:
        (found,) = webhooks.list_replays(conn, me.account_id)
    assert found.since.timestamp() == 1793491200, "08:00 in Shanghai is midnight UTC"
    assert found.until <= clock.now()
    again = read(client.post("/webhooks/replay/", {"kind": "sms", "since": "2026-11-01T08:00"}))
    assert "wait for its end" in again


def test_the_pages_are_chinese_where_that_is_chosen(project: str) -> None:
    client, me = log_in()
    set_url(client)
    attempt_id = add_attempt(project, me.account_id, None, error="no answer in time")
    client.cookies["tocsin_language"] = "zh-hans"
    for path in ("/webhooks/", "/webhooks/attempts/", f"/webhooks/attempts/{attempt_id}/"):
        text = re.sub(r"<[^>]+>", " ", read(client.get(path)).partition('id="main">')[2])
        assert set(re.findall(r"[A-Za-z]{4,}", text)) <= {"HTTP", "Webhook", "webhook", "answer", "time"}, path
