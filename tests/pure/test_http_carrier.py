"""The carrier over HTTP: what its settings may be, what a request looks like, what an answer and a call come to."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import msgspec
import pytest

from tocsin.carriers import (
    RECEIPT,
    REPLY,
    BadConfigError,
    Called,
    ChannelFacts,
    Heard,
    StrangerError,
    UnreadableError,
    check_config,
    list_settings,
    open_ear,
    open_link,
)
from tocsin.carriers.http.callback import make_ear
from tocsin.carriers.http.config import HttpConfig
from tocsin.carriers.http.mapping import read_answer, write_request
from tocsin.carriers.waits import read_time, read_wait_s
from tocsin.kit.answer import Answer
from tocsin.traffic import OutcomeKind, Priority, Product, Reason, Submission

NOW = 1_800_000_000.0
URL = "http://carrier.example/send"
TOKEN = "0123456789abcdef"
NASTY = "a\"b\\c\n<&'>{to}{text}%+= \x07é你😀"
ACCEPTED, TEMPORARY, PERMANENT, THROTTLED, UNKNOWN = (
    OutcomeKind.ACCEPTED, OutcomeKind.TEMPORARY, OutcomeKind.PERMANENT, OutcomeKind.THROTTLED, OutcomeKind.UNKNOWN,
)  # fmt: skip


def submission(text: str = "hello", **changes: Any) -> Submission:
    made = Submission(
        bytes(15) + b"\x07", 1, 1, 1, Product.SMS, Priority.VERIFY, "628123", "ACME", text, False, NOW + 90.5
    )
    return msgspec.structs.replace(made, **changes)


def test_only_the_url_must_be_given_and_every_setting_says_what_it_is() -> None:
    assert check_config("http", {}) == ["url: missing"]
    assert check_config("http", {"url": URL}) == []
    facts = list_settings("http")
    assert all(each.help for each in facts)
    assert {each.name for each in facts if each.secret} == {"secret", "callback_token"}


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"url": "ftp://a"}, "url: the URL must begin with http:// or https://"),
        ({"url": "http://a/{number}"}, "url: {number} is no placeholder"),
        ({"url": "http://{to}/"}, "url: the host may not hold a placeholder"),
        ({"url": "http://a{secret}.b?c"}, "url: the host may not hold a placeholder"),
        ({"method": "PUT"}, "method: expected str matching regex"),
        ({"body": '{"a": "{tex}"}'}, "body: {tex} is no placeholder"),
        ({"body": '{"a": {text}'}, "body: with its placeholders filled it is no JSON"),
        ({"headers": {"a b": "c"}}, "headers: 'a b' is no name of a header"),
        ({"headers": {"Host": "c"}}, "headers: Host is written by the channel itself"),
        ({"headers": {"X": "c\r\nY: d"}}, "headers: the value of X must be printable ASCII"),
        ({"headers": {"X": "{text}"}}, "headers: {text} is no placeholder of a header"),
        ({"auth": "basic"}, "secret: missing, as auth is basic"),
        ({"user": "a:b"}, "user: must not hold a colon"),
        ({"status_errors": {"500": "often"}}, "status_errors: 'often' is neither temporary"),
        ({"status_errors": {"50x": "temporary"}}, "status_errors: '50x' is no status"),
        ({"errors": {"1": "permanent:luck"}}, "errors: 'permanent:luck' is neither"),
        ({"other_error": "temporary:expired"}, "other_error: 'temporary:expired' is neither"),
        ({"ok_status": ["2"]}, "ok_status: '2' is no status"),
        ({"id_at": "id"}, "id_at: 'id' is neither a JSON pointer"),
        ({"receipt_states": {"OK": "fine"}}, "receipt_states: 'fine' is none of delivered"),
        ({"callback_token": "short"}, "callback_token: must be at least 16"),
        ({"connections": 0}, "connections: expected int >= 1"),
        ({"connection": 1}, "connection: no such setting"),
    ],
)
def test_a_mistake_is_one_sentence(config: dict[str, Any], sentence: str) -> None:
    mistakes = check_config("http", {"url": URL, **config})
    assert len([each for each in mistakes if each.startswith(sentence)]) == 1, mistakes


def test_a_secret_is_not_told_where_it_is_wrong() -> None:
    with pytest.raises(BadConfigError) as caught:
        open_link("http", ChannelFacts(1, "east", {"url": URL, "secret": ["hush"], "callback_token": "hush"}), "")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("content_type", "body", "read"),
    [
        ("application/json; charset=utf-8", '{"t": "{text}"}', lambda body: json.loads(body)["t"]),
        ("application/x-www-form-urlencoded", "t={text}&u=1", lambda body: parse_qs(body.decode())["t"][0]),
        ("text/plain", "{text}", lambda body: body.decode()),
    ],
)
def test_a_value_arrives_as_it_is(content_type: str, body: str, read: Any) -> None:
    config = HttpConfig(url=URL, content_type=content_type, body=body)
    request = write_request(config, submission(NASTY), NOW)
    assert read(request.body) == NASTY
    assert f"Content-Type: {content_type}\r\n".encode() in request.headers


def test_xml_holds_what_xml_can_hold() -> None:
    config = HttpConfig(url=URL, content_type="text/xml", body='<m t="{text}">{text}</m>')
    root = ElementTree.fromstring(write_request(config, submission(NASTY), NOW).body)
    kept = NASTY.replace("\x07", "\ufffd")
    assert (root.text, root.get("t")) == (kept, kept.replace("\n", " "))  # XML 1.0, 3.3.3: attributes are normalised


def test_every_placeholder_is_filled() -> None:
    url = "http://a/{id}?to={to}&from={from}&text={text}&p={part}/{parts}&x={priority}&v={validity_s}&e={expires_at}&s={user}:{secret}"
    config = HttpConfig(url=url, method="GET", user="me", secret="p&w", headers={"X-Key": "{user} {secret}"})
    sent = submission("a b&c", part=2, parts=3, phone="62 8")
    request = write_request(config, sent, NOW)
    name = f"{sent.message_id.hex()}-2"
    head = request.target.head.decode()
    assert head.startswith(
        f"/{name}?to=62%208&from=ACME&text=a%20b%26c&p=2/3&x=verify&v=90&e=1800000090&s=me:p%26w HTTP"
    )
    assert request.body == b""
    assert b"X-Key: me p&w\r\n" in request.headers
    assert urlsplit(url).netloc == "a"


def test_a_whole_message_has_one_name_and_is_one_part() -> None:
    config = HttpConfig(url="http://a/{id}/{part}/{parts}")
    sent = submission(part=0, parts=3)
    assert write_request(config, sent, NOW).target.head.startswith(f"/{sent.message_id.hex()}/1/1 ".encode())


def test_who_asks_is_told_by_the_header() -> None:
    basic = write_request(HttpConfig(url=URL, auth="basic", user="Aladdin", secret="open sesame"), submission(), NOW)
    assert b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in basic.headers  # RFC 7617's example
    bearer = write_request(HttpConfig(url=URL, auth="bearer", secret="abc"), submission(), NOW)
    assert b"Authorization: Bearer abc\r\n" in bearer.headers


def test_a_url_that_grows_too_long_is_said() -> None:
    with pytest.raises(ValueError, match="longer than"):
        write_request(HttpConfig(url=URL + "?{text}", method="GET"), submission("你" * 2000), NOW)


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    made = Answer(65_536, 65_536)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    made.feed(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body)
    assert made.done
    return made


RULES: dict[str, Any] = {
    "ok_at": "/code", "ok_values": ["0", "true"], "id_at": "/ids/0", "error_at": "/code",
    "errors": {"21": "permanent:number error", "30": "throttled"}, "status_errors": {"402": "temporary", "5xx": "unknown"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "status", "body", "kind", "rest"),
    [
        ({}, 200, b" id-1 \n", ACCEPTED, "id-1"),
        ({}, 201, b"", ACCEPTED, None),
        ({}, 301, b"", TEMPORARY, Reason.SENDING),
        ({}, 400, b"", PERMANENT, Reason.REJECTED),
        ({}, 401, b"", TEMPORARY, Reason.SENDING),
        ({}, 404, b"", TEMPORARY, Reason.SENDING),
        ({}, 429, b"", THROTTLED, Reason.SENDING),
        ({}, 503, b"", THROTTLED, Reason.SENDING),
        ({}, 500, b"", TEMPORARY, Reason.SENDING),
        ({"ok_status": ["202"]}, 200, b"x", PERMANENT, Reason.REJECTED),
        ({"ok_values": ["OK"], "id_at": "after OK:"}, 200, b"OK: 77 thanks", ACCEPTED, "77"),
        ({"ok_values": ["OK"], "other_error": "temporary"}, 200, b"ERR 3", TEMPORARY, Reason.SENDING),
        ({"id_at": "own"}, 200, b"{", ACCEPTED, "0" * 31 + "7"),
        ({"id_at": "header X-Id"}, 200, b"", ACCEPTED, "h-1"),
        (RULES, 200, b'{"code": 0, "ids": [12345678901]}', ACCEPTED, "12345678901"),
        (RULES, 200, b'{"code": 0, "ids": [12.0]}', ACCEPTED, "12"),
        (RULES, 200, b'{"code": true, "ids": ["a"]}', ACCEPTED, "a"),
        (RULES, 200, b'{"code": 0, "ids": []}', ACCEPTED, None),
        (RULES, 200, b'{"code": 21}', PERMANENT, Reason.NUMBER_ERROR),
        (RULES, 500, b'{"code": "30"}', THROTTLED, Reason.SENDING),
        (RULES, 200, b'{"code": 99}', PERMANENT, Reason.REJECTED),
        (RULES, 402, b"no JSON", TEMPORARY, Reason.SENDING),
        (RULES, 502, b"", UNKNOWN, Reason.SENDING),
        (RULES, 200, b"half a JSO", UNKNOWN, Reason.SENDING),
        (RULES, 200, b"[" * 60_000, UNKNOWN, Reason.SENDING),
        ({"id_at": "/id"}, 200, b"<html>", UNKNOWN, Reason.SENDING),
        ({"id_at": "/id"}, 200, b'{"id": "' + b"9" * 500 + b'"}', ACCEPTED, None),
    ],
)
def test_what_an_answer_comes_to(
    config: dict[str, Any], status: int, body: bytes, kind: OutcomeKind, rest: str | Reason | None
) -> None:
    assert check_config("http", {"url": URL, **config}) == []
    verdict = read_answer(HttpConfig(url=URL, **config), answer(status, body, X_Id="h-1"), "0" * 31 + "7")
    assert verdict.fate.kind is kind
    if kind is ACCEPTED:
        assert verdict.carrier_id == rest
    else:
        assert (verdict.fate.reason, verdict.carrier_id) == (rest, None)


def test_an_answer_that_was_cut_is_not_read() -> None:
    cut = Answer(100, 65_536)
    body = b'{"id": "1", "more": "' + b"x" * 200 + b'"}'
    cut.feed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert cut.done
    assert read_answer(HttpConfig(url=URL, id_at="/id"), cut, "").fate.kind is UNKNOWN


def call(
    what: str = RECEIPT, body: bytes = b"", query: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> Called:
    shown = {"token": TOKEN} if query is None and headers is None else query or {}
    return Called(what, shown, lambda name: (headers or {}).get(name, ""), body)


def hear(called: Called, **config: Any) -> Heard:
    ear = open_ear("http", ChannelFacts(1, "east", {"url": URL, "callback_token": TOKEN, **config}))
    assert ear is not None
    return ear(called, NOW)


ONE = b'{"id": "c1", "status": "DELIVRD", "to": "+628123", "time": 1799999999}'


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"token": TOKEN}, {}),
        ({}, {"authorization": f"Bearer {TOKEN}"}),
        ({}, {"x-token": TOKEN}),
    ],
)
def test_a_caller_shows_the_token_in_one_of_three_ways(query: dict[str, str], headers: dict[str, str]) -> None:
    (receipt,) = hear(call(RECEIPT, ONE, query, headers)).receipts
    assert (receipt.carrier_id, receipt.phone, receipt.reason, receipt.at) == ("c1", "628123", Reason.SUCCESS, NOW - 1)


@pytest.mark.parametrize(
    "shown", [{}, {"token": ""}, {"token": TOKEN[:-1]}, {"token": TOKEN + "x"}, {"token": "é\ud800"}]
)
def test_a_stranger_is_not_heard(shown: dict[str, str]) -> None:
    with pytest.raises(StrangerError):
        hear(call(RECEIPT, ONE, shown, {"authorization": f"Basic {TOKEN}"}))


def test_without_a_token_nobody_is_heard() -> None:
    ear = make_ear(HttpConfig(url=URL))
    for shown in ({}, {"token": ""}):
        with pytest.raises(StrangerError):
            ear(call(RECEIPT, ONE, shown, {}), NOW)


def test_receipts_come_as_list_form_or_query() -> None:
    rows = hear(call(RECEIPT, b'{"data": [[7, "EXPIRED"], [8, "dunno"]]}'),
                receipt_rows="/data", receipt_id="/0", receipt_status="/1").receipts  # fmt: skip
    assert [(row.carrier_id, row.reason) for row in rows] == [("7", Reason.EXPIRED), ("8", Reason.SENDING)]
    (form,) = hear(call(RECEIPT, b"id=c%201&status=undeliv&to=0062811")).receipts
    assert (form.carrier_id, form.reason, form.phone, form.at) == ("c 1", Reason.UNDELIVERED, "62811", NOW)
    (query,) = hear(call(RECEIPT, b"", {"id": "c3", "status": "Rejected", "token": TOKEN}, {})).receipts
    assert (query.carrier_id, query.reason) == ("c3", Reason.REJECTED)


def test_status_words_of_the_settings_come_first() -> None:
    states = {"Delivered": "intermediate", "5": "delivered", "x": "blacklisted"}
    body = b'[{"id":"1","status":"delivered"},{"id":"2","status":5},{"id":"3","status":"X"},{"id":"4","status":"?"}]'
    rows = hear(call(RECEIPT, body), receipt_states=states, receipt_other="failed").receipts
    assert [row.reason for row in rows] == [Reason.SENDING, Reason.SUCCESS, Reason.BLACKLISTED, Reason.UNDELIVERED]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[1]", b'{"status": "DELIVRD"}', b'{"id": "c1"}', b'{"id": {}, "status": "DELIVRD"}', b'{"id": "%s"}' % (b"9" * 300),
        b"[" * 100_000, b'"text"', b"&" * 300 + b"a=b" * 300, b"\xff\xfe\x00", b"a=1&" * 300, b'{"id": "a\\u0000b", "status": "x"}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        hear(call(RECEIPT, body))


def test_a_reply_and_what_the_carrier_wants_to_read() -> None:
    body = '{"msg": {"from": "+62811", "body": "STOP \\u0000 你"}, "to": "ACME", "time": "2027-01-15T08:00:00+00:00"}'.encode()
    heard = hear(call(REPLY, body), reply_from="/msg/from", reply_text="/msg/body", callback_answer="OK")
    (reply,) = heard.replies
    assert (reply.user_number, reply.service_number, reply.content) == ("62811", "ACME", "STOP \x00 你")
    assert heard.answer == "OK"
    with pytest.raises(UnreadableError):
        hear(call(REPLY, b'{"from": "62811"}'))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5.0), ("999999999999", 3600.0), ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0), ("Fri, 15 Jan 2021 08:00:30 GMT", 0.0),
        ("", None), ("soon", None), ("-1", None),
    ],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    assert read_wait_s(text, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1799999990", NOW - 10), ("1799999990500", NOW - 9.5), ("2027-01-15T07:59:50Z", NOW - 10),
        ("2027-01-15 07:59:50", NOW - 10), ("2027-01-15T15:59:50+08:00", NOW - 10), ("", NOW), ("nan", NOW), ("1e400", NOW),
        ("1900000000", NOW), ("100", NOW), ("yesterday", NOW),
    ],
)  # fmt: skip
def test_time_of_a_receipt(text: str, at: float) -> None:
    assert read_time(text, NOW) == at
