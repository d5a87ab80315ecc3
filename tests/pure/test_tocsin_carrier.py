"""The channel to an upstream platform: its requests, what its replies come to, and its pushes."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from tocsin.api.auth import compute_sign
from tocsin.carriers import RECEIPT, REPLY, Called, ChannelFacts, StrangerError, UnreadableError, check_config, open_ear
from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.carriers.tocsin.mapping import (
    BEFORE_THE_KEY,
    MEANINGS,
    OF_NUMBERS,
    group,
    name_request,
    read_answer,
    write_body,
    write_url,
)
from tocsin.content import Status
from tocsin.kit.answer import Answer
from tocsin.kit.ids import Ids
from tocsin.traffic import OutcomeKind, Priority, Product, Reason, Submission
from tocsin.webhooks import ReportFacts, body, report_row, shape, uplink_body
from tocsin.webhooks.sign import key_of, new_secret, sign

NOW = 1_800_000_000.0
IDS = Ids()
CONFIG = TocsinConfig(base_url="http://up.example/base/", account="yn00001", api_key="7bz1lzh9")
TOKEN = "0123456789abcdef"


def submission(phone: str = "6281234567801", **changes: Any) -> Submission:
    made = Submission(
        IDS.one(), 1, 1, 1, Product.SMS, Priority.MARKETING, phone, "ACME", "hello", False, NOW + 9, country_id=10007
    )
    return msgspec.structs.replace(made, **changes)


def test_a_request_is_what_the_page_says() -> None:
    url = urlsplit(write_url(CONFIG, 1630468800.9))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.geturl().startswith("http://up.example/base/api/v1/sms/sendbatchsms?")
    assert query == {
        "account": "yn00001", "sign": compute_sign("yn00001", "7bz1lzh9", "1630468800"), "datetime": "1630468800",
    }  # fmt: skip
    assert json.loads(write_body(CONFIG, [submission("62811"), submission("62812")])) == {
        "numbers": "62811,62812", "content": "hello", "codeId": "10007", "action": "MARKETING", "senderId": "ACME",
    }  # fmt: skip
    other = msgspec.structs.replace(CONFIG, pass_sender=False, routing="east", code_ids={"10007": "62"})
    assert json.loads(write_body(other, [submission("62811", priority=Priority.VERIFY)])) == {
        "numbers": "62811", "content": "hello", "codeId": "62", "action": "VERIFY", "routing": "east",
    }  # fmt: skip


def test_what_one_request_can_carry_goes_together() -> None:
    same = [submission(f"6281{i}") for i in range(5)]
    twin, text, sender, action, country = (
        submission("62810"), submission(text="other"), submission(sender="X"), submission(priority=Priority.VERIFY),
        submission(country_id=10001),
    )  # fmt: skip
    groups = group([*same, twin, text, sender, action, country], 3)
    assert groups == [same[:3], [*same[3:], twin], [text], [sender], [action], [country]]


def test_a_key_names_these_tries_and_no_others() -> None:
    one, two = submission(), submission()
    again = msgspec.structs.replace(one, attempt=2)
    names = [name_request(each) for each in ([one], [two], [one, two], [again])]
    assert len(set(names)) == 4
    assert names[0] == name_request([one])
    assert len(names[0]) <= 255


def test_every_status_of_the_page_has_its_meaning() -> None:
    told = {int(Status.SENT), int(Status.SUBMITTED)}
    assert set(MEANINGS) == {int(status) for status in Status} - told
    assert {meaning.kind for meaning in OF_NUMBERS.values()} == {OutcomeKind.PERMANENT, OutcomeKind.TEMPORARY}
    for status in BEFORE_THE_KEY:
        assert MEANINGS[status].kind is not OutcomeKind.PERMANENT  # else a try in doubt could be ended


def answer(status: int, document: Any, **headers: str) -> Answer:
    made, text = Answer(65_536, 65_536), document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    made.feed(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n{lines}\r\n".encode() + text)
    assert made.done
    return made


def test_rows_say_what_became_of_each_number() -> None:
    sent = [submission(f"6281{i}") for i in range(5)]
    rows = {"success": 1, "fail": 3, "successData": [{"phone": "62810", "messageId": "m0"}], "failData": [
        {"phone": "62811", "messageId": "m1", "status": -9, "message": "Number abnormal"},
        {"phone": "62812", "messageId": "m2", "status": 5}, {"phone": "62813", "messageId": "m3", "status": 3},
    ]}  # fmt: skip
    said = read_answer(sent, answer(200, {"status": 0, "message": "Submit success", "data": rows}), NOW)
    assert said.outcomes is not None
    assert [(each.kind, each.reason, each.carrier_id) for each in said.outcomes] == [
        (OutcomeKind.ACCEPTED, Reason.SENDING, "m0"),
        (OutcomeKind.PERMANENT, Reason.NUMBER_ERROR, None),
        (OutcomeKind.PERMANENT, Reason.BLACKLISTED, None),
        (OutcomeKind.TEMPORARY, Reason.SENDING, None),
        (OutcomeKind.UNKNOWN, Reason.SENDING, None),
    ]
    assert said.complaint


@pytest.mark.parametrize(
    ("http", "document", "kind", "complains"),
    [
        (200, {"status": -1, "message": "Authentication error"}, OutcomeKind.TEMPORARY, True),
        (200, {"status": -10, "message": "x"}, OutcomeKind.TEMPORARY, True),
        (200, {"status": -15, "message": "x"}, OutcomeKind.THROTTLED, False),
        (200, {"status": -3, "message": "x"}, OutcomeKind.PERMANENT, False),
        (200, {"status": -77, "message": "x"}, OutcomeKind.TEMPORARY, True),
        (200, {"status": -9, "data": {"failData": [{"phone": "6281", "status": -9}]}}, OutcomeKind.PERMANENT, False),
        (429, b"", OutcomeKind.THROTTLED, True),
        (404, b"<html>", OutcomeKind.TEMPORARY, True),
        (302, b"", OutcomeKind.TEMPORARY, True),
        (200, b"<html>", None, True),
        (200, {"status": 0, "message": "Submit success"}, None, True),
        (200, {"status": "0"}, None, True),
        (500, {"status": 500}, None, True),
        (504, b"", None, True),
    ],
)  # fmt: skip
def test_a_refusal_is_of_all_and_what_tells_nothing_is_not_believed(
    http: int, document: Any, kind: OutcomeKind | None, *, complains: bool
) -> None:
    said = read_answer([submission("6281")], answer(http, document), NOW)
    assert (None if said.outcomes is None else said.outcomes[0].kind) is kind
    assert bool(said.complaint) is complains


def test_storage_that_is_away_is_a_pause() -> None:
    said = read_answer([submission()], answer(200, {"status": -12, "message": "x"}, Retry_After="2"), NOW)
    assert said.outcomes is not None
    assert said.outcomes[0].kind is OutcomeKind.THROTTLED


def call(what: str, text: bytes, secret: str = "", *, token: str = TOKEN, at: float = NOW) -> Called:
    headers = {}
    if secret:
        signature = sign(key_of(secret), "msg_1", int(at), text).decode()
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at)), "webhook-signature": f"v1,xx {signature}"}
    return Called(what, {"token": token}, lambda name: headers.get(name, ""), text)


def hear(called: Called, **config: Any) -> Any:
    given = {"base_url": "http://up.example", "account": "a", "api_key": "k", "callback_token": TOKEN, **config}
    ear = open_ear("tocsin", ChannelFacts(1, "up", given))
    assert ear is not None
    return ear(called, NOW)


def push(*reasons: Reason) -> bytes:
    """As our own pusher writes it."""
    rows = [
        report_row(ReportFacts(bytes([i]) * 16, f"6281{i}", int(NOW) - 5, reason, 1, 1, 0), shape("sms"))
        for i, reason in enumerate(reasons)
    ]
    return body("sms", len(rows), b",".join(rows))


def test_the_pushes_of_this_product_are_understood() -> None:
    ends = [reason for reason in Reason if reason is not Reason.SENDING]
    receipts = hear(call(RECEIPT, push(*ends))).receipts
    assert [(each.carrier_id, each.phone, each.at) for each in receipts] == [
        ((bytes([i]) * 16).hex(), f"6281{i}", NOW - 5) for i in range(len(ends))
    ]
    got = {end: each.reason for end, each in zip(ends, receipts, strict=True)}
    same = {
        Reason.SUCCESS, Reason.NUMBER_ERROR, Reason.COUNTRY_ERROR, Reason.BLACKLISTED, Reason.OVER_CAP, Reason.SEND_FAILED,
        Reason.REJECTED, Reason.UNDELIVERED, Reason.EXPIRED, Reason.NO_RECEIPT,
    }  # fmt: skip
    assert {end for end in ends if got[end] is end} == same
    assert got.pop(Reason.DUPLICATE) is Reason.NUMBER_ERROR
    # What it says of our account there is nothing for our customers.
    assert {got[end] for end in got.keys() - same} == {Reason.UNDELIVERED}


def test_a_reply_of_this_product_and_of_the_page() -> None:
    ours = uplink_body("62811", "ACME", "I want it", int(NOW) - 7, message_id="00" * 16, swap=True)
    (reply,) = hear(call(REPLY, ours)).replies
    assert (reply.user_number, reply.service_number, reply.content, reply.at) == ("62811", "ACME", "I want it", NOW - 7)
    page = b'{"fromNum":"614899","to":"614040","content":"I want it","datetime":"1680278400"}'
    (reply,) = hear(call(REPLY, page)).replies
    assert (reply.user_number, reply.service_number) == ("614040", "614899")
    (reply,) = hear(call(REPLY, page), swapped=True).replies
    assert (reply.user_number, reply.service_number) == ("614899", "614040")


def test_where_there_is_a_secret_a_push_must_be_signed_with_it() -> None:
    secret, other, text = new_secret(), new_secret(), push(Reason.SUCCESS)
    assert hear(call(RECEIPT, text, secret), receipt_secret=secret).receipts
    assert hear(call(RECEIPT, text, secret, token=""), receipt_secret=secret, callback_token="").receipts
    for bad in (
        call(RECEIPT, text),
        call(RECEIPT, text, other),
        call(RECEIPT, text, secret, at=NOW - 301),
        call(RECEIPT, text, secret, at=NOW + 301),
        call(RECEIPT, text, secret)._replace(body=text + b" "),
        call(RECEIPT, text, secret, token="x" * 16),
        call(REPLY, text, secret),
    ):
        with pytest.raises(StrangerError):
            hear(bad, receipt_secret=secret, reply_secret=other)


def test_without_token_and_secret_nobody_is_heard() -> None:
    empty = base64.b64encode(hmac.digest(b"", b"msg_1.%d.%b" % (int(NOW), push(Reason.SUCCESS)), "sha256")).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOW)), "webhook-signature": f"v1,{empty}"}
    called = Called(RECEIPT, {"token": ""}, lambda name: headers.get(name, ""), push(Reason.SUCCESS))
    with pytest.raises(StrangerError):
        hear(called, callback_token="")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"{", b"[" * 100_000, b'{"type":"mms","array":[]}', b'{"type":"sms","array":{}}',
        b'{"type":"sms","array":[[]]}', b'{"type":"sms","array":[["", "1", "", 1, ""]]}',
        b'{"type":"sms","array":[["m", "1", "", "1", ""]]}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(text: bytes) -> None:
    with pytest.raises(UnreadableError):
        hear(call(RECEIPT, text))


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"base_url": "up.example"}, "base_url: the URL must begin with"),
        ({"base_url": "http://a?b"}, "base_url: must end before its query"),
        ({"account": ""}, "account: expected str of length >= 1"),
        ({"receipt_secret": "whsec_*"}, "receipt_secret: is no secret as"),
        ({"callback_token": "short"}, "callback_token: must be at least 16"),
        ({"numbers_per_request": 0}, "numbers_per_request: expected int >= 1"),
    ],
)
def test_a_mistake_is_one_sentence(config: dict[str, Any], sentence: str) -> None:
    good = {"base_url": "http://up.example", "account": "a", "api_key": "k"}
    assert check_config("tocsin", good) == []
    (mistake,) = check_config("tocsin", {**good, **config})
    assert mistake.startswith(sentence)
