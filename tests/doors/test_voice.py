"""Voice notices and codes: their fields and codes; the minutes that are reserved."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.doors.api import CHINA, Bed, Customer, Door, Reply
from tests.poll import until_sync

NOTICE, CODE = "/api/v1/vos/notice", "/api/v1/vos/otp"
CALL = {"content": "test", "numbers": "13611111111", "codeId": "10007"}
LONGEST_MINUTES = 10


def send(door: Door, customer: Customer, path: str = NOTICE, /, **fields: Any) -> Reply:
    body = {name: value for name, value in (CALL | fields).items() if value is not None}
    return door.post(customer, body, path=path)


def said(bed: Bed, reply: Reply) -> str:
    return str(bed.one("SELECT content FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])))


@pytest.mark.parametrize(("path", "product", "priority"), [(NOTICE, 3, 1), (CODE, 4, 0)])
def test_one_reserves_the_longest_call(bed: Bed, door: Door, path: str, product: int, priority: int) -> None:
    customer = bed.customer()
    before = bed.wallet(customer)[0]
    reply = send(door, customer, path)
    assert reply.status == 0
    ((phone, message_id),) = reply.data["array"]
    assert phone == "6213611111111"
    row = "SELECT ARRAY[product, parts, reserved, price_micros] FROM message WHERE id = %s"
    found = bed.one(row, message_id)
    price = found[3]
    assert found[:3] == [product, 1, LONGEST_MINUTES]
    assert before - bed.wallet(customer)[0] == price > 0
    unit = "SELECT price_micros FROM price WHERE product = %s AND country_id IS NULL LIMIT 1"
    assert price == LONGEST_MINUTES * bed.one(unit, product)
    assert bed.one("SELECT priority FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])) == priority


def test_money_for_one_call_too_few(bed: Bed, door: Door) -> None:
    unit = bed.one("SELECT price_micros FROM price WHERE product = 3 AND country_id IS NULL LIMIT 1")
    customer = bed.customer(balance=2 * LONGEST_MINUTES * unit - 1)
    assert send(door, customer, numbers="81234567801,81234567802").status == -10
    assert send(door, customer).status == 0


def test_a_notice_has_both_spellings_of_its_batch(bed: Bed, door: Door) -> None:
    data = send(door, bed.customer()).data
    assert data["barchNo"] == data["batchNo"]
    assert list(data) == ["success", "fail", "barchNo", "batchNo", "array", "failData"]
    data = send(door, bed.customer(), CODE).data
    assert list(data) == ["success", "fail", "batchNo", "array", "failData"]


def test_a_code_goes_to_one_number(bed: Bed, door: Door) -> None:
    assert send(door, bed.customer(), CODE, numbers="81234567801,81234567802").status == -7
    assert send(door, bed.customer(), numbers="81234567801,81234567802").data["success"] == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("4821", "Kode verifikasi Anda adalah empat, delapan, dua, satu. Saya ulangi: empat, delapan, dua, satu."),
        ("12", "12"),
        ("12345678901", "12345678901"),
        ("Your code is 4821", "Your code is 4821"),
    ],
)
def test_digits_are_read_one_by_one_and_twice(bed: Bed, door: Door, content: str, expected: str) -> None:
    customer = bed.customer()
    assert said(bed, send(door, customer, CODE, content=content)) == expected
    assert said(bed, send(door, customer, content=content)) == content


def test_the_page_sends_a_code_to_china_without_a_template(bed: Bed, door: Door) -> None:
    reply = send(door, bed.customer(), CODE, numbers="15012345678", codeId=CHINA)
    assert reply.status == 0


def test_a_fixed_line_is_reached(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    assert send(door, customer, numbers="+622150996000").status == 0
    assert door.post(customer, CALL | {"numbers": "+622150996000", "action": "VERIFY"}).status == -9


@pytest.mark.parametrize("path", [NOTICE, CODE])
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"numbers": None}, -8),
        ({"codeId": None}, -18),
        ({"codeId": "1"}, -19),
        ({"sendTime": "tomorrow"}, -11),
        ({"sendTime": "2020-01-01 00:00:00"}, -16),
        ({"content": None, "templateId": "2147483647"}, -17),
        ({"content": None}, -4),
        ({"content": " \n"}, -4),
        ({"content": "x" * 1025}, -5),
        ({"content": "a\x00b"}, -12),
        ({"showPhone": "02150996000"}, -12),
        ({"routing": "nowhere"}, 3),
        ({"numbers": "123"}, -9),
        ({"numbers": "+8613800138000"}, 4),
    ],
)
def test_codes(bed: Bed, door: Door, path: str, fields: dict[str, Any], status: int) -> None:
    assert send(door, bed.customer(), path, **fields).status == status


def test_a_shown_number_is_granted(bed: Bed, door: Door) -> None:
    customer = bed.special("shown")
    reply = send(door, customer, showPhone="622150996000")
    assert reply.status == 0
    stored = bed.one("SELECT sender FROM batch WHERE batch_no = %s", int(reply.data["batchNo"]))
    assert stored == "622150996000"
    assert "showPhone" in send(door, customer, showPhone="622150996001").json["msg"]


@pytest.mark.parametrize("path", [NOTICE, CODE])
def test_it_is_no_get(bed: Bed, door: Door, path: str) -> None:
    reply = door.get(bed.customer(), path, CALL)
    assert (reply.http, reply.headers["allow"]) == (405, "POST")


def test_what_is_not_reached_costs_nothing(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    before = bed.wallet(customer)[0]
    reply = send(door, customer, numbers="81234567801,123")
    assert (reply.data["success"], reply.data["fail"]) == (1, 1)
    unit = bed.one("SELECT price_micros FROM price WHERE product = 3 AND country_id IS NULL LIMIT 1")
    assert before - bed.wallet(customer)[0] == LONGEST_MINUTES * unit
    bad = reply.data["failData"][0]["messageId"]
    assert bed.one("SELECT ARRAY[reserved, price_micros] FROM message WHERE id = %s", bad) == [0, 0]


def test_a_template_is_filled(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = send(door, customer, content=None, templateId=bed.templates["voice"], templateParams=["7"])
    assert said(bed, reply) == "table 7 is ready"
    reply = send(door, customer, CODE, content=None, templateId=bed.templates["spoken code"], templateParams=["482"])
    assert said(bed, reply) == "code 482"
    assert send(door, customer, templateId=bed.templates["voice"]).status == -6, "a value is missing"
    assert send(door, customer, templateId=bed.templates["plain"]).status == -17, "it is of SMS"


@pytest.mark.parametrize("path", [NOTICE, CODE])
def test_a_scheduled_call_waits_and_is_given_back(bed: Bed, door: Door, path: str) -> None:
    customer = bed.customer()
    before = bed.wallet(customer)
    reply = send(door, customer, path, sendTime=str(int(time.time()) + 3600))
    assert (reply.status, bed.lane_messages(customer)) == (0, 0)
    assert bed.wallet(customer) < before
    batch = {"batchNo": reply.data["batchNo"]}
    assert door.post(customer, batch, path="/api/v1/schedules/cancel").status == 0
    until_sync(lambda: bed.wallet(customer) == before, 10)
