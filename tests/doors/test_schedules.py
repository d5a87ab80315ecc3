"""Scheduled sends at the door: accepted and charged now, listed, cancelled with their money back; and the zones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.doors.api import GOOD, INDONESIA, PRICE_MICROS, REPORT, UNTOUCHED, Bed, Customer, Door, Reply
from tests.poll import until_sync
from tocsin import billing

SCHEDULES, CANCEL, ZONES = "/api/v1/schedules", "/api/v1/schedules/cancel", "/api/v1/timezones"
HOUR = 3600
EAST_7, EAST_8 = timezone(timedelta(hours=7)), timezone(timedelta(hours=8))


def later(wait_s: int = HOUR, zone: timezone = EAST_8, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    return f"{datetime.now(zone) + timedelta(seconds=wait_s):{form}}"


def scheduled(bed: Bed, customer: Customer) -> int:
    query = "SELECT coalesce(sum(cardinality(ids)), 0)::integer FROM schedule WHERE account_id = %s"
    return int(bed.one(query, customer.id))


def due(bed: Bed, reply: Reply) -> float:
    query = "SELECT extract(epoch FROM due)::float8 FROM schedule WHERE batch_no = %s"
    return float(bed.one(query, int(reply.data["batchNo"])))


def listed(door: Door, customer: Customer, count: int, **query: str) -> Any:
    """A row shows up when no older transaction is open, of whatever database of the server."""
    return until_sync(lambda: d if len((d := door.get(customer, SCHEDULES, query).data)["array"]) == count else None)


def cancel(door: Door, customer: Customer, batch_no: object) -> Reply:
    return door.post(customer, {"batchNo": batch_no}, path=CANCEL)


def test_a_scheduled_send_is_charged_now_and_waits(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.send(customer, numbers="81234567801,81234567802,1", sendTime=later(), timeZone="UTC+8")
    assert (reply.status, reply.data["success"], reply.data["fail"]) == (0, 2, 1)
    assert (scheduled(bed, customer), bed.lane_messages(customer)) == (2, 0)
    assert bed.wallet(customer)[0] == UNTOUCHED[0] - 2 * PRICE_MICROS
    assert due(bed, reply) == pytest.approx(time.time() + HOUR, abs=60)
    report = door.get(customer, REPORT, {"batchNo": reply.data["batchNo"]}).data
    assert (report["unsent"], report["sending"], report["fail"]) == (2, 0, 1)
    assert report["array"][0][3:5] == [0, "sending"]
    assert bed.one(
        "SELECT due_at = (SELECT min(due) FROM schedule s WHERE s.batch_no = b.batch_no) FROM batch b"
        " WHERE batch_no = %s",
        int(reply.data["batchNo"]),
    )
    validity = "SELECT extract(epoch FROM expires_at)::float8 FROM batch WHERE batch_no = %s"
    assert bed.one(validity, int(reply.data["batchNo"])) == pytest.approx(due(bed, reply) + 172_800, abs=1)


@pytest.mark.parametrize(
    ("write", "zone"),
    [
        (later, None),
        (later, ""),
        (lambda: later(zone=EAST_7), "UTC+7"),
        (lambda: later(zone=EAST_7), "UTC 7"),
        (lambda: later(zone=EAST_7, form="%Y%m%d%H%M%S"), "Asia/Jakarta"),
        (lambda: later(zone=EAST_7), "asia/jakarta"),
        (lambda: later(zone=timezone.utc), "UTC"),  # noqa: UP017
        (lambda: later(zone=timezone(timedelta(hours=5, minutes=45))), "UTC+5:45"),
        (lambda: str(int(time.time()) + HOUR), "UTC-8"),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("method", ["GET", "POST", "form"])
def test_the_forms_of_a_time(bed: Bed, door: Door, write: Callable[[], str], zone: str | None, method: str) -> None:
    customer = bed.special("secret")
    fields = {**GOOD, "sendTime": write()} | ({} if zone is None else {"timeZone": zone})
    if method == "GET":
        reply = door.get(customer, query=fields)
    elif method == "POST":
        reply = door.post(customer, fields)
    else:  # a `+` that nobody escaped
        body = "&".join(f"{name}={value}" for name, value in fields.items())
        reply = door.post(customer, body, kind="application/x-www-form-urlencoded")
    assert reply.status == 0
    assert due(bed, reply) == pytest.approx(time.time() + HOUR, abs=120)


def test_a_time_in_the_url_and_a_number_in_json(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    at = int(time.time()) + HOUR
    assert due(bed, door.send(customer, sendTime=at)) == at
    reply = door.post(customer, GOOD, query={"sendTime": later(zone=EAST_7), "timeZone": "UTC+7"})
    assert due(bed, reply) == pytest.approx(at, abs=120)


@pytest.mark.parametrize(
    ("write", "zone", "status"),
    [
        (lambda: "tomorrow", None, -11),
        (lambda: "2026-02-30 00:00:00", None, -11),
        (lambda: "   ", None, -11),
        (later, "UTC+99", -11),
        (lambda: int(time.time()) + HOUR, "Mars/Base", -11),
        (later, "UTC+8\x00", -11),
        (lambda: int(time.time()) - 600, None, -16),
        (lambda: int(time.time()) + 31 * 86_400, None, -16),
        (lambda: later(zone=timezone.utc), None, -16),  # noqa: UP017  eight hours ago in UTC+8
    ],
    ids=range(9),
)
def test_refused_times(bed: Bed, door: Door, write: Callable[[], Any], zone: str | None, status: int) -> None:
    fields = {"sendTime": write()} | ({} if zone is None else {"timeZone": zone})
    assert door.send(bed.bystander, **fields).status == status
    assert door.get(bed.bystander, query=GOOD | {k: str(v) for k, v in fields.items()}).status == status
    bed.assert_untouched()
    assert scheduled(bed, bed.bystander) == 0


def test_a_time_that_is_a_little_past_goes_at_once(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    assert door.send(customer, sendTime=int(time.time()) - 5).status == 0
    assert (scheduled(bed, customer), bed.lane_messages(customer)) == (0, 1)


def test_a_poor_account_schedules_nothing(bed: Bed, door: Door) -> None:
    assert door.send(bed.empty, sendTime=later()).status == -10
    assert scheduled(bed, bed.empty) == 0


def test_many_numbers_and_a_repeated_request(bed: Bed, door: Door) -> None:
    """Over 8 KB: checked in the helper process. The same key again schedules nothing more."""
    customer = bed.customer(balance=10**9)
    numbers = ",".join(f"8123{n:07}" for n in range(1200))
    body = {**GOOD, "numbers": numbers, "sendTime": later(), "timeZone": "UTC+8"}
    first = door.post(customer, body, headers={"Idempotency-Key": "one"})
    again = door.post(customer, body, headers={"Idempotency-Key": "one"})
    assert first.data == again.data
    assert first.data["success"] == 1200
    assert scheduled(bed, customer) == 1200
    assert bed.wallet(customer)[0] == 10**9 - 1200 * PRICE_MICROS
    largest = "SELECT max(cardinality(ids)) FROM schedule WHERE account_id = %s"
    assert bed.one(largest, customer.id) == 50
    assert cancel(door, customer, first.data["batchNo"]).data["cancelled"] == 1200
    assert bed.wallet(customer)[0] == 10**9
    assert billing.check(bed.conn) == []


def test_mms_waits_too(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.post(
        customer,
        {"numbers": "81234567801", "content": "hi", "title": "t", "codeId": INDONESIA, "sendTime": later()},
        path="/api/v1/sms/mssSend",
    )
    assert reply.status == 0
    assert scheduled(bed, customer) == 1
    assert listed(door, customer, 1)["array"][0]["product"] == "mms"


def test_the_list_and_its_pages(bed: Bed, door: Door) -> None:
    customer, other = bed.customer(), bed.customer()
    at = int(time.time()) + HOUR
    sent = [door.send(customer, sendTime=at + n, timeZone="Asia/Jakarta").data["batchNo"] for n in range(3)]
    plain = door.send(customer, numbers="81234567801,81234567802", sendTime=at).data["batchNo"]
    door.send(other, sendTime=at)
    door.send(customer)
    data = listed(door, customer, 4)
    assert data["next"] is None
    row = data["array"][0]
    assert (row.pop("acceptTime") - time.time()) == pytest.approx(0, abs=120)
    assert row == {
        "batchNo": sent[0], "sendTime": at, "timeZone": "Asia/Jakarta", "product": "sms", "count": 1, "amount": "0.1",
    }  # fmt: skip
    assert [each["batchNo"] for each in data["array"]] == [*sent, plain]
    assert (data["array"][3]["timeZone"], data["array"][3]["count"], data["array"][3]["amount"]) == ("UTC+8", 2, "0.2")
    page = listed(door, customer, 3, limit="3")
    rest = door.get(customer, SCHEDULES, {"cursor": page["next"]}).data
    assert ([each["batchNo"] for each in rest["array"]], rest["next"]) == ([plain], None)
    assert len(listed(door, other, 1)["array"]) == 1
    for query in ({"cursor": "x"}, {"cursor": "eA=="}, {"limit": "0"}, {"limit": "1001"}):
        assert door.get(customer, SCHEDULES, query).status == -14


def test_a_page_ends_below_the_oldest_open_transaction(bed: Bed, door: Door) -> None:
    import psycopg

    customer = bed.customer()
    with psycopg.connect(bed.dsn) as slow:
        slow.execute("SELECT pg_current_xact_id()")
        door.send(customer, sendTime=later())
        assert door.get(customer, SCHEDULES).data["array"] == []
    assert listed(door, customer, 1)


def test_cancel_ends_refunds_and_pushes(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.send(customer, numbers="81234567801,81234567802", sendTime=later())
    batch_no = reply.data["batchNo"]
    done = cancel(door, customer, batch_no)
    assert (done.status, done.data) == (0, {"batchNo": batch_no, "cancelled": 2, "amount": "0.2"})
    assert bed.wallet(customer) == UNTOUCHED
    assert billing.check(bed.conn) == []
    report = door.get(customer, REPORT, {"batchNo": batch_no}).data
    assert (report["fail"], report["unsent"]) == (2, 0)
    assert {(row[3], row[4], row[7]) for row in report["array"]} == {(2, "cancelled", "0")}
    assert (scheduled(bed, customer), bed.lane_messages(customer)) == (0, 0)
    assert door.get(customer, SCHEDULES).data["array"] == []
    assert cancel(door, customer, batch_no).status == -14
    assert bed.wallet(customer) == UNTOUCHED


def test_cancel_gives_the_gift_back_to_its_pot(bed: Bed, door: Door) -> None:
    customer = bed.customer(balance=PRICE_MICROS, gift=PRICE_MICROS)
    reply = door.send(customer, numbers="81234567801,81234567802", sendTime=later())
    assert bed.wallet(customer) == (0, 0)
    assert cancel(door, customer, int(reply.data["batchNo"])).data["cancelled"] == 2  # a JSON number is taken
    assert bed.wallet(customer) == (PRICE_MICROS, PRICE_MICROS)
    assert billing.check(bed.conn) == []


def test_what_cannot_be_cancelled(bed: Bed, door: Door) -> None:
    customer, stranger = bed.customer(), bed.customer()
    batch_no = door.send(customer, sendTime=later()).data["batchNo"]
    sent = door.send(customer).data["batchNo"]
    assert cancel(door, stranger, batch_no).status == -14
    assert cancel(door, customer, sent).status == -14
    for wrong in (None, "", "x", "17585983563000000", "9" * 18, "9" * 19, "-1", "1.5"):
        assert cancel(door, customer, wrong).status == -14
    assert cancel(door, customer, {"a": 1}).status == -12
    assert scheduled(bed, customer) == 1
    assert bed.wallet(stranger) == UNTOUCHED
    assert door.get(customer, CANCEL, {"batchNo": batch_no}).http == 405
    assert door.post(customer, {}, path=CANCEL, query={"batchNo": batch_no}).status == 0  # in the URL it counts


def test_the_zones(bed: Bed, door: Door) -> None:
    data = json.loads(door.get(bed.bystander, ZONES).body)["data"]
    assert (len(data["array"]), data["next"]) == (38, None)
    by_label = {row["label"]: row for row in data["array"]}
    assert by_label["UTC+8"]["offsetMinutes"] == 480
    assert by_label["UTC-3:30"]["offsetMinutes"] == -210
    assert by_label["UTC+8"]["places"]
    assert all(isinstance(place, str) for row in data["array"] for place in row["places"])
