"""What sends are screened by, through the API: each code, what is charged, and that nothing holds before it is configured."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.doors.api import GOOD, INDONESIA, RUSSIA, Bed, Customer, Door, Reply
from tests.doors.test_sms_fields import bad, good, refused
from tests.poll import until_sync
from tocsin import billing, compliance
from tocsin.compliance import Cap, CapKind, QuietRule

FIRST, SECOND, THIRD = "6281270000001", "6281270000002", "6281270000003"
PRICE = 100_000
HELD = "SELECT count(*) FROM lane_item WHERE account_id = %s AND due > now()"


@pytest.fixture
def guarded(bed: Bed, door: Door) -> Iterator[Customer]:
    """A customer with money; what is configured for everybody is taken away again."""
    yield bed.customer()
    for table in ("blacklist", "opt_out", "sensitive_word", "cap", "quiet_rule"):
        bed.conn.execute(f"DELETE FROM {table}")
    bed.conn.execute("DELETE FROM cap_window")
    word_free = {"content": "casino", "numbers": FIRST}
    until_sync(lambda: door.send(bed.customer(), **word_free).status == 0)


def send(door: Door, customer: Customer, *numbers: str, **fields: Any) -> Reply:
    return door.send(customer, numbers=",".join(numbers), codeId=INDONESIA, **fields)


def spent(bed: Bed, customer: Customer, before: int) -> int:
    return before - bed.wallet(customer)[0]


@pytest.mark.parametrize("own", [True, False])
def test_a_listed_number_is_refused_and_free(bed: Bed, door: Door, guarded: Customer, own: bool) -> None:
    compliance.add_listed(bed.conn, guarded.id if own else compliance.EVERYBODY, FIRST)
    until_sync(lambda: send(door, bed.customer() if not own else guarded, FIRST).status == 5)
    before, waiting = bed.wallet(guarded)[0], bed.lane_messages(guarded)
    reply = send(door, guarded, FIRST, SECOND)
    assert (reply.status, good(reply)) == (0, [SECOND])
    assert bad(reply) == [(FIRST, 5, "Blacklist restriction")]
    assert spent(bed, guarded, before) == PRICE
    assert bed.lane_messages(guarded) == waiting + 1
    if own:
        assert send(door, bed.customer(), FIRST).status == 0, "another account's list"


def test_all_listed_is_the_status_of_the_first_with_data(bed: Bed, door: Door, guarded: Customer) -> None:
    for number in (FIRST, SECOND):
        compliance.add_listed(bed.conn, compliance.EVERYBODY, number)
    until_sync(lambda: send(door, guarded, FIRST, SECOND).status == 5)
    reply = send(door, guarded, FIRST, SECOND)
    assert (reply.data["success"], reply.data["fail"]) == (0, 2)
    assert reply.json["msg"] == "Blacklist restriction"


def test_a_sensitive_word_is_not_echoed(bed: Bed, door: Door, guarded: Customer) -> None:
    compliance.add_word(bed.conn, "casino")
    until_sync(lambda: send(door, guarded, FIRST, content="the casino").status == -3)
    reply = send(door, bed.bystander, FIRST, content="C\uff21SINO now")
    refused(bed, reply, -3, "SMS content contains sensitive characters")
    assert b"casino" not in reply.body.lower()
    assert send(door, bed.bystander, FIRST, senderId="NOBODY", content="casino").status == -3, "words before senders"


def test_a_word_in_the_title_of_an_mms(bed: Bed, door: Door, guarded: Customer) -> None:
    compliance.add_word(bed.conn, "casino")
    fields = {"content": "come", "numbers": FIRST, "codeId": INDONESIA, "title": "the casino"}
    until_sync(lambda: door.post(guarded, fields, path="/api/v1/sms/mssSend").status == -3)
    assert door.post(guarded, fields | {"title": "the opera"}, path="/api/v1/sms/mssSend").status == 0


def test_a_listed_number_without_a_route_is_listed_first_of_all(bed: Bed, door: Door, guarded: Customer) -> None:
    """Also where no number of the request had a route: then it is a refusal already."""
    bare, listed, other = bed.special("bare"), "79161234567", "79161234568"
    compliance.add_listed(bed.conn, bare.id, listed)
    fields = {"codeId": bed.code_id(RUSSIA), "numbers": f"{listed},{other}"}
    until_sync(lambda: door.send(bare, **fields).status == 5)
    reply = door.send(bare, **fields)
    assert [row[:2] for row in bad(reply)] == [(listed, 5), (other, 3)]
    assert door.send(bare, **fields | {"numbers": f"{other},{listed}"}).status == 3, "the status of the first"
    stored = "SELECT count(*) FROM message WHERE batch_no = %s AND status IN (3, 5) AND price_micros = 0"
    assert bed.one(stored, int(reply.data["batchNo"])) == 2


def test_fifty_thousand_numbers_against_lists(bed: Bed, door: Door, guarded: Customer) -> None:
    """Through the helper process, which has a memory of its own."""
    numbers = [str(6281260000000 + n) for n in range(50_000)]
    customer = bed.customer(0)
    for owner, listed in ((compliance.EVERYBODY, numbers[:500]), (customer.id, numbers[49_000:])):
        with bed.conn.transaction():
            compliance.import_listed(bed.conn, owner, listed)
    until_sync(lambda: send(door, customer, *numbers[:500], *numbers[49_000:]).status == 5)
    with bed.conn.transaction():
        billing.recharge(bed.conn, customer.id, 48_500 * PRICE)
    reply = send(door, customer, *numbers)
    assert good(reply) == numbers[500:49_000]
    assert [row[0] for row in bad(reply)] == numbers[:500] + numbers[49_000:]
    assert {row[1] for row in bad(reply)} == {5}
    assert bed.wallet(customer) == (0, 0)
    assert bed.lane_messages(customer) == 48_500
    assert billing.check(bed.conn) == []


def test_an_opt_out_holds_marketing_only(bed: Bed, door: Door, guarded: Customer) -> None:
    compliance.add_opt_out(bed.conn, guarded.id, FIRST)
    until_sync(lambda: send(door, guarded, FIRST, action="MARKETING").status == 5)
    assert send(door, guarded, FIRST, action="VERIFY").status == 0
    assert send(door, bed.customer(), FIRST, action="MARKETING").status == 0


def set_cap(bed: Bed, door: Door, customer: Customer, most: int, kind: CapKind = CapKind.NUMBER) -> None:
    """Cap the customer's sends; returns when it holds, seen by a number of its own."""
    facts = Cap(
        id=0, account_id=customer.id, kind=kind, action=None, country_id=0, most=most, window_s=86_400, digits=7
    )
    compliance.set_cap(bed.conn, facts)
    until_sync(lambda: send(door, customer, FIRST).status == (-10 if kind is CapKind.SPEND else -15))


def test_over_a_cap_is_refused_and_free(bed: Bed, door: Door, guarded: Customer) -> None:
    set_cap(bed, door, guarded, 2)
    before = bed.wallet(guarded)[0]
    for _ in range(2):
        assert send(door, guarded, SECOND).status == 0
    reply = send(door, guarded, SECOND, THIRD)
    assert bad(reply) == [(SECOND, -15, "Request frequency too fast")]
    assert good(reply) == [THIRD]
    assert spent(bed, guarded, before) == 3 * PRICE
    assert send(door, bed.customer(), SECOND).status == 0, "each account is counted for itself"


def test_a_twin_does_not_count_twice(bed: Bed, door: Door, guarded: Customer) -> None:
    set_cap(bed, door, guarded, 2)
    fields = {"numbers": SECOND, "content": "x", "codeId": INDONESIA, "action": "VERIFY"}
    first = door.post(guarded, fields, headers={"Idempotency-Key": "capped"})
    for _ in range(3):
        assert door.post(guarded, fields, headers={"Idempotency-Key": "capped"}).json == first.json
    assert send(door, guarded, SECOND).status == 0
    assert send(door, guarded, SECOND).status == -15


def test_a_twin_in_another_process_hears_the_same(bed: Bed, door: Door, second: Door, guarded: Customer) -> None:
    """The one that comes later finds the cap full, by its own twin: it is answered by that and not refused."""
    set_cap(bed, door, guarded, 1)
    until_sync(lambda: send(second, guarded, FIRST).status == -15)
    for turn in range(8):
        fields = GOOD | {"numbers": str(6281250000000 + turn)}
        with ThreadPoolExecutor(4) as threads:
            asks = [
                threads.submit(door_.post, guarded, fields, headers={"Idempotency-Key": f"twin {turn}"})
                for door_ in (door, second, door, second)
            ]
            bodies = {each.result().body for each in asks}
        assert len(bodies) == 1
        assert b'"status":0' in bodies.pop()


def test_a_twin_in_another_process_is_waited_for_before_anything_is_taken_out_of_a_cap(
    bed: Bed, door: Door, guarded: Customer
) -> None:
    set_cap(bed, door, guarded, 1)
    claim = "INSERT INTO cap_window VALUES (%s, 0, 'twin', 0, %s, 7)"
    bed.conn.execute(claim.encode(), (guarded.id, int(time.time()) + 60))
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(door.post, guarded, GOOD, headers={"Idempotency-Key": "twin"})
        assert [send(door, guarded, SECOND).status for _ in range(4)] == [0, -15, -15, -15]
        assert not asked.done()
        bed.conn.execute(b"DELETE FROM cap_window WHERE cap_id = 0 AND given = 7")
        assert asked.result().status == 0
    assert bed.one("SELECT count(*) FROM cap_window WHERE cap_id = 0 AND account_id = %s", guarded.id) == 0


def test_what_cannot_be_paid_takes_nothing_out_of_a_cap(bed: Bed, door: Door, guarded: Customer) -> None:
    set_cap(bed, door, guarded, 2)
    poor = bed.wallet(guarded)[0]
    bed.conn.execute("UPDATE wallet SET balance_micros = balance_micros - %s WHERE account_id = %s", (poor, guarded.id))
    try:
        for _ in range(5):
            assert send(door, guarded, SECOND, THIRD).status == -10
    finally:
        restore = "UPDATE wallet SET balance_micros = balance_micros + %s WHERE account_id = %s"
        bed.conn.execute(restore, (poor, guarded.id))
    until_sync(lambda: send(door, guarded, SECOND, THIRD).status == 0)
    assert send(door, guarded, SECOND, THIRD).status == 0
    assert send(door, guarded, SECOND, THIRD).status == -15


def test_the_spend_of_a_day_stops_the_request(bed: Bed, door: Door, guarded: Customer) -> None:
    set_cap(bed, door, guarded, 3 * PRICE, CapKind.SPEND)
    before = bed.wallet(guarded)[0]
    reply = send(door, guarded, SECOND)
    assert (reply.status, "data" in reply.json) == (-10, False)
    assert spent(bed, guarded, before) == 0


def test_marketing_waits_for_the_end_of_the_quiet_hours(bed: Bed, door: Door, guarded: Customer) -> None:
    there = datetime.now(ZoneInfo("Asia/Jakarta"))
    minute = there.hour * 60 + there.minute
    rule = QuietRule(
        account_id=guarded.id, country_id=0, start_minute=(minute - 60) % 1440, end_minute=(minute + 120) % 1440
    )
    compliance.set_quiet(bed.conn, rule)
    until_sync(lambda: send(door, guarded, FIRST, action="MARKETING") and bed.one(HELD, guarded.id) > 0)
    before = bed.one(HELD, guarded.id)
    assert send(door, guarded, SECOND, action="VERIFY").status == 0
    assert bed.one(HELD, guarded.id) == before
    wait = "SELECT extract(epoch FROM max(due) - now())::integer FROM lane_item WHERE account_id = %s"
    assert 118 * 60 < bed.one(wait, guarded.id) <= 120 * 60
