"""A process before broken bodies of every kind: only what the contract knows, and it goes on. See tests/pure/mutants.py."""

from __future__ import annotations

import http.client
import random
from collections import Counter
from contextlib import closing
from urllib.parse import urlencode

import pytest

from tests.doors.api import BALANCE, REPORT, SEND, Bed, Customer, Door, Reply
from tests.pure.mutants import FORM, MAIL, MMS, SMS, breed, write
from tests.pure.mutants import REPORT as QUESTION
from tocsin.content import Status

MMS_PATH, MAIL_PATH, CANCEL = "/api/v1/sms/mssSend", "/api/v1/email/sendEmail", "/api/v1/schedules/cancel"
COUNT = 300
FUNDS = 10**12
TYPE = "application/json;charset=UTF-8"


def check(reply: Reply, body: bytes) -> int:
    """The status, where the reply is one of the contract's."""
    assert reply.http in {200, 400, 413, 415}, (reply, body)
    assert reply.headers["content-type"] == TYPE
    said = reply.json
    assert said["message"]
    assert "Traceback" not in said["message"]
    if reply.http != 200:
        return reply.http
    assert type(said["status"]) is int
    assert said["status"] in set(Status)
    assert said["status"] == 0 or said["message"] == said["msg"]
    assert said["status"] == 0 or said["status"] == -9 or "data" not in said or said["data"]["success"] == 0
    return int(said["status"])


@pytest.mark.parametrize(
    ("path", "fields"),
    [(SEND, SMS), (MMS_PATH, MMS), (MAIL_PATH, MAIL), (REPORT, QUESTION), (CANCEL, QUESTION)],
    ids=lambda each: str(each)[-6:],
)
def test_every_reply_to_a_broken_body_is_the_contracts(bed: Bed, door: Door, path: str, fields: dict[str, str]) -> None:
    customer = bed.customer(balance=FUNDS)
    seen: Counter[int] = Counter()
    with closing(http.client.HTTPConnection("127.0.0.1", door.port, timeout=60)) as talk:
        for kind, body in breed(fields, COUNT, seed=7):
            headers = {"Content-Type": kind} | ({"Idempotency-Key": str(len(body))} if len(body) % 2 else {})
            talk.request("POST", f"{path}?{urlencode(customer.sign())}", body, headers)
            answer = talk.getresponse()
            seen[check(Reply(answer.status, answer.headers, answer.read()), body)] += 1
    assert len(seen) >= 3, seen
    assert seen[-12] > COUNT // 10, seen
    assert_books(bed, door, customer)


def test_every_reply_to_a_broken_query_is_the_contracts(bed: Bed, door: Door) -> None:
    """What a client library refuses to send, it cannot send by accident: letters that are not printable stay out."""
    customer = bed.customer(balance=FUNDS)
    seen: Counter[int] = Counter()
    chance = random.Random(7)
    good = write(SMS, FORM).decode()
    with closing(http.client.HTTPConnection("127.0.0.1", door.port, timeout=60)) as talk:
        for _ in range(COUNT):
            at = chance.randint(0, len(good))
            word = chance.choice(
                ["%", "%00", "%zz", "%u0041", "%ff%fe", "%ED%A0%80", "&", "=", "+", ";", "#", "%26", "%2", "?"]
            )
            query = (
                good[:at] + word * chance.choice((1, 1, 3, 500)) + good[chance.randint(at, min(at + 9, len(good))) :]
            )
            talk.request("GET", f"{SEND}?{urlencode(customer.sign())}&{query}")
            answer = talk.getresponse()
            seen[check(Reply(answer.status, answer.headers, answer.read()), query.encode())] += 1
    assert seen.keys() >= {0, -9, -12, -19}, seen
    assert_books(bed, door, customer)


def assert_books(bed: Bed, door: Door, customer: Customer) -> None:
    """What was sent was charged and nothing else; the account is answered as ever."""
    spent = bed.one("SELECT sum(price_micros) FROM message WHERE account_id = %s AND status = 0", customer.id) or 0
    assert bed.wallet(customer) == (FUNDS - spent, 0)
    assert door.get(customer, BALANCE).status == 0
