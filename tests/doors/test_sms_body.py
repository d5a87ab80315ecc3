"""Bodies: JSON, forms, multipart, the query; and what is none of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doors.api import BALANCE, GOOD, SEND, Bed, Door, Reply

FORM = "application/x-www-form-urlencoded"
TWO = GOOD | {"numbers": "81234567801,81234567802"}
KEY = {"Idempotency-Key": "key"}
LONG = 9_000  # bytes from which the helper process reads


def assert_malformed(reply: Reply, word: str) -> None:
    assert reply.http == 200
    assert set(reply.json) == {"status", "message", "msg"}
    assert reply.status == -12
    text = reply.json["msg"]
    assert text == reply.json["message"]
    assert text.startswith("Due to platform reasons, batch submission error, please contact administrator: ")
    assert word in text
    assert "Traceback" not in text
    assert "retry-after" not in reply.headers  # the client must mend it


@pytest.mark.parametrize("body", [None, "", " \r\n\t", "\ufeff", "{}", "\ufeff { } "])
@pytest.mark.parametrize("kind", ["application/json", FORM, "multipart/form-data; boundary=x", "application/xml"])
def test_an_empty_body_is_an_empty_object(bed: Bed, door: Door, body: str | None, kind: str) -> None:
    assert door.post(bed.bystander, body, kind=kind).status == -8


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"numbers":"81234567801"',
        b'{"numbers":"8123456',
        b'{"numbers":"81234567801"}}',
        b'{"numbers":"81234567801"} x',
        b"{'numbers':'81234567801'}",
        b"{numbers:81234567801}",
        b'{"numbers":"\xff\xfe"}',
        b'{"content":"\xed\xa0\x80"}',
        b'{"content":"\\ud800"}',
        b'{"content":"\\udc00\\ud800"}',
        b'{"numbers":1e999}',
        b'{"numbers":NaN}',
        b"[]",
        b'"text"',
        b"null",
        b"17",
        b"\x00\x01\x02\xff",
        b"\xff\xfe{\x00}\x00",
        b"\x1f\x8b\x08\x00",
        b'{"a":' * 5_000,
        b'{"a":' + b"[" * 5_000,
    ],
)
@pytest.mark.parametrize("long", [False, True])
def test_what_is_no_json_object_is_refused(bed: Bed, door: Door, body: bytes, long: bool) -> None:
    customer = bed.bystander
    padding = b" " * LONG if long else b""
    assert_malformed(door.post(customer, padding + body, kind="application/json"), "body")
    bed.assert_untouched()


def test_eight_megabytes_of_brackets_are_refused(bed: Bed, door: Door) -> None:
    for body in (b'{"a":' * 1_600_000, b"[" * 8_000_000, b'{"a":[' + b"0," * 4_000_000):
        assert_malformed(door.post(bed.bystander, body), "body")


@pytest.mark.parametrize("kind", ["application/json", "", "text/plain", FORM, "multipart/form-data", "application/xml"])
@pytest.mark.parametrize("before", ["", "\ufeff", "\n\t  "])
def test_what_begins_with_a_brace_is_json_whatever_it_is_called(bed: Bed, door: Door, kind: str, before: str) -> None:
    assert door.post(bed.customer(), before + json.dumps(TWO), kind=kind).data["success"] == 2


def test_a_form(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.post(customer, urlencode(TWO | {"content": "100% & é 你好 + 😀"}), kind=FORM + "; charset=UTF-8")
    assert reply.data["success"] == 2
    assert content_of(bed, reply) == "100% & é 你好 + 😀"


def test_a_form_of_plain_utf8(bed: Bed, door: Door) -> None:
    body = "numbers=81234567801&codeId=10007&action=VERIFY&content=你好"
    for content, stored in (("你好", "你好"), ("你+好%21", "你 好!")):
        reply = door.post(bed.customer(), body.replace("你好", content).encode(), kind=FORM)
        assert content_of(bed, reply) == stored


def test_a_blank_in_numbers_is_a_blank(bed: Bed, door: Door) -> None:
    """A plus arrives as a blank; a blank separates where the whole is no number."""
    for numbers in ("81234567801,+81234567802", "+6281234567801,+6281234567802", "81234567801+81234567802"):
        reply = door.post(bed.customer(), f"numbers={numbers}&{urlencode(without('numbers'))}", kind=FORM)
        assert phones(reply) == ["6281234567801", "6281234567802"]
    one = door.post(bed.customer(), f"numbers=812+3456+7801&{urlencode(without('numbers'))}", kind=FORM)
    assert phones(one) == ["6281234567801"]


def test_a_get(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    query = (
        f"{urlencode(customer.sign())}&numbers=+6281234567801,81234567802&codeId=10007&action=verify&content=a+b%2Bc"
    )
    reply = door.call("GET", f"{SEND}?{query}", headers={"Content-Type": "application/json;charset=UTF-8"})
    assert phones(reply) == ["6281234567801", "6281234567802"]
    assert content_of(bed, reply) == "a b+c"


def test_a_body_of_a_get_does_not_count(bed: Bed, door: Door) -> None:
    target = f"{SEND}?{urlencode(bed.bystander.sign())}"
    assert door.call("GET", target, json.dumps(GOOD), {"Content-Type": "application/json"}).status == -8


def multipart(fields: dict[str, str], more: str = "") -> bytes:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    return ("".join(parts) + more + "--b--\r\n").encode()


def test_multipart(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    reply = door.post(customer, multipart(TWO | {"content": "你好 +1"}), kind='multipart/form-data; boundary="b"')
    assert reply.data["success"] == 2
    assert content_of(bed, reply) == "你好 +1"


def test_a_file_in_multipart_harms_nothing(bed: Bed, door: Door) -> None:
    name = 'Content-Disposition: form-data; name="attachment"; filename="../../x"\r\nContent-Type: image/png'
    for size in (10, 2_000_000):
        body = multipart(TWO, f"--b\r\n{name}\r\n\r\n{'x' * size}\r\n")
        assert door.post(bed.customer(), body, kind="multipart/form-data; boundary=b").data["success"] == 2


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--b\r\n"),
        ("multipart/form-data; boundary=", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"nothing"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition"),
        ("multipart/form-data; boundary=b", b"--b\r\n\x00: x\r\n\r\n\r\n--b--"),
        ("multipart/form-data; boundary=" + "b" * 500, b"--" + b"b" * 500 + b"--"),
        ("multipart/form-data; boundary=\xe9", b"--\xe9\r\n"),
        (
            "multipart/form-data; boundary=b",
            multipart(GOOD).replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
        ),
    ],
)
def test_broken_multipart_is_refused(bed: Bed, door: Door, kind: str, body: bytes) -> None:
    customer = bed.bystander
    reply = door.post(customer, body, kind=kind)
    assert (reply.http, reply.status) in {(200, -12), (200, -8)}
    bed.assert_untouched()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("codeId", 10007),
        ("codeId", "10007"),
        ("codeId", 10007.0),
        ("numbers", 81234567801),
        ("numbers", 81234567801.0),
        ("numbers", [81234567801]),
        ("numbers", ["81234567801"]),
        ("content", 123456),
        ("templateId", None),
        ("templateId", ""),
        ("templateParams", None),
        ("templateParams", ""),
        ("templateParams", []),
        ("senderId", None),
        ("routing", ""),
        ("sendTime", ""),
        ("timeZone", None),
        ("somethingElse", {"a": [1]}),
    ],
)
def test_what_may_stand_in_a_field(bed: Bed, door: Door, field: str, value: Any) -> None:
    reply = door.post(bed.customer(), GOOD | {field: value})
    assert reply.status == 0
    assert phones(reply) == ["6281234567801"]
    if field == "content":
        assert content_of(bed, reply) == "123456"


@pytest.mark.parametrize("field", ["numbers", "content", "codeId", "action", "senderId", "routing"])
@pytest.mark.parametrize("value", [{}, {"a": 1}, True, [[1]], [{}], [None]])
def test_what_may_not_stand_in_a_field(bed: Bed, door: Door, field: str, value: Any) -> None:
    customer = bed.bystander
    assert_malformed(door.post(customer, GOOD | {field: value}), field)
    bed.assert_untouched()


@pytest.mark.parametrize(("field", "status"), [("numbers", -8), ("codeId", -18), ("action", -12), ("content", -4)])
@pytest.mark.parametrize("value", [None, "", " ", "\t\r\n", "\u3000"])
def test_a_required_field_that_is_blank_is_missing(
    bed: Bed, door: Door, field: str, status: int, value: str | None
) -> None:
    customer = bed.bystander
    assert door.post(customer, GOOD | {field: value}).status == status
    assert door.send(customer, **{field: None}).status == status
    bed.assert_untouched()


def test_the_body_wins_over_the_url(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    query = GOOD | {"numbers": "81234567809", "content": "of the URL"}
    reply = door.post(customer, {"numbers": "81234567801"}, query=query)
    assert phones(reply) == ["6281234567801"]
    assert content_of(bed, reply) == "of the URL"
    assert door.post(customer, {"numbers": ""}, query=query).status == -8


def test_the_first_of_a_name_counts(bed: Bed, door: Door) -> None:
    fields = urlencode(GOOD) + "&numbers=1&content=other"
    reply = door.post(bed.customer(), fields, kind=FORM)
    assert content_of(bed, reply) == "hello"


@pytest.mark.parametrize("value", ["1", "1" * 200])  # the helper process reads a long body
def test_a_hundred_fields_are_read_and_one_more_is_refused(bed: Bed, door: Door, value: str) -> None:
    whole = GOOD | {f"x{number}": value for number in range(100 - len(GOOD))}
    over = {"x": value} | whole
    kinds: dict[str, Callable[[dict[str, str]], str | bytes]] = {
        "application/json": json.dumps,
        FORM: urlencode,
        "multipart/form-data; boundary=b": multipart,
    }
    for kind, write in kinds.items():
        assert door.post(bed.customer(), write(whole), kind=kind).status == 0
        assert_malformed(door.post(bed.bystander, write(over), kind=kind), "more than 100 ")
    bed.assert_untouched()


def test_a_url_of_too_many_parameters_is_refused(bed: Bed, door: Door) -> None:
    customer = bed.customer()
    more = {f"x{number}": "1" for number in range(97 - len(GOOD))}
    assert door.get(customer, query=GOOD | more).status == 0
    word = "the URL has more than 100 parameters"
    assert_malformed(door.get(bed.bystander, query=GOOD | more | {"x": "1"}), word)
    assert_malformed(door.post(bed.bystander, GOOD, query=GOOD | more | {"x": "1"}), word)
    assert_malformed(door.get(bed.bystander, BALANCE, query=GOOD | more | {"x": "1"}), word)
    bed.assert_untouched()


@pytest.mark.parametrize(
    ("field", "status"),
    [("content", -12), ("action", -12), ("codeId", -19), ("senderId", -12), ("routing", 3), ("numbers", -9)],
)
@pytest.mark.parametrize("text", ["%00", "a%00b", "%ff", "%ed%a0%80", "%ed%a0%80%ed%b0%80"])
def test_nul_and_lone_surrogates(bed: Bed, door: Door, field: str, status: int, text: str) -> None:
    customer = bed.bystander
    body = f"{urlencode(without(field))}&{field}={text}"
    for kept in ({}, KEY):
        assert door.post(customer, body, kind=FORM, headers=kept).status == status
    as_json = {**GOOD, field: "a\x00b"}
    assert door.post(customer, as_json, headers=KEY).status == status
    bed.assert_untouched()


bodies = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(
        st.sampled_from([*GOOD, "senderId", "routing", "templateId", "sendTime"]),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30), st.lists(st.integers())),
        max_size=6,
    ).map(lambda fields: json.dumps(GOOD | fields).encode()),
    st.dictionaries(st.sampled_from(list(GOOD)), st.binary(max_size=20)).map(
        lambda fields: "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()
    ),
    st.lists(
        st.sampled_from([b"--b", b"\r\n", b"--", b"Content-Disposition: form-data; name=numbers", b"x", b":"])
    ).map(b"".join),
)


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(
    body=bodies, kind=st.sampled_from(["application/json", FORM, "multipart/form-data; boundary=b", "text/xml", "é"])
)
def test_whatever_comes_the_reply_is_the_contracts(bed: Bed, door: Door, body: bytes, kind: str) -> None:
    customer = bed.special("secret")
    reply = door.post(customer, body, kind=kind, headers={"Idempotency-Key": quote_plus(body)[:200] or "none"})
    assert reply.http in {200, 415}
    if reply.http == 200 and reply.status != 0:
        assert reply.json["message"] == reply.json["msg"]
        assert reply.status in {-4, -5, -6, -8, -9, -11, -12, -16, -17, -18, -19, 3, 4}


def without(field: str) -> dict[str, str]:
    return {name: value for name, value in GOOD.items() if name != field}


def phones(reply: Reply) -> list[str]:
    return [row["phone"] for row in reply.data["successData"]]


def content_of(bed: Bed, reply: Reply) -> str:
    return str(bed.one("SELECT content FROM batch WHERE batch_no = %s", int(reply.data["batchNo"])))
