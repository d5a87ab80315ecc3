"""What a customer's server receives: against the examples of the API page, signatures, delays, merging, halving."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.traffic import Reason
from tocsin.webhooks import ReportFacts, body, fee_text, report_row, shape, time_text, uplink_body
from tocsin.webhooks.health import Failure, Health
from tocsin.webhooks.merge import plan_merge
from tocsin.webhooks.model import Push
from tocsin.webhooks.rows import split_rows
from tocsin.webhooks.rules import asked_wait_s, retry_delay_s
from tocsin.webhooks.sign import key_of, new_secret, sign

FIRST = bytes.fromhex("48d5112288668ebb049dbb9034402910")
SECOND = bytes.fromhex("c11d34242000e541f63fbdef3e36b1db")
T1650, T1651 = 1681203001, 1681203081  # 2023-04-11T16:50:01+08:00 and 16:51:21

SMS = """{
    "type": "sms",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910", "8613611111111", "2023-04-11T16:50:01+08:00", 1, "success",
         "16844873111045857", "1", "0.1"],
        ["c11d34242000e541f63fbdef3e36b1db", "8613722222222", "2023-04-11T16:51:21+08:00", -9, "number error",
         "16844873111045857", "1", "0.1"]
    ]
}"""
VOS = """{
    "type": "vos",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910", "8613611111111", "2023-04-11T16:50:01+08:00", 1, "success",
         "16844873111045857"],
        ["c11d34242000e541f63fbdef3e36b1db", "8613722222222", "2023-04-11T16:50:01+08:00", 1, "success",
         "16844873111045857"]
    ]
}"""
MAIL = """{
    "type": "mail",
    "cnt": 2,
    "array": [
        ["48d5112288668ebb049dbb9034402910", "123@email.com", "2023-04-11T16:50:01+08:00", 1, "success",
         "16844873111045857"],
        ["c11d34242000e541f63fbdef3e36b1db", "456@email.com", "2023-04-11T16:50:01+08:00", -9, "email error",
         "16844873111045857"]
    ]
}"""


def facts(message_id: bytes, phone: str, at_s: int, reason: Reason) -> ReportFacts:
    return ReportFacts(message_id, phone, at_s, reason, 16844873111045857, 1, 100_000)


@pytest.mark.parametrize(
    ("kind", "pair", "page"),
    [
        (
            "sms",
            [
                facts(FIRST, "8613611111111", T1650, Reason.SUCCESS),
                facts(SECOND, "8613722222222", T1651, Reason.NUMBER_ERROR),
            ],
            SMS,
        ),
        (
            "vos",
            [
                facts(FIRST, "8613611111111", T1650, Reason.SUCCESS),
                facts(SECOND, "8613722222222", T1650, Reason.SUCCESS),
            ],
            VOS,
        ),
        (
            "mail",
            [
                facts(FIRST, "123@email.com", T1650, Reason.SUCCESS),
                facts(SECOND, "456@email.com", T1650, Reason.NUMBER_ERROR),
            ],
            MAIL,
        ),
    ],
)
def test_reports_are_as_the_page_prints_them(kind: str, pair: list[ReportFacts], page: str) -> None:
    made = body(kind, 2, b",".join(report_row(each, shape(kind)) for each in pair))
    assert made.decode() == json.dumps(json.loads(page), separators=(",", ":"))  # order of keys and fields too


def test_eight_fields_everywhere_where_the_account_says_so() -> None:
    fact = facts(FIRST, "8613611111111", T1650, Reason.SUCCESS)
    assert len(json.loads(report_row(fact, shape("vos")))) == 6
    assert len(json.loads(report_row(fact, shape("vos", eight_fields=True)))) == 8
    assert len(json.loads(report_row(fact, shape("mms")))) == 8


@given(st.text(max_size=64).filter(lambda text: not any(0xD800 <= ord(c) <= 0xDFFF for c in text)))
def test_any_address_makes_a_row(address: str) -> None:
    row = json.loads(report_row(facts(FIRST, address, T1650, Reason.SUCCESS), shape("sms")))
    assert row[1] == address


def test_every_reason_has_its_status_and_text() -> None:
    for reason in Reason:
        row = json.loads(report_row(facts(FIRST, "1", T1650, reason), shape("sms")))
        assert row[3:5] == [reason.end.status, reason.end.phrase]


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0"),
        (100_000, "0.1"),
        (1_000_000, "1"),
        (10_000_000, "10"),
        (1, "0.000001"),
        (1_230_000, "1.23"),
        (-5_000, "-0.005"),
    ],
)
def test_fees_have_no_trailing_zeros(micros: int, text: str) -> None:
    assert fee_text(micros) == text


def test_times_are_whole_seconds_of_china() -> None:
    assert time_text(T1650) == "2023-04-11T16:50:01+08:00"


def test_a_reply_is_as_the_page_prints_it() -> None:
    made = json.loads(uplink_body("614040123456", "614899123456", "I want it", 1680278400, message_id=FIRST.hex()))
    page = {"fromNum": "614899123456", "to": "614040123456", "content": "I want it", "datetime": "1680278400"}
    assert list(made.items())[:4] == list(page.items())
    assert made["userNumber"] == "614040123456"
    assert made["serviceNumber"] == "614899123456"
    assert made["messageId"] == FIRST.hex()


def test_a_reply_can_be_swapped_and_a_name_is_no_number() -> None:
    made = json.loads(uplink_body("614040", "614899", "x", 1, swap=True))
    assert (made["fromNum"], made["to"]) == ("614040", "614899")
    made = json.loads(uplink_body("614040", "TOCSIN", "x", 1))
    assert (made["fromNum"], made["to"], made["serviceNumber"]) == ("", "614040", "TOCSIN")


def test_signature_is_that_of_the_specification() -> None:
    # The vector of the Standard Webhooks libraries.
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == b"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    secret = new_secret()
    expected = hmac.new(base64.b64decode(secret[6:]), b"m.7.{}", hashlib.sha256).digest()
    assert sign(key_of(secret), "m", 7, b"{}") == b"v1," + base64.b64encode(expected)


def test_delays_grow_and_stay_below_an_hour() -> None:
    assert retry_delay_s(1, 5, 0.999) < 5
    assert retry_delay_s(1, 5, 0.0) == 2.5
    assert [retry_delay_s(n, 5, 0.0) for n in (2, 3, 4)] == [5.0, 10.0, 20.0]
    assert retry_delay_s(500, 5, 0.9999) < 3600


@pytest.mark.parametrize(
    ("status", "text", "wait_s"),
    [
        (429, "7", 7.0),
        (503, "7", 7.0),
        (500, "7", 0.0),
        (429, "", 0.0),
        (429, "soon", 0.0),
        (429, "-3", 0.0),
        (429, "99999999999", 3600.0),
        (503, "Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        (503, "Wed, 21 Oct 2015 07:20:00 GMT", 0.0),
    ],
)
def test_retry_after_is_read_and_bounded(status: int, text: str, wait_s: float) -> None:
    assert asked_wait_s(status, text, 1445412480.0) == wait_s


def push(number: int, n: int, *, fixed: bool = False, late: bool = False) -> Push:
    return Push(number, number, n, 0, fixed, late, f"msg_{number}", b",".join([b"[%d]" % number] * n))


def test_small_rows_become_one_and_others_stay() -> None:
    pushes = [
        push(1, 20),
        push(2, 20),
        push(3, 50),
        push(4, 10),
        push(5, 1),
        push(6, 3, fixed=True),
        push(7, 1, late=True),
    ]
    units = plan_merge(pushes, together=True)
    assert [(unit.push.id, unit.push.n, unit.members) for unit in units] == [
        (1, 50, [1, 2, 4]),
        (3, 50, [3]),
        (5, 1, [5]),
        (6, 3, [6]),
        (7, 1, [7]),
    ]
    assert json.loads(b"[" + units[0].push.body + b"]") == [[1]] * 20 + [[2]] * 20 + [[4]] * 10
    assert [unit.wants_fixing() for unit in units] == [True, False, True, False, True]
    assert len(plan_merge([push(1, 1), push(2, 1)], together=False)) == 2


def test_halves_hold_every_row_once() -> None:
    rows = [report_row(facts(FIRST, f'a,]["{i}', T1650, Reason.SUCCESS), shape("sms")) for i in range(5)]
    (n1, first), (n2, second) = split_rows(b",".join(rows))
    assert (n1, n2) == (2, 3)
    assert first.split(b"\n") + second.split(b"\n") == [b",".join(rows[:2]), b",".join(rows[2:])]


def fail(health: Health, push_id: int, n: int, failures: int, began: float) -> bool:
    return health.fail(Failure(push_id, n, failures, began, began + 0.1, 1000 + began, 0.0, 0.5)).unwelcome


def test_three_failures_while_others_are_taken_make_a_row_unwelcome() -> None:
    health = Health(5.0, None)
    assert not fail(health, 1, 50, 1, 10.0)
    health.take(2, 11.0)
    assert not fail(health, 1, 50, 2, 20.0)
    assert fail(health, 1, 50, 3, 30.0)


def test_an_outage_makes_no_row_unwelcome() -> None:
    health = Health(5.0, None)
    health.take(2, 9.0)
    assert not any(fail(health, 1, 50, failures, 10.0 * failures) for failures in range(1, 20))


def test_a_single_row_is_set_aside_only_after_a_2xx_since_its_last_try() -> None:
    health = Health(5.0, None)
    fail(health, 1, 1, 1, 10.0)
    health.take(2, 11.0)
    fail(health, 1, 1, 2, 20.0)
    assert not fail(health, 1, 1, 3, 30.0)
    health.take(3, 31.0)
    assert fail(health, 1, 1, 4, 40.0)


def test_eight_failures_in_a_row_take_an_endpoint_down_until_a_2xx() -> None:
    health = Health(5.0, None)
    for number in range(7):
        fail(health, number, 50, 1, 1.0)
    assert not health.down
    fail(health, 8, 50, 1, 1.0)
    assert health.down
    assert health.probe_at > 1.0
    assert health.take(9, 8.0)
    assert not health.down
