"""`/carrier/NAME/...`: who is heard, what is stored before it is acknowledged, and how a carrier is told that it was not."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.doors.api import Bed, Customer, Door, Reply
from tests.doors.test_fair_lookups import RUNNING, SESSIONS, UPLINK, slow_replies
from tests.poll import until_sync
from tocsin import carriers, routing
from tocsin.kit.ids import Ids
from tocsin.kit.seal import Seal

IDS = Ids()
TOKEN = "a token of this test"
NAME = "caller"
BATCH = 17117048141041791
PHONE = "6281234509876"


@pytest.fixture(scope="module", autouse=True)
def channel_id(bed: Bed, door: Door) -> Iterator[int]:
    """A channel whose carrier calls; every process knows it."""
    bed.conn.execute("SELECT partition_ensure('batch', to_timestamp(%s))", (BATCH / 10_000_000,))
    config = {"url": "http://carrier.example/", "callback_token": TOKEN, "callback_answer": "OK"}
    sealed = carriers.seal_config("http", config, Seal((bed.sealing_key,)).seal)
    assert TOKEN not in str(sealed)
    first = routing.list_channels(bed.conn)[0]
    fields = {name: getattr(first, name) for name in first.__struct_fields__}
    with bed.conn.transaction():
        made = routing.add_channel(
            bed.conn, routing.Channel(**{**fields, "name": NAME, "kind": "http", "config": sealed})
        )
    until_sync(lambda: call(door, b"{").http == 400)
    yield made.id
    assert TOKEN not in door.log


def call(
    door: Door, body: bytes | Any = b"", what: str = "receipt", *, name: str = NAME, token: str = TOKEN, **headers: str
) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Authorization": f"Bearer {token}"} | {key.replace("_", "-"): value for key, value in headers.items()}
    return door.call("POST", f"/carrier/{name}/{what}", content, told)


def hand_over(bed: Bed, customer: Customer, channel_id: int, parts: int = 1) -> tuple[bytes, list[str]]:
    """A message that the carrier took a while ago; its id, and the carrier's ids."""
    message_id = IDS.one()
    bed.conn.execute(
        b"INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad,"
        b" amount_micros, first_id, last_id, expires_at) VALUES (%(no)s, %(account)s, 1, 1, 10007, 'ACME', 'x', 1, 1, 0, 0,"
        b" %(id)s, %(id)s, now()) ON CONFLICT DO NOTHING",
        {"no": BATCH, "account": customer.id, "id": uuid.UUID(bytes=message_id)},
    )
    bed.conn.execute(
        b"INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status,"
        b" reason) VALUES (%s, %s, %s, 1, %s, 10007, %s, %s, 0, 0, 0)",
        (uuid.UUID(bytes=message_id), customer.id, BATCH, PHONE, channel_id, parts),
    )
    names = [f"c-{message_id.hex()}-{part}" for part in range(1, parts + 1)]
    for part, name in enumerate(names, 1):
        bed.conn.execute(
            b"INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)"
            b" VALUES (%s, now() - interval '1 minute', %s, %s, %s, 1, 0)",
            (uuid.UUID(bytes=message_id), channel_id, name, part),
        )
    return message_id, names


def status_of(bed: Bed, message_id: bytes) -> int | None:
    query = "SELECT status FROM report WHERE message_id = %s ORDER BY version DESC LIMIT 1"
    found = bed.one(query, uuid.UUID(bytes=message_id))
    return None if found is None else int(found)


def test_a_receipt_is_stored_before_it_is_acknowledged(bed: Bed, door: Door, channel_id: int) -> None:
    message_id, (name,) = hand_over(bed, bed.customer(), channel_id)
    reply = call(door, {"id": name, "status": "DELIVRD", "to": "+" + PHONE})
    assert (reply.http, reply.body, reply.headers["content-type"]) == (200, b"OK", "text/plain; charset=utf-8")
    assert status_of(bed, message_id) == 1
    assert call(door, {"id": name, "status": "UNDELIV"}).http == 200  # twice does no harm
    assert status_of(bed, message_id) == 1


def test_many_in_one_call(bed: Bed, door: Door, channel_id: int) -> None:
    customer = bed.customer()
    made = [hand_over(bed, customer, channel_id, parts=2) for _ in range(40)]
    rows = [{"id": name, "status": "delivered"} for _, names in made for name in names]
    rows[0]["status"] = "expired"
    assert call(door, rows).http == 200
    assert [status_of(bed, message_id) for message_id, _ in made] == [2] + [1] * 39


def test_by_query_too(bed: Bed, door: Door, channel_id: int) -> None:
    message_id, (name,) = hand_over(bed, bed.customer(), channel_id)
    target = f"/carrier/{NAME}/receipt?token={TOKEN.replace(' ', '+')}&id={name}&status=REJECTD"
    assert door.call("GET", target).http == 200
    assert status_of(bed, message_id) == 2


def test_a_receipt_that_fits_nothing_is_kept(bed: Bed, door: Door, channel_id: int) -> None:
    assert call(door, {"id": "nobody knows", "status": "DELIVRD"}).http == 200
    assert bed.one("SELECT count(*) FROM unmatched_receipt WHERE channel_id = %s", channel_id) == 1


def test_a_reply(bed: Bed, door: Door, channel_id: int) -> None:
    customer = bed.customer()
    message_id, _ = hand_over(bed, customer, channel_id)
    assert call(door, {"from": "+" + PHONE, "to": "ACME", "text": "STOP now"}, "reply").http == 200
    row = bed.conn.execute(
        b"SELECT account_id, channel_id, user_number, service_number, content, uuid_send(message_id) FROM uplink"
        b" WHERE user_number = %s",
        (PHONE,),
    ).fetchone()
    assert row == (customer.id, channel_id, PHONE, "ACME", "STOP now", message_id)


def test_strangers_are_told_nothing(bed: Bed, door: Door, channel_id: int) -> None:
    good = {"id": "x", "status": "DELIVRD"}
    answers = [call(door, good, token="wrong"), call(door, good, name="nowhere"), call(door, good, name="sandbox")]
    assert [answer.http for answer in answers] == [401] * 3
    assert len({answer.body for answer in answers}) == 1


def test_what_is_no_call(door: Door) -> None:
    assert call(door, b"", "receipts").http == 404
    assert call(door, b"", name="a/b").http == 404
    assert door.call("DELETE", f"/carrier/{NAME}/receipt").http == 405
    answer = call(door, b"{")
    assert answer.http == 400
    assert answer.json["message"].startswith("the JSON body cannot be read")
    assert call(door, b" " * (1024 * 1024 + 1)).http == 413


def test_guessing_is_stopped(second: Door) -> None:
    """150 bad signs a minute of a /64 by the settings of this process; who is over is not heard with the right token either."""
    others = (f"198.51.100.{number}" for number in itertools.cycle(range(100)))  # who waits is not counted as one
    until_sync(lambda: call(second, b"{", X_Forwarded_For=next(others)).http == 400)
    for _ in range(2):  # a new minute may begin in the middle
        answers = [call(second, b"{", token="wrong", X_Forwarded_For=f"2001:db8::{n:x}").http for n in range(151)]
        over = call(second, b"{", X_Forwarded_For="2001:db8::ffff")
        if over.http == 429:
            break
    assert answers[0] == 401
    assert over.http == 429
    assert int(over.headers["retry-after"]) <= 60
    assert call(second, b"{").http == 400


def test_what_cannot_be_stored_is_not_acknowledged(bed: Bed, door: Door, channel_id: int) -> None:
    with psycopg.connect(bed.dsn) as conn:
        conn.execute("LOCK TABLE unmatched_receipt")
        answer = call(door, {"id": "waits", "status": "DELIVRD"})
        assert (answer.http, answer.headers["retry-after"]) == (503, "2")
    assert call(door, {"id": "waits", "status": "DELIVRD"}).http == 200


def test_a_receipt_is_stored_while_customers_queries_fill_all_sessions(bed: Bed, door: Door, channel_id: int) -> None:
    message_id, (name,) = hand_over(bed, bed.customer(), channel_id)
    with slow_replies(bed), ThreadPoolExecutor(SESSIONS) as many:
        asked = [many.submit(door.get, bed.customer(), UPLINK) for _ in range(SESSIONS)]
        until_sync(lambda: bed.one(RUNNING) == SESSIONS)
        assert call(door, {"id": name, "status": "DELIVRD"}).http == 200
        assert status_of(bed, message_id) == 1
        assert bed.one(RUNNING) == SESSIONS, "customers still wait"
    assert {each.result().status for each in asked} <= {0, -12}


def test_a_large_body_is_read_as_a_small_one_is(bed: Bed, door: Door, channel_id: int) -> None:
    message_id, (name,) = hand_over(bed, bed.customer(), channel_id)
    row = {"id": name, "status": "DELIVRD", "more": "x" * 9_000}
    assert call(door, row, token="wrong").http == 401
    assert call(door, json.dumps(row).encode()[:-1]).http == 400
    assert status_of(bed, message_id) is None
    assert call(door, row).http == 200
    assert status_of(bed, message_id) == 1


def test_a_url_of_too_many_parameters_is_refused(bed: Bed, door: Door, channel_id: int) -> None:
    message_id, (name,) = hand_over(bed, bed.customer(), channel_id)
    more = "&".join(f"x{number}=1" for number in range(100))
    target = f"/carrier/{NAME}/receipt?token={TOKEN.replace(' ', '+')}&id={name}&status=REJECTD&{more}"
    answer = door.call("GET", target)
    assert (answer.http, answer.json["message"]) == (400, "the URL has more than 100 parameters")
    assert door.call("GET", target.replace("token=", "other=")).http == 401
    assert status_of(bed, message_id) is None
