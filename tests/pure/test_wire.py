"""The readers of requests: whatever comes, fields or Malformed, never another exception."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.accounts import Directory
from tocsin.api.auth import authenticate, compute_sign
from tocsin.api.idempotency import hash_request
from tocsin.api.sms import read_ask
from tocsin.api.wire import (
    MAX_FIELDS,
    MAX_PARTS,
    CutQuery,
    Malformed,
    Request,
    UnknownKind,
    parse_body,
    parse_query,
    text_field,
)
from tocsin.content import Status
from tocsin.kit.visitor import client_address, network_of, undress
from tocsin.messaging import Ask, Refusal

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"

texts = st.text(max_size=20)
odd_texts = st.text(st.characters(exclude_categories=()), max_size=20)  # lone surrogates too
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["numbers", "content", "codeId", "action", "senderId", "routing", "templateId", "sendTime", "ids"]
)
pieces = st.sampled_from(
    [
        b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\n", b'Content-Disposition: form-data; name="numbers"', b"81234567801",
        b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: quoted-printable", b"\x00", b'filename="x"', b";:",
    ]
)  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=100),
    st.dictionaries(names | texts, values, max_size=6).map(lambda fields: json.dumps(fields).encode()),
    st.binary(max_size=60).map(lambda raw: b"{" + raw),
    st.lists(pieces, max_size=20).map(b"".join),
    st.lists(st.tuples(names, st.binary(max_size=10)), max_size=5).map(
        lambda pairs: "&".join(f"{name}={quote(value)}" for name, value in pairs).encode()
    ),
)
kinds = st.sampled_from(["", "application/json", FORM, MULTIPART, "multipart/form-data", "text/xml"]) | odd_texts


def request(body: bytes, kind: str = "application/json") -> Request:
    return Request("POST", "/x", {}, kind, body, "127.0.0.1", "r")


def attempt(read: Callable[..., Any], *args: Any) -> Any:
    """What it gives, or the refusal; any other exception is a fault."""
    try:
        return read(*args)
    except (Malformed, UnknownKind) as refused:
        return refused


@given(body=bodies, kind=kinds)
def test_a_body_is_fields_or_malformed(body: bytes, kind: str) -> None:
    fields = attempt(parse_body, request(body, kind))
    if isinstance(fields, Exception):
        assert str(fields) or isinstance(fields, UnknownKind)
        return
    assert all(isinstance(name, str) for name in fields)
    assert len(hash_request("/x", fields, {})) == 32
    ask = attempt(read_ask, fields, {})
    if isinstance(ask, Malformed):
        assert " must be a string" in str(ask)
    else:
        assert all(value is None or isinstance(value, str) for value in (ask.numbers, ask.content, ask.routing))


@given(fields=st.dictionaries(names, odd_texts, max_size=6))
def test_a_form_gives_back_what_was_put_in(fields: dict[str, str]) -> None:
    body = urlencode(fields, errors="surrogatepass").encode()
    got = parse_body(request(body or b"x=", FORM))
    for name, value in fields.items():
        assert got[name].encode("utf-8", "surrogateescape") == value.encode("utf-8", "surrogatepass")


@given(fields=st.dictionaries(names, texts, max_size=6))
def test_multipart_gives_back_what_was_put_in(fields: dict[str, str]) -> None:
    parts = [f'--zzz\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in fields.items()]
    body = ("".join(parts) + "--zzz--\r\n").encode()
    assert parse_body(request(body, "multipart/form-data; boundary=zzz")) == fields


@given(text=odd_texts | st.lists(odd_texts, max_size=300).map("&".join))
def test_a_query_is_always_read(text: str) -> None:
    found = parse_query(text)
    assert len(found) <= MAX_FIELDS
    assert all(isinstance(value, str) for value in found.values())


def test_a_url_of_more_than_a_hundred_parameters_is_known_as_one() -> None:
    whole = "&".join(f"n{number}=%41" for number in range(MAX_FIELDS))
    assert parse_query(whole) == {f"n{number}": "A" for number in range(MAX_FIELDS)}
    assert not isinstance(parse_query(whole + "&"), CutQuery), "nothing follows"
    cut = parse_query(whole + "&more=1")
    assert isinstance(cut, CutQuery)
    assert cut == parse_query(whole)
    assert isinstance(parse_query("&" * 128), CutQuery), "a short one too"


def write_form(count: int) -> tuple[str, bytes]:
    return FORM, "&".join(f"n{number}=1" for number in range(count)).encode()


def write_json(count: int) -> tuple[str, bytes]:
    return "application/json", json.dumps({f"n{number}": 1 for number in range(count)}).encode()


def write_parts(count: int, *, files: int = 0) -> tuple[str, bytes]:
    head = '--b\r\nContent-Disposition: form-data; name="'
    fields = [f'{head}n{number}"\r\n\r\n1\r\n' for number in range(count - files)]
    uploads = [f'{head}n"; filename="f"\r\n\r\n1\r\n'] * files
    return MULTIPART, ("".join([*fields, *uploads]) + "--b--\r\n").encode()


@pytest.mark.parametrize(
    ("write", "most", "what"),
    [
        (write_form, MAX_FIELDS, "fields"),
        (write_json, MAX_FIELDS, "fields"),
        (write_parts, MAX_PARTS, "parts"),
        (partial(write_parts, files=40), MAX_PARTS, "parts"),
    ],
)
def test_a_body_of_more_than_a_hundred_fields_is_refused(
    write: Callable[[int], tuple[str, bytes]], most: int, what: str
) -> None:
    kind, body = write(most)
    fields = parse_body(request(body, kind))
    assert sum(len(value) if isinstance(value, list) else 1 for value in fields.values()) == most
    kind, body = write(most + 1)
    with pytest.raises(Malformed, match=f"the body has more than {most} {what}"):
        parse_body(request(body, kind))


def test_the_first_of_a_name_counts() -> None:
    assert parse_query("a=1&a=2&b&c=&=d&e=f=g&a+b=c+d&%61=3") == {"a": "1", "c": "", "": "d", "e": "f=g", "a b": "c d"}


@given(value=values)
def test_a_field_is_text_or_absent_or_malformed(value: Any) -> None:
    for name in ("numbers", "content"):
        text = attempt(text_field, {name: value}, {name: "of the URL"}, name)
        if isinstance(text, Malformed):
            assert str(text) == f"{name} must be a string"
            assert value not in (None, "")
            continue
        assert text is None or isinstance(text, str)
        assert text != "of the URL"
        if isinstance(value, str):
            assert text == (value or None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10007, "10007"),
        (10007.0, "10007"),
        (8.1234567801e10, "81234567801"),
        (1.5, "1.5"),
        (-1, "-1"),
        (1e300, "1e+300"),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_its_digits(value: Any, text: str | None) -> None:
    assert text_field({"codeId": value}, {}, "codeId") == text
    assert text_field({}, {}, "codeId") is None


@pytest.mark.parametrize("value", [True, False, {}, [], ["10007"], pytest.param(10**5000, id="huge"), b"x"])
def test_what_is_no_text_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed, match="codeId must be a string"):
        text_field({"codeId": value}, {}, "codeId")


def test_a_list_of_numbers_is_a_comma_list() -> None:
    assert text_field({"numbers": ["1", 2, 3.0]}, {}, "numbers") == "1,2,3"
    bad_lists: list[list[Any]] = [[None], [True], [[1]], [{}]]
    for bad in bad_lists:
        with pytest.raises(Malformed):
            text_field({"numbers": bad}, {}, "numbers")


@pytest.mark.parametrize("depth", [100, 900, 1_000, 1_100, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    body = b'{"a":' + b"[" * depth + b"]" * depth + b"}"
    fields = attempt(parse_body, request(body))
    if isinstance(fields, Malformed):
        assert depth > 100
        assert "deeply" in str(fields)
    else:
        assert hash_request("/x", fields, {})


def test_the_hash_is_of_what_was_asked() -> None:
    first = hash_request("/x", {"a": "1", "b": "2"}, {"sign": "s", "c": "3"})
    assert first == hash_request("/x", {"c": "3", "b": "2"}, {"a": "1", "datetime": "d", "account": "n"})
    assert first != hash_request("/y", {"a": "1", "b": "2"}, {"c": "3"})
    assert first != hash_request("/x", {"a": "1", "b": "2"}, {"c": "4"})
    assert first != hash_request("/x", {"a": "1", "b": "\udc80"}, {"c": "3"})
    assert hash_request("/x", {"b": "\udc80"}, {}) != hash_request("/x", {"b": "\udc81"}, {})


def test_nothing_asked_is_nothing_given() -> None:
    assert read_ask({}, {}) == Ask()


TRUSTED = (ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize(
    ("socket", "forwarded", "address"),
    [
        ("192.0.2.1", None, "192.0.2.1"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),  # who is no proxy of ours may write what he likes
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("::1", "1.1.1.1, 203.0.113.7 ,10.9.9.9", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7:80", "203.0.113.7"),
        ("10.0.0.1", "[2001:DB8::7]:80", "2001:db8::7"),
        ("10.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, unknown", "unknown"),
        ("10.0.0.1", "203.0.113.7,", ""),
        ("10.0.0.1", "", ""),
        ("10.0.0.1", "x" * 1000, "x" * 64),
        ("10.0.0.1", "10.2.3.4,10.3.4.5", "10.0.0.1"),
    ],
)
def test_the_clients_address(socket: str, forwarded: str | None, address: str) -> None:
    assert client_address(socket, forwarded, TRUSTED) == address


@given(socket=odd_texts, forwarded=odd_texts)
def test_any_address_is_read(socket: str, forwarded: str) -> None:
    assert isinstance(client_address(socket, forwarded, TRUSTED), str)
    assert len(client_address("10.0.0.1", forwarded, TRUSTED)) <= 64


@given(query=st.dictionaries(st.sampled_from(["account", "sign", "datetime"]), odd_texts), now_s=st.floats(0, 4e9))
def test_nobody_is_let_in_without_a_key(query: dict[str, str], now_s: float) -> None:
    found = authenticate(Directory(lambda text: text), query, False, now_s)
    assert isinstance(found, Refusal)
    assert found.status is Status.AUTHENTICATION


def test_the_sign_is_md5_of_the_three() -> None:
    assert compute_sign("test", "123456", "1628769561") == "d13cd89f7c069feef2a7a202d14b7016"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:cb00:7107", "203.0.113.7"),
        ("64:ff9b::203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("unknown", "unknown"),
        ("", ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_what_limits_count_an_address_by(address: str, network: str) -> None:
    assert network_of(address) == network


def test_an_ipv4_address_in_ipv6_dress_is_ipv4() -> None:
    assert undress("::ffff:203.0.113.7") == "203.0.113.7"
    assert undress("2001:db8::7") == "2001:db8::7"
    assert undress("/run/socket") == "/run/socket"
