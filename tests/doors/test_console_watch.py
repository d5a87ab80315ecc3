"""Overview, message log, message and replies, in process: what they show to whom, in which words, and what they refuse."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.contexts.past import Past, put
from tests.doors.console import log_in, read
from tocsin import webhooks
from tocsin.kit import clock
from tocsin.kit.ids import Ids
from tocsin.traffic import Product, Reason

HOUR = timedelta(hours=1)
NUMBER = "6281200000001"


def write(dsn: str, account_id: int, *pasts: Past) -> list[str]:
    """The ids of these messages."""
    with psycopg.connect(dsn) as conn:
        conn.execute("INSERT INTO wallet (account_id) VALUES (%s) ON CONFLICT DO NOTHING", (account_id,))
        return [put(conn, account_id, past) for past in pasts]


def numbers(answer: Any) -> list[str]:
    """Those of the log's rows."""
    return re.findall(r'class="number[^"]*" href="[^"]+">([^<]+)</a>', read(answer))


def test_filters_of_the_log_combine_and_keep_what_was_typed(project: str) -> None:
    client, me = log_in()
    now = clock.now()
    batch_no = int(now.timestamp() * 1000) * 10_000
    failed, _, _, mail = write(
        project,
        me.account_id,
        Past(now - 50 * HOUR, NUMBER, Reason.UNDELIVERED, batch_no=batch_no),
        Past(now - 30 * HOUR, "8613800000001", country_id=10001),
        Past(now - HOUR, "6281200000003", Reason.SENDING),
        Past(now - 3 * HOUR, "ann@example.com", product=Product.EMAIL, country_id=0),
    )
    client.cookies["tocsin_zone"] = "Asia/Shanghai"
    assert numbers(client.get("/messages/")) == ["6281200000003", "ann@example.com", "8613800000001", NUMBER]
    assert numbers(client.get("/messages/?number=%2B62 812-0000")) == ["6281200000003", NUMBER]
    assert numbers(client.get("/messages/?number=Ann@Example")) == ["ann@example.com"]
    assert numbers(client.get("/messages/?number=62812&state=failed")) == [NUMBER]
    assert numbers(client.get("/messages/?state=under-way")) == ["6281200000003"]
    assert numbers(client.get("/messages/?product=email")) == ["ann@example.com"]
    assert numbers(client.get("/messages/?country=10001")) == ["8613800000001"]
    assert numbers(client.get(f"/messages/?batch={batch_no}")) == [NUMBER]
    assert numbers(client.get(f"/messages/?number={batch_no}")) == [NUMBER]
    there = (now - 40 * HOUR).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M")
    assert numbers(client.get(f"/messages/?to={there}")) == [NUMBER]
    assert numbers(client.get(f"/messages/?from={there}&state=delivered")) == ["ann@example.com", "8613800000001"]
    text = read(client.get(f"/messages/?from={there}&number=4479&product=mms"))
    assert f'name="from" value="{there}"' in text
    assert 'value="4479"' in text
    assert '<option value="mms" selected>' in text
    assert "None fits the filter." in text
    found = client.get(f"/messages/?number={failed[:8]}-{failed[8:]}")
    assert (found.status_code, found["Location"]) == (302, f"/messages/{failed}/")
    assert "None fits the filter." in read(client.get(f"/messages/?number={'0' * 32}"))
    assert mail in read(client.get("/messages/"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("batch=12", "A batch number has 17 digits."),
        ("number=1234567890123456789", "This begins no number"),
        ("number=%E4%BD%A0", "This begins no number"),
        ("from=yesterday", "Write a date and a time"),
        ("to=9999-99-99T00:00", "Write a date and a time"),
        ("from=2026-02-01T00:00&to=2026-01-01T00:00", "This is before the beginning."),
    ],
)
def test_what_cannot_be_read_is_told_and_finds_nothing(project: str, query: str, words: str) -> None:
    client, me = log_in()
    write(project, me.account_id, Past(clock.now()))
    answer = client.get(f"/messages/?{query}")
    assert answer.status_code == 200
    assert words in read(answer)
    assert numbers(answer) == []


@pytest.mark.parametrize(
    "query",
    [
        "before=x", "number=%00", "state=no", "product=9", "country=99999999999999999999", "batch=99999999999999999",
        "to=0001-01-01T00:00",
    ],
)  # fmt: skip
def test_strange_addresses_break_nothing(project: str, query: str) -> None:
    client, me = log_in()
    write(project, me.account_id, Past(clock.now()))
    for path in ("/messages/", "/messages/on/", "/replies/", "/"):
        assert client.get(f"{path}?{query}&had=x&days=0").status_code in {200, 302}, path


def test_a_search_that_is_not_done_goes_on_by_itself(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.messaging import search

    client, me = log_in()
    now = clock.now()
    write(
        project,
        me.account_id,
        *(
            Past(now - HOUR * turn, f"62812{turn:07d}", Reason.UNDELIVERED if turn in {1, 8} else Reason.SUCCESS)
            for turn in range(9)
        ),
    )
    monkeypatch.setattr(search, "BUDGET_S", -1.0)
    monkeypatch.setattr(search, "_STRETCH", 2)
    text, seen, looks = read(client.get("/messages/?state=failed")), list[str](), 0
    while looks < 20:
        looks += 1
        seen += re.findall(r">(62812\d{7})</a>", text)
        more = re.search(r'hx-get="([^"]+)"', text)
        if more is None:
            break
        assert "Searching: looked back to" in text
        text = read(client.get(more[1].replace("&amp;", "&")))
    assert seen == ["628120000001", "628120000008"]
    assert looks > 1
    assert "2 messages fit." in text


def test_pages_of_the_log_lead_to_each_other(project: str) -> None:
    client, me = log_in()
    now = clock.now()
    write(project, me.account_id, *(Past(now - timedelta(minutes=turn), f"62812{turn:07d}") for turn in range(60)))
    first = client.get("/messages/?number=62812&state=delivered")
    older = re.search(r'href="(/messages/\?[^"]*before=[^"]*)"', read(first))
    assert older
    second = client.get(older[1].replace("&amp;", "&"))
    assert len(numbers(first)) == 50
    assert numbers(first) + numbers(second) == [f"62812{turn:07d}" for turn in range(60)]
    assert "Newest" in read(second)


def test_a_message_tells_all_to_its_own_account_only(project: str) -> None:
    client, me = log_in()
    stranger, _ = log_in()
    now = clock.now().replace(microsecond=0)
    (message_id,) = write(
        project, me.account_id, Past(now - HOUR, NUMBER, Reason.UNDELIVERED, content="Your <b> order")
    )
    with psycopg.connect(project) as conn:
        webhooks.set_endpoint(conn, me.account_id, "sms", "http://127.0.0.1/hook", str)
        conn.execute("SELECT partition_ensure('submission', %s)", (now,))
        conn.execute(
            "INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)"
            " SELECT %s, %s, min(id), 'abc-17', 1, 1, 0 FROM channel",
            (message_id, now - HOUR + timedelta(milliseconds=250)),
        )
        conn.execute(
            "INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids)"
            " SELECT id, 1, 'msg_1', %s, 12, 200, 1, ARRAY[%s::uuid] FROM endpoint WHERE account_id = %s",
            (now - HOUR + timedelta(seconds=4), message_id, me.account_id),
        )
    text = read(client.get(f"/messages/{message_id}/"))
    for words in (
        NUMBER, "ACME", "Your &lt;b&gt; order", "GSM-7", "abc-17", "+250 ms", "Failed: undelivered",
        "The carrier took it and could not deliver it.", "HTTP 200", "Your server has the report", "Indonesia",
    ):  # fmt: skip
        assert words in text, words
    steps = re.findall(r"<strong class=\"text-break\">(?:<a [^>]*>)?([^<]+)<", text)
    assert [step.partition(":")[0] for step in steps] == [
        "Accepted for sending",
        "Submitted",
        "Failed",
        "Report pushed to your server",
    ]
    (attempt,) = re.findall(r'href="(/webhooks/attempts/[0-9]+/)"', text)
    assert client.get(attempt).status_code == 200
    assert "hx-get" not in text, "nothing more is to be expected"
    for path in (f"/messages/{message_id}/", f"/messages/{message_id}/now/"):
        assert stranger.get(path).status_code == 404
        assert client.get(path).status_code == 200
    assert client.get("/messages/zz/").status_code == 404
    assert client.get(f"/messages/{'f' * 32}/").status_code == 404


def test_a_message_under_way_asks_again(project: str) -> None:
    client, me = log_in()
    (message_id,) = write(project, me.account_id, Past(clock.now(), NUMBER, Reason.SENDING))
    assert f'hx-get="/messages/{message_id}/now/"' in read(client.get(f"/messages/{message_id}/"))


@pytest.mark.parametrize(
    ("role", "sees", "sees_codes"),
    [("owner", True, True), ("developer", True, True), ("viewer", True, False), ("finance", False, False)],
)
def test_who_reads_what_messages_say(project: str, role: str, sees: bool, sees_codes: bool) -> None:
    client, me = log_in(role)
    now = clock.now()
    plain, code = write(
        project,
        me.account_id,
        Past(now, content="Order 4711 left"),
        Past(now, content="Your code is 829301", priority=0),
    )
    reply_to(project, me.account_id, plain, "Who is this 5522?")
    assert ("Order 4711 left" in read(client.get(f"/messages/{plain}/"))) is sees
    assert ("Who is this 5522?" in read(client.get(f"/messages/{plain}/"))) is sees
    assert ("Who is this 5522?" in read(client.get("/replies/"))) is sees
    text = read(client.get(f"/messages/{code}/"))
    assert ("829301" in text) is sees_codes
    assert ("Your code is" in text) is sees_codes, "a code may be any word of it"
    assert ("it may hold a code" in text) is (sees and not sees_codes)


@pytest.mark.parametrize("product", [Product.EMAIL, Product.MMS, Product.VOICE_NOTICE])
@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_a_text_that_no_action_tells_of_is_shown_without_its_codes(project: str, role: str, product: Product) -> None:
    client, me = log_in(role)
    content = "<p>Your code is 829301, or AB12-CD: https://a.example/reset?t=Zk3fQ9s8LmN0pQ2rS4tU6vW8</p>"
    (message_id,) = write(project, me.account_id, Past(clock.now(), product=product, content=content))
    with psycopg.connect(project) as conn:
        changed = "UPDATE batch SET title = '829301 is your code' WHERE account_id = %s RETURNING batch_no"
        batch_no = conn.execute(changed, (me.account_id,)).fetchone()
    assert batch_no is not None
    for page in (f"/messages/{message_id}/", f"/batches/{batch_no[0]}/", "/batches/"):
        text = read(client.get(page))
        assert "is your code" in text, page
        for code in ("829301", "AB12", "Zk3f"):
            assert role == "owner" or code not in text, page
    text = read(client.get(f"/messages/{message_id}/"))
    assert [code in text for code in ("829301", "AB12-CD", "Zk3f")] == [role == "owner"] * 3
    assert ("Words with digits are hidden" in text) is (role == "viewer")


def reply_to(dsn: str, account_id: int, message_id: str, content: str, number: str = "6281234567801") -> None:
    with psycopg.connect(dsn) as conn:
        conn.execute(
            "INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)"
            " VALUES (%s, %s, 1, %s, '12345', %s, now(), %s)",
            (Ids().one().hex(), account_id, number, content, message_id),
        )


def test_replies_are_listed_with_what_they_changed(project: str) -> None:
    client, me = log_in()
    stranger, _ = log_in()
    assert "When somebody answers" in read(client.get("/replies/"))
    (message_id,) = write(project, me.account_id, Past(clock.now()))
    reply_to(project, me.account_id, message_id, "STOP", "6281234567801")
    reply_to(project, me.account_id, message_id, "Thanks <b>", "8613800000002")
    text = read(client.get("/replies/"))
    assert text.index("Thanks &lt;b&gt;") < text.index("STOP"), "newest first"
    assert text.count("opted out of marketing") == 1
    assert f'href="/messages/{message_id}/"' in text
    assert "No webhook is set for replies" in text
    assert "STOP" not in read(client.get("/replies/?number=86138"))
    assert "Thanks" in read(client.get("/replies/?number=%2B86138&sender=123"))
    assert "None fits the filter." in read(client.get("/replies/?sender=9"))
    assert "Thanks" not in read(stranger.get("/replies/"))


def test_the_overview_sums_days_of_the_visitors_zone(project: str) -> None:
    client, me = log_in()
    zone = ZoneInfo("Asia/Shanghai")
    today = clock.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = today - timedelta(days=1)
    write(
        project,
        me.account_id,
        Past(yesterday, NUMBER),
        Past(yesterday + 23 * HOUR, NUMBER),
        Past(today - timedelta(days=2), NUMBER, Reason.NUMBER_ERROR),
        Past(today - timedelta(days=20), NUMBER),
        Past(today - timedelta(days=21), NUMBER),
    )
    client.cookies["tocsin_zone"] = str(zone)
    text = read(client.get("/?stay"))
    assert figure(text, "sent") == "3"
    assert figure(text, "rate") == "66.7 %"
    assert figure(text, "spent").startswith("0.3")
    assert "+50 %" in text, "against the two of the 14 days before"
    day = f"{yesterday.day} {yesterday:%b}"
    (row,) = re.findall(rf'<td class="text-nowrap">{day}</td>(.*?)</tr>', text)
    assert re.findall(r">([^<]+)</td>", row)[:3] == ["2", "2", "0"]
    assert "number error" in text, "the latest failure"
    assert "Wrong number" in text
    assert figure(read(client.get("/?days=30")), "sent") == "5"
    assert figure(read(client.get("/?days=12")), "sent") == "3", "no such choice: 14"


def figure(text: str, name: str) -> str:
    found = re.search(rf'id="{name}">([^<]*)', text)
    assert found
    return found[1].strip()


def test_the_overview_of_an_account_that_never_sent(project: str) -> None:
    client, _ = log_in()
    assert client.get("/")["Location"] == "/quick-start/"
    text = read(client.get("/?stay"))
    assert "Nothing in these days." in text
    assert "canvas" not in text


def test_no_page_mixes_its_languages(project: str) -> None:
    client, me = log_in()
    (message_id,) = write(project, me.account_id, Past(clock.now() - HOUR, NUMBER, Reason.NO_RECEIPT))
    reply_to(project, me.account_id, message_id, "退订")
    client.cookies["tocsin_language"] = "zh-hans"
    for path in ("/?stay", "/messages/?batch=1", "/messages/?state=failed", f"/messages/{message_id}/", "/replies/"):
        main = read(client.get(path)).partition('id="main">')[2].partition("</main>")[0]
        words = set(re.findall(r"\b[A-Za-z]{4,}\b", re.sub(r"<script.*?</script>|<[^>]*>", " ", main)))
        assert words <= {"ACME", "Webhook", "XLSX", "hello"}, (path, words)
