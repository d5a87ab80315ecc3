"""`/t/...`: pixel, redirect and unsubscribing; what is stored, pushed and barred by them."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.doors.api import Bed, Customer, Door, Reply, _open
from tests.poll import until_sync
from tocsin import accounts, messaging, webhooks
from tocsin.content import TRACKING, LinkKind, make_token
from tocsin.kit.ids import Ids
from tocsin.kit.seal import Seal
from tocsin.messaging import EVENTS_LISTED
from tocsin.messaging.reactions import LINKS_COUNTED
from tocsin.traffic import ReactionKind

IDS = Ids()
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Mobile/15E148 Safari/604.1"
)
PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
TARGET = "https://shop.example.com/a?b=1&c=%20d"
ADDRESS = "jo@example.com"
BATCH = 17117048141041790
SHARE = 4  # of an address and minute


def make_mail(bed: Bed, customer: Customer) -> bytes:
    """An email that was delivered a while ago."""
    message_id = IDS.one()
    bed.conn.execute(
        b"INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad,"
        b" amount_micros, first_id, last_id, expires_at) VALUES (%(no)s, %(account)s, 5, 1, 0, %(sender)s, 'x', 1, 1, 0, 0,"
        b" %(id)s, %(id)s, now()) ON CONFLICT DO NOTHING",
        {
            "no": BATCH,
            "account": customer.id,
            "sender": '"Acme, Inc." <noreply@mail.acme.com>',
            "id": uuid.UUID(bytes=message_id),
        },
    )
    bed.conn.execute(
        b"INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
        b" VALUES (%s, %s, %s, 5, %s, 0, 1, 0, 0, 0)",
        (uuid.UUID(bytes=message_id), customer.id, BATCH, ADDRESS),
    )
    bed.conn.execute(
        b"INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)"
        b" VALUES (%s, now() - interval '1 minute', 1, 'c', 1, 1, 0)",
        (uuid.UUID(bytes=message_id),),
    )
    return message_id


@pytest.fixture(scope="module", autouse=True)
def partition(bed: Bed) -> None:
    bed.conn.execute("SELECT partition_ensure('batch', to_timestamp(%s))", (BATCH / 10_000_000,))


def link(bed: Bed, kind: LinkKind, message_id: bytes, extra: str = "") -> str:
    key = hashlib.sha256(f"{TRACKING}\0{bed.sealing_key}".encode()).digest()
    return f"/t/{make_token(key, kind, message_id, extra.encode())}"


def follow(door: Door, target: str, method: str = "GET", agent: str = PHONE, **headers: str) -> Reply:
    return door.call(method, target, None, {"User-Agent": agent, **headers})


def events(bed: Bed, message_id: bytes) -> list[tuple[Any, ...]]:
    return bed.conn.execute(
        b"SELECT kind, url, machine, device_type, device_name FROM mail_event WHERE message_id = %s ORDER BY id",
        (uuid.UUID(bytes=message_id),),
    ).fetchall()


def pushed(bed: Bed, customer: Customer) -> list[dict[str, Any]]:
    """Rows that wait for the customer's endpoint."""
    rows = bed.conn.execute(
        b"SELECT o.body FROM outbox o JOIN endpoint e ON e.id = o.endpoint_id WHERE e.account_id = %s ORDER BY o.seq",
        (customer.id,),
    )
    return [row for (raw,) in rows for row in json.loads(b"[" + raw + b"]")]


def listen(bed: Bed, customer: Customer) -> None:
    seal = Seal((bed.sealing_key,)).seal
    with bed.conn.transaction():
        webhooks.set_endpoint(bed.conn, customer.id, "tracking", "https://acme.example.com/t", seal)


def test_an_open_is_a_pixel_stored_and_pushed_as_the_page_shows(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    listen(bed, customer)
    message_id = make_mail(bed, customer)
    reply = follow(door, link(bed, LinkKind.OPEN, message_id))
    assert (reply.http, reply.headers["content-type"], reply.body[:6]) == (200, "image/gif", b"GIF89a")
    assert "no-store" in reply.headers["cache-control"]
    assert events(bed, message_id) == [(1, "", "", "Phone", "Apple")]
    (row,) = pushed(bed, customer)
    at = row.pop("time")
    assert isinstance(at, int)
    assert list(row) == [
        "mssId", "taskName", "domain", "receive_email", "action_type", "country_name", "city", "device_type", "device_name",
    ]  # fmt: skip
    assert row == {
        "mssId": message_id.hex(), "taskName": str(BATCH), "domain": "mail.acme.com", "receive_email": ADDRESS,
        "action_type": "OPENED", "country_name": "", "city": "", "device_type": "Phone", "device_name": "Apple",
    }  # fmt: skip


def test_a_click_leads_where_it_was_signed_for(bed: Bed, door: Door) -> None:
    message_id = make_mail(bed, bed.customer())
    reply = follow(door, link(bed, LinkKind.CLICK, message_id, TARGET))
    assert (reply.http, reply.headers["location"], reply.body) == (302, TARGET, b"")
    assert events(bed, message_id) == [(2, TARGET, "", "Phone", "Apple")]


def test_a_click_to_a_url_beyond_ascii_leads_there_in_ascii(bed: Bed, door: Door) -> None:
    message_id = make_mail(bed, bed.customer())
    reply = follow(
        door, link(bed, LinkKind.CLICK, message_id, "https://example.com/caf\u00e9?q=\u6d77%20x&y=[1]#\u00fc")
    )
    assert reply.http == 302
    assert reply.headers["location"] == "https://example.com/caf%C3%A9?q=%E6%B5%B7%20x&y=[1]#%C3%BC"


@pytest.mark.parametrize(
    ("agent", "method", "headers", "machine"),
    [
        (PROXY, "GET", {}, "image proxy"),
        ("", "GET", {}, "bot"),
        (PHONE, "HEAD", {}, "head"),
        (PHONE, "GET", {"Sec-Purpose": "prefetch"}, "prefetch"),
    ],
)
def test_machines_are_told_apart(
    bed: Bed, door: Door, agent: str, method: str, headers: dict[str, str], machine: str
) -> None:
    customer = bed.customer()
    message_id = make_mail(bed, customer)
    assert follow(door, link(bed, LinkKind.OPEN, message_id), method, agent, **headers).http == 200
    assert events(bed, message_id) == [(1, "", machine, "", "")]


def test_machines_are_pushed_unless_the_account_drops_them(bed: Bed, door: Door) -> None:
    dropping = bed.special("drops machines")
    for customer, expected in ((bed.customer(), ["OPENED", "OPENED"]), (dropping, ["OPENED"])):
        listen(bed, customer)
        target = link(bed, LinkKind.OPEN, make_mail(bed, customer))
        for agent in (PROXY, PHONE):
            assert follow(door, target, agent=agent).http == 200
        assert [row["action_type"] for row in pushed(bed, customer)] == expected


def test_a_look_at_the_unsubscribe_page_changes_nothing(bed: Bed, door: Door) -> None:
    message_id = make_mail(bed, bed.customer())
    reply = follow(door, link(bed, LinkKind.UNSUBSCRIBE, message_id))
    assert (reply.http, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "退订".encode() in reply.body
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert events(bed, message_id) == []


def test_one_click_unsubscribes_for_this_account(bed: Bed, door: Door) -> None:
    customer, other = bed.special("wants all events"), bed.customer()
    listen(bed, customer)
    target = link(bed, LinkKind.UNSUBSCRIBE, make_mail(bed, customer))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):  # who does it twice is told the same
        reply = door.call("POST", target, "List-Unsubscribe=One-Click", form)
        assert (reply.http, "已退订".encode() in reply.body) == (200, True)
    rows = bed.conn.execute(b"SELECT value, origin FROM blacklist WHERE account_id = %s", (customer.id,)).fetchall()
    assert rows == [(ADDRESS, "unsubscribe")]
    assert {row["action_type"] for row in pushed(bed, customer)} == {"UNSUBSCRIBED"}
    assert bed.one("SELECT count(*) FROM blacklist WHERE account_id = %s", other.id) == 0
    bed.conn.execute("DELETE FROM blacklist")


def test_unsubscribing_is_pushed_only_where_it_is_wanted(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    listen(bed, customer)
    message_id = make_mail(bed, customer)
    assert door.call("POST", link(bed, LinkKind.UNSUBSCRIBE, message_id)).http == 200
    assert pushed(bed, customer) == []
    assert [row[0] for row in events(bed, message_id)] == [3]
    bed.conn.execute("DELETE FROM blacklist")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("token", ["", "x", "A" * 46, "../healthz", "%00", "A" * 8000])
def test_what_nobody_signed_leads_nowhere(bed: Bed, door: Door, method: str, token: str) -> None:
    reply = follow(door, f"/t/{token}", method)
    assert reply.http == 404
    assert "location" not in reply.headers


def test_a_changed_token_leads_nowhere(bed: Bed, door: Door) -> None:
    target = link(bed, LinkKind.CLICK, make_mail(bed, bed.customer()), TARGET)
    assert follow(door, target[:30] + ("A" if target[30] != "A" else "B") + target[31:]).http == 404


def test_a_pixel_takes_no_post(bed: Bed, door: Door) -> None:
    reply = follow(door, link(bed, LinkKind.OPEN, make_mail(bed, bed.customer())), "POST")
    assert (reply.http, reply.headers["allow"]) == (405, "GET, HEAD")


def test_a_message_that_is_gone_still_leads_on(bed: Bed, door: Door) -> None:
    message_id = IDS.one()
    assert follow(door, link(bed, LinkKind.CLICK, message_id, TARGET)).http == 302
    assert events(bed, message_id) == []


def test_settings_of_an_account_reach_its_pushes(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    listen(bed, customer)
    with bed.conn.transaction():
        accounts.set_account(bed.conn, customer.name, extra_events=True)
    target = link(bed, LinkKind.UNSUBSCRIBE, make_mail(bed, customer))

    def is_pushed() -> bool:
        return door.call("POST", target).http == 200 and bool(pushed(bed, customer))

    until_sync(is_pushed, 5)
    bed.conn.execute("DELETE FROM blacklist")


def counted(bed: Bed, message_id: bytes) -> list[tuple[Any, ...]]:
    return bed.conn.execute(
        b"SELECT kind, machine, url, n FROM mail_event_count WHERE message_id = %s ORDER BY kind, machine, url",
        (uuid.UUID(bytes=message_id),),
    ).fetchall()


def test_a_link_that_is_followed_for_ever_writes_few_rows_and_is_counted(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    listen(bed, customer)
    message_id = make_mail(bed, customer)
    pixel, other = link(bed, LinkKind.OPEN, message_id), link(bed, LinkKind.CLICK, message_id, TARGET)
    with ThreadPoolExecutor(8) as many:  # by many at once too
        replies = list(many.map(lambda _: follow(door, pixel), range(3 * EVENTS_LISTED)))
        replies += [follow(door, pixel, agent=PROXY), follow(door, other)]
    assert {reply.http for reply in replies} == {200, 302}
    assert [row[0] for row in events(bed, message_id)] == [1] * EVENTS_LISTED + [2]
    assert counted(bed, message_id) == [(1, False, "", 2 * EVENTS_LISTED), (1, True, "", 1)]
    assert [row["action_type"] for row in pushed(bed, customer)] == ["OPENED"] * EVENTS_LISTED + ["CLICKED"]
    sums = messaging.read_mail_sums(bed.conn, customer.id, BATCH)
    assert sums.people == {ReactionKind.OPENED: 1, ReactionKind.CLICKED: 1}
    assert sums.machines == {ReactionKind.OPENED: 1}, "one that came late is not lost"
    assert sums.events == {ReactionKind.OPENED: 3 * EVENTS_LISTED, ReactionKind.CLICKED: 1}
    assert [(part.name, part.emails) for part in sums.devices] == [("Phone", 1)]
    trace = messaging.trace_message(bed.conn, customer.id, message_id.hex())
    assert trace is not None
    assert [(each.kind, each.times) for each in trace.repeated] == [(ReactionKind.OPENED, 2 * EVENTS_LISTED + 1)]


def test_links_of_one_email_are_counted_apart_up_to_a_bound(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    message_id = make_mail(bed, customer)
    for number in range(EVENTS_LISTED + LINKS_COUNTED + 3):
        assert follow(door, link(bed, LinkKind.CLICK, message_id, f"{TARGET}&n={number}")).http == 302
    assert len(events(bed, message_id)) == EVENTS_LISTED
    rows = counted(bed, message_id)
    assert len(rows) == LINKS_COUNTED + 1
    assert rows[0] == (2, False, "", 3)
    sums = messaging.read_mail_sums(bed.conn, customer.id, BATCH)
    assert sums.events == {ReactionKind.CLICKED: EVENTS_LISTED + LINKS_COUNTED + 3}


def test_to_unsubscribe_always_works_and_writes_few_rows(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    message_id = make_mail(bed, customer)
    target = link(bed, LinkKind.UNSUBSCRIBE, message_id)
    for _ in range(EVENTS_LISTED + 2):
        bed.conn.execute("DELETE FROM blacklist WHERE account_id = %s", (customer.id,))
        assert door.call("POST", target).http == 200
        assert bed.one("SELECT value FROM blacklist WHERE account_id = %s", customer.id) == ADDRESS
    assert len(events(bed, message_id)) == EVENTS_LISTED
    assert counted(bed, message_id) == [(3, False, "", 2)]
    bed.conn.execute("DELETE FROM blacklist")


def test_an_address_over_its_share_is_answered_and_not_stored(bed: Bed, tracker: Door) -> None:
    message_id = make_mail(bed, bed.customer())
    pixel, click = link(bed, LinkKind.OPEN, message_id), link(bed, LinkKind.CLICK, message_id, TARGET)
    near = [f"2001:db8:7:8::{n:x}" for n in range(1, SHARE + 6)]
    for at, address in enumerate(near):
        told = {"X-Forwarded-For": address}
        reply = follow(tracker, click if at % 2 else pixel, **told)
        assert (reply.http, reply.headers.get("location")) == ((302, TARGET) if at % 2 else (200, None))
    assert len(events(bed, message_id)) < len(near)
    assert follow(tracker, pixel, **{"X-Forwarded-For": "2001:db8:7:9::1"}).http == 200
    assert len(events(bed, message_id)) in {SHARE + 1, 2 * SHARE + 1}, (
        "another network has its own; a minute may have ended"
    )
    reply = tracker.call("POST", link(bed, LinkKind.UNSUBSCRIBE, message_id), headers={"X-Forwarded-For": near[0]})
    assert reply.http == 200
    assert bed.one("SELECT count(*) FROM blacklist WHERE value = %s", ADDRESS) == 1
    bed.conn.execute("DELETE FROM blacklist")


@pytest.fixture
def tracker(bed: Bed, tmp_path: Path) -> Iterator[Door]:
    """An API process behind a proxy, with a small share for each address."""
    settings = {"TOCSIN_TRUSTED_PROXIES": "127.0.0.0/8", "TOCSIN_LINK_EVENTS_PER_ADDRESS": str(SHARE)}
    yield from _open(bed, tmp_path, **settings)
