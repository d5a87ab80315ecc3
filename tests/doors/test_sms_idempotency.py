"""Idempotency-Key: a try that comes again sends nothing and hears the same."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.doors.api import GOOD, PRICE_MICROS, SEND, Bed, Customer, Door, Reply
from tests.poll import until_sync
from tocsin import billing

MIXED = GOOD | {"numbers": "81234567801,1,81234567801,81234567802,+8613611111111"}


def put(door: Door, customer: Customer, key: str, fields: dict[str, Any] | str = GOOD, **more: Any) -> Reply:
    return door.post(customer, fields, headers={"Idempotency-Key": key}, **more)


def assert_once(bed: Bed, customer: Customer, messages: int = 1) -> None:
    assert bed.messages(customer) == bed.lane_messages(customer) == messages
    assert bed.charges(customer) == 1


def test_the_same_key_and_body_sends_once(bed: Bed, door: Door, second: Door) -> None:
    customer = bed.customer()
    first = put(door, customer, "a", MIXED)
    assert (first.data["success"], first.data["fail"]) == (2, 3)
    for each in (door, second):
        again = put(each, customer, "a", MIXED)
        assert again.body == first.body
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert_once(bed, customer, 2)


def test_what_changes_with_each_try_is_not_the_body(bed: Bed, door: Door) -> None:
    """Sign and clock, the order of fields, blanks in JSON, a multipart boundary, JSON or form, body or URL."""
    customer = bed.customer()
    first = put(door, customer, "a").body
    form = "application/x-www-form-urlencoded"
    parts = "".join(
        f'--zz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in GOOD.items()
    )
    assert put(door, customer, "a", dict(reversed(GOOD.items()))).body == first
    assert put(door, customer, "a", json.dumps(GOOD, indent=4)).body == first
    assert put(door, customer, "a", urlencode(GOOD), kind=form).body == first
    assert put(door, customer, "a", parts + "--zz--\r\n", kind="multipart/form-data; boundary=zz").body == first
    assert put(door, customer, "a", "", query=GOOD).body == first
    older = door.call(
        "POST", f"{SEND}?{urlencode(customer.sign(1) | customer.sign())}", json.dumps(GOOD), {"Idempotency-Key": "a"}
    )
    assert older.body == first
    assert_once(bed, customer)


def test_another_body_is_refused(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    put(door, customer, "a")
    for other in ({"content": "other"}, {"numbers": "81234567802"}, {"senderId": "x"}, {"numbers": ""}):
        reply = put(door, customer, "a", GOOD | other)
        assert reply.status == -12  # before any check of the body
        assert "Idempotency-Key" in reply.json["msg"]
        assert "retry-after" not in reply.headers
    assert_once(bed, customer)


def test_keys_are_of_an_account(bed: Bed, door: Door) -> None:
    customers = [bed.customer(), bed.customer()]
    assert len({put(door, customer, "a").data["batchNo"] for customer in customers}) == 2
    assert put(door, customers[0], "b").status == 0
    assert bed.messages(customers[0]) == 2


def test_a_refused_send_may_be_tried_again(bed: Bed, door: Door) -> None:
    customer = bed.customer(0)
    assert put(door, customer, "a").status == -10
    assert put(door, customer, "a", GOOD | {"numbers": "1"}).status == -9
    assert put(door, customer, "a", GOOD | {"content": ""}).status == -4
    with bed.conn.transaction():
        billing.recharge(bed.conn, customer.id, PRICE_MICROS)
    assert put(door, customer, "a").status == 0
    assert_once(bed, customer)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "x" * 5000, "cl\u00e9"])
def test_a_key_that_is_none(bed: Bed, door: Door, key: str) -> None:
    reply = put(door, bed.bystander, key)
    assert reply.status == -12
    assert "Idempotency-Key" in reply.json["msg"]
    bed.assert_untouched()


@pytest.mark.parametrize("key", ["x" * 255, "0123-4567-{}'\"\\, \t"])
def test_a_key_of_any_characters(bed: Bed, door: Door, key: str) -> None:
    customer = bed.customer()
    first = put(door, customer, key)
    assert first.status == 0
    assert put(door, customer, key).body == first.body
    assert_once(bed, customer)


def at_once(doors: list[Door], asks: list[tuple[Customer, str, dict[str, Any]]]) -> list[list[Reply]]:
    """Each ask by all doors at the same time; the replies by ask."""
    with ThreadPoolExecutor(len(doors)) as threads:
        return [list(threads.map(lambda door, ask=ask: put(door, *ask), doors)) for ask in asks]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("count", [1, 700])  # 700: read by the helper process
def test_twins_at_once(bed: Bed, door: Door, second: Door, processes: int, count: int) -> None:
    customer = bed.customer(5 * count * PRICE_MICROS)
    doors = [door, door, door, door] if processes == 1 else [door, second, door, second]
    fields = GOOD | {"numbers": ",".join(str(81234560000 + n) for n in range(count))}
    for replies in at_once(doors, [(customer, f"key {n}", fields) for n in range(5)]):
        assert {reply.status for reply in replies} == {0}
        assert len({reply.body for reply in replies}) == 1
    assert bed.messages(customer) == 5 * count
    assert bed.charges(customer) == 5
    assert bed.wallet(customer) == (0, 0)


def test_twins_at_once_with_different_bodies(bed: Bed, door: Door, second: Door) -> None:
    customer = bed.customer()
    bodies = [GOOD | {"content": content} for content in ("one", "two")] * 2
    for number in range(5):
        with ThreadPoolExecutor(4) as threads:
            replies = list(
                threads.map(
                    lambda each, fields, key=f"key {number}": put(each, customer, key, fields),
                    [door, second, second, door],
                    bodies,
                )
            )
        assert sorted(reply.status for reply in replies) == [-12, -12, 0, 0]
        good = {reply.body for reply in replies if reply.status == 0}
        assert len(good) == 1
    assert bed.charges(customer) == 5


def test_twins_that_are_both_refused_hear_why(bed: Bed, door: Door, second: Door) -> None:
    customer = bed.customer(0)
    for replies in at_once([door, second] * 3, [(customer, f"key {n}", GOOD) for n in range(5)]):
        assert [reply.status for reply in replies] == [-10] * 6
    bed.assert_untouched(customer, (0, 0))


def test_a_twin_goes_on_where_the_first_was_refused(bed: Bed, door: Door) -> None:
    """The first is played by a transaction that holds the key and is rolled back, as a refused group is."""
    customer = bed.customer()
    looked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
    with psycopg.connect(bed.dsn) as first, ThreadPoolExecutor(1) as threads:
        first.execute(b"SELECT pg_advisory_xact_lock(hashtextextended('held', %s))", (customer.id,))
        twin = threads.submit(put, door, customer, "held")
        until_sync(lambda: bed.one(looked, "%pg_try_advisory_xact_lock_shared(%"), 10)
        assert not twin.done()
        first.rollback()
        reply = twin.result(10)
    assert reply.status == 0
    assert_once(bed, customer)


def test_a_key_is_forgotten_after_its_time(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    first = put(door, customer, "a")
    bed.conn.execute(
        b"UPDATE idempotency SET created_at = created_at - interval '24 hours 1 second' WHERE account_id = %s",
        (customer.id,),
    )
    again = put(door, customer, "a")
    assert again.status == 0
    assert again.data["batchNo"] != first.data["batchNo"]
    assert put(door, customer, "a").body == again.body


def test_a_get_may_have_a_key_too(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    bodies = {
        door.call("GET", f"{SEND}?{urlencode(customer.sign() | GOOD)}", headers={"Idempotency-Key": "a"}).body
        for _ in range(2)
    }
    assert len(bodies) == 1
    assert_once(bed, customer)


def test_the_reply_is_built_in_the_language_of_the_account(bed: Bed, door: Door) -> None:
    customer = bed.special("zh")
    first = put(door, customer, "a", MIXED)
    assert first.data["failData"][1]["message"].startswith("号码异常")
    assert put(door, customer, "a", MIXED).body == first.body
