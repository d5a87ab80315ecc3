"""The console's keys: named, used, rotated with an overlap; the address list; the request log as its account sees it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.doors.api import SEND, Bed, Door
from tests.doors.console import log_in, read
from tests.poll import until_sync
from tocsin import accounts, audit
from tocsin.kit import clock
from tocsin.kit.db import Session

ENTRY = audit.RequestEntry(
    account_id=0, at_s=1_790_000_000.0, request_id="r1", method="POST", path="/api/v1/sms/sendbatchsms", status=-1, http=200,
    took_ms=3, address="203.0.113.9", key_id=0, receivers=0, batch_no=0, left_out=0, message="authentication failed", body="",
)  # fmt: skip


async def log(dsn: str, *entries: audit.RequestEntry) -> None:
    session = Session(dsn, "log")
    await audit.log_requests(session, entries)
    await session.close()


def write(dsn: str, *entries: audit.RequestEntry) -> None:
    import asyncio

    asyncio.run(log(dsn, *entries))


def keys_of(dsn: str, account_id: int) -> list[accounts.KeyFacts]:
    with psycopg.connect(dsn) as conn:
        return accounts.list_keys(conn, account_id)


def test_a_key_has_a_name_and_a_last_use(project: str) -> None:
    client, me = log_in()
    page = read(client.post("/keys/", {"name": "  shop   front "}))
    assert "shop front" in page
    assert "never" in page
    (key,) = keys_of(project, me.account_id)
    with psycopg.connect(project) as conn:
        conn.execute("INSERT INTO key_use VALUES (%s, '2026-11-20 08:00+00')", (key.id,))
    assert re.search(r"2026-11-20</span> <span[^>]*>08:00", read(client.get("/keys/")))
    long = read(client.post("/keys/", {"name": "x" * 61}))
    assert "60 characters at most" in long
    assert "x" * 61 in long
    assert len(keys_of(project, me.account_id)) == 1


@pytest.mark.parametrize(("overlap", "hours"), [("1h", 1), ("24h", 24), ("7d", 168)])
def test_a_key_is_rotated_and_the_old_one_holds_a_while(project: str, overlap: str, hours: int) -> None:
    client, me = log_in()
    client.post("/keys/", {"name": "shop"})
    (old,) = keys_of(project, me.account_id)
    page = read(client.post(f"/keys/{old.id}/rotate/", {"overlap": overlap}))
    assert re.search(r'id="new-key" value="[a-z0-9]{32}"', page)
    ended, new = keys_of(project, me.account_id)
    assert (ended.id, new.name, new.expires_at) == (old.id, "shop", None)
    assert ended.expires_at is not None
    assert abs(ended.expires_at - clock.now() - timedelta(hours=hours)) < timedelta(minutes=2)
    assert client.post(f"/keys/{new.id}/rotate/", {"overlap": "9y"}).status_code == 404


def test_a_strangers_key_is_not_rotated(project: str) -> None:
    mine, me = log_in()
    other, _ = log_in()
    mine.post("/keys/")
    (key,) = keys_of(project, me.account_id)
    assert other.post(f"/keys/{key.id}/rotate/", {"overlap": "1h"}).status_code == 404
    assert [each.expires_at for each in keys_of(project, me.account_id)] == [None]


def test_keys_have_a_ceiling_for_rotation_too(project: str) -> None:
    client, me = log_in()
    for _ in range(10):
        client.post("/keys/")
    found = keys_of(project, me.account_id)
    assert "10 keys at most" in read(client.post(f"/keys/{found[0].id}/rotate/", {"overlap": "1h"}, follow=True))
    assert "10 keys at most" in read(client.post("/keys/", {"name": "eleven"}))
    assert keys_of(project, me.account_id) == found


def test_addresses_are_set_and_a_bad_one_is_told(project: str) -> None:
    client, me = log_in()
    page = read(client.post("/keys/addresses/", {"addresses": "203.0.113.7\n10.0.0.0/33"}))
    assert "10.0.0.0/33 is no address or network" in page
    assert "203.0.113.7\n10.0.0.0/33</textarea>" in page
    good = "203.0.113.7, 10.0.0.0/8\n2001:db8::/32\n203.0.113.7"
    page = read(client.post("/keys/addresses/", {"addresses": good}, follow=True))
    assert "203.0.113.7\n10.0.0.0/8\n2001:db8::/32</textarea>" in page
    assert "only these addresses" in page
    many = read(client.post("/keys/addresses/", {"addresses": "\n".join(f"10.0.{i}.1" for i in range(101))}))
    assert "100 addresses at most" in many
    assert "every address" in read(client.post("/keys/addresses/", {"addresses": " "}, follow=True))
    with psycopg.connect(project) as conn:
        assert accounts.find_account(conn, me.account.name).allow_ips == []
        assert [entry.action for entry in audit.read_last(conn, f"account {me.account.name}")] == ["account set"] * 2


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_roles(project: str, role: str) -> None:
    client, _ = log_in(role)
    may = role in {"owner", "developer"}
    assert client.get("/requests/").status_code == (200 if may else 403)
    assert (client.get("/requests/1/").status_code == 403) is not may
    assert (client.post("/keys/1/rotate/", {"overlap": "1h"}).status_code == 403) is not may
    assert (client.post("/keys/addresses/", {"addresses": ""}).status_code == 403) is not may


def listed(client: Any, query: str = "") -> list[str]:
    return re.findall(r'aria-label="Details ([^"]+)"', read(client.get(f"/requests/{query}")))


def test_the_request_log_by_filter_and_key(project: str) -> None:
    client, me = log_in()
    other, _ = log_in()
    assert "shows up here" in read(client.get("/requests/"))
    mine = ENTRY._replace(account_id=me.account_id)
    good = mine._replace(status=0, message="ok", receivers=2, batch_no=17, left_out=4)
    many = [good._replace(request_id=f"g{number}", path="/api/v1/sms/balance") for number in range(51)]
    write(project, mine, good._replace(request_id="r2"), mine._replace(request_id="r3", status=-15), *many)
    assert listed(client)[:2] == ["g50", "g49"]
    assert len(listed(client)) == 50
    older = re.search(r'href="(\?[^"]*before=\d+)"', read(client.get("/requests/")))
    assert older
    assert listed(client, older[1].replace("&amp;", "&")) == ["g0", "r3", "r2", "r1"]
    assert listed(client, "?errors=1") == ["r3", "r1"]
    assert listed(client, "?code=-15") == ["r3"]
    assert listed(client, "?path=/api/v1/sms/sendbatchsms") == ["r3", "r2", "r1"]
    assert listed(client, "?path=/api/v1/sms/sendbatchsms&errors=1&code=-1") == ["r1"]
    assert len(listed(client, "?code=x&path=nothing&before=-5")) == 50
    assert listed(other) == []
    assert "and 4 more in this second" in read(client.get("/requests/"))


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            [
                "not authenticated (7 requests)",
                "Not authenticated: 7 requests",
                "12 more requests of this day",
                "5 more are",
            ],
        ),
        (
            "zh-hans",
            ["未通过认证（7 个请求）", "未通过认证：这一分钟内", "当天另有 12 个请求未列出", "另有 5 个未列出"],
        ),
    ],
)
def test_what_strangers_sent_and_full_days_are_marked(project: str, language: str, words: list[str]) -> None:
    client, me = log_in()
    client.cookies["tocsin_language"] = language
    write(project, ENTRY._replace(account_id=me.account_id, left_out=6, signed=False))
    page = read(client.get("/requests/"))
    assert words[0] in page
    assert "alert-warning" not in page
    path = re.search(r"/requests/\d+/", page)
    assert path
    assert words[1] in read(client.get(path[0]))
    with psycopg.connect(project) as conn:
        conn.execute("INSERT INTO request_day VALUES (%s, current_date, 100000, 12, 10000, 5)", (me.account_id,))
        conn.execute("INSERT INTO request_day VALUES (%s, current_date - 40, 100000, 34, 0, 0)", (me.account_id,))
    page = read(client.get("/requests/"))
    assert [word in page for word in words[2:]] == [True, True]
    assert "34" not in page.partition("alert-warning")[2].partition("<form")[0]


def test_a_request_is_shown_to_its_account_alone(project: str) -> None:
    mine, me = log_in()
    other, _ = log_in()
    write(project, ENTRY._replace(account_id=me.account_id, body='{"content":"<b>hi</b>"}'))
    path = re.search(r"/requests/\d+/", read(mine.get("/requests/")))
    assert path
    page = read(mine.get(path[0]))
    assert "&lt;b&gt;hi" in page
    assert "203.0.113.9" in page
    assert "none fitted" in page
    assert other.get(path[0]).status_code == 404


def test_the_pages_are_chinese_where_that_is_chosen(project: str) -> None:
    client, me = log_in()
    client.post("/keys/")
    write(project, ENTRY._replace(account_id=me.account_id, path="/", message="", method=""))
    client.cookies["tocsin_language"] = "zh-hans"
    path = re.search(r"/requests/\d+/", read(client.get("/requests/")))
    assert path
    for each in ("/keys/", path[0]):
        text = re.sub(r"<[^>]+>", " ", read(client.get(each)).partition('id="main">')[2]).replace(me.account.name, "")
        assert set(re.findall(r"[A-Za-z]{5,}", text)) <= {"Request", "account", "datetime"}, each


# --- what the API writes


@pytest.fixture
def rows(bed: Bed) -> Any:
    def read_rows(account_id: int, count: int) -> list[audit.RequestView]:
        found: list[audit.RequestView] = []

        def look() -> bool:
            found[:] = audit.read_requests(bed.conn, account_id, audit.AskedRequests(limit=200))
            return len(found) >= count

        until_sync(look, 10)
        return found

    return read_rows


def test_what_was_asked_is_logged_and_secrets_are_not(bed: Bed, door: Door, rows: Any) -> None:
    customer = bed.customer()
    good = door.send(customer)
    door.send(customer, content=None, templateParams=["482913"])
    door.post(customer, {"numbers": "1"}, query={"sign": "0" * 32})
    found = {row.status: row for row in rows(customer.id, 3)}
    assert found[0].batch_no == int(good.data["batchNo"])
    assert (found[0].receivers, found[0].method, found[0].http, found[0].body) == (1, "POST", 200, "")
    (empty,) = [row for status, row in found.items() if status not in {0, -1}]
    whole = audit.find_request(bed.conn, customer.id, empty.id)
    assert whole is not None
    assert "numbers" in whole.body
    assert "482913" not in whole.body
    assert whole.message
    assert (found[-1].key_id, found[0].key_id > 0) == (0, True)
    assert [found[status].signed for status in (0, -1)] == [True, False]
    assert customer.key not in "".join(map(str, found.values()))


def test_a_flood_is_sampled_and_the_rest_is_counted(bed: Bed, door: Door, rows: Any) -> None:
    customer = bed.customer()
    for _ in range(40):
        door.get(customer, "/api/v1/sms/balance")

    def look() -> bool:
        found = rows(customer.id, 1)
        return bool(len(found) + sum(row.left_out for row in found) == 40)

    until_sync(look, 10)


def test_a_stranger_writes_one_row_a_minute(bed: Bed, second: Door, rows: Any) -> None:
    """Without what he sent, with how many there were, and nothing once he is refused with -15. Own requests stay as they are."""
    customer = bed.customer()
    target = f"{SEND}?{urlencode(customer.sign(sign='0' * 32))}"
    began = int(clock.now_s()) // 60
    answers = [
        second.call("POST", target, '{"content":"secret"}', {"X-Forwarded-For": f"2001:db8:1::{number:x}"}).status
        for number in range(130)
    ]
    second.call("DELETE", target, headers={"X-Forwarded-For": "2001:db8:1::9"})
    second.get(customer, "/api/v1/sms/balance")
    own = rows(customer.id, 2)
    assert [row.status for row in own if row.signed] == [0]

    def look() -> bool:
        found: list[audit.RequestView] = rows(customer.id, 2)
        return sum(row.all_of_them for row in found if not row.signed) == answers.count(-1) + 1

    until_sync(look, 20)
    strange = [row for row in rows(customer.id, 2) if not row.signed]
    assert len(strange) <= 1 + int(clock.now_s()) // 60 - began
    assert {row.status for row in strange} <= {-1, 405}  # the last one may have begun a minute
    assert [audit.find_request(bed.conn, customer.id, row.id).body for row in strange] == [""] * len(strange)  # type: ignore[union-attr]


def test_the_last_use_of_a_key_is_kept(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    door.get(customer, "/api/v1/sms/balance")

    def look() -> bool:
        (key,) = accounts.list_keys(bed.conn, customer.id)
        return key.used_at is not None and abs(clock.now() - key.used_at) < timedelta(minutes=1)

    until_sync(look, 10)
