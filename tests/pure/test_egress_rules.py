"""Addresses, URLs and answers of servers that customers name."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.kit.address import Guard, read_url
from tocsin.kit.answer import KEPT_BODY, Answer, BadAnswerError

INSIDE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.0.192", "198.18.0.1",
    "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", INSIDE)
def test_inner_addresses_are_refused(address: str) -> None:
    assert Guard().refuses(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_public_addresses_are_not(address: str) -> None:
    assert not Guard().refuses(address)


def test_what_the_operator_opened_is_open_and_nothing_beside_it() -> None:
    guard = Guard([ipaddress.ip_network("127.0.0.0/8")])
    assert not guard.refuses("127.0.0.1")
    assert not guard.refuses("::ffff:127.0.0.1")
    assert guard.refuses("10.0.0.1")
    assert guard.refuses("::1")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.b/", "http:///x", "https://u:p@a.b/", "http://a.b:0x/", "http://a.b:99999/", "http://a b/", "x", "",
        "http://a.b/\r\nHost: c", "http://[fe80::1%25eth0]/", "http://a/" + "x" * 3000, "http://a@b/", "http://a.b\\c/",
    ],
)  # fmt: skip
def test_bad_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_url(url)


def test_a_url_makes_a_request_line() -> None:
    target = read_url("https://Example.com:8443/a/b%20c?x=1&y=ä#z")
    assert (target.host, target.port, target.tls) == ("example.com", 8443, True)
    assert target.head == b"/a/b%20c?x=1&y=%C3%A4 HTTP/1.1\r\nHost: example.com:8443\r\n"
    assert read_url("http://[2001:db8::1]/").head.endswith(b"Host: [2001:db8::1]\r\n")
    assert read_url("http://bücher.example").host == "xn--bcher-kva.example"


WHOLE = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n3;a=b\r\nyes\r\n0\r\n\r\n", 200, b"okyes", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n", 200, b"", True),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Oh\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        500,
        b"",
        False,
    ),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, b"a", False),
    (b"HTTP/1.1 429 Wait\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n", 429, b"", True),
]


@pytest.mark.parametrize(("data", "status", "body", "reusable"), WHOLE)
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_answers_are_read_in_any_pieces(data: bytes, status: int, body: bytes, reusable: bool, step: int) -> None:
    answer = Answer()
    for i in range(0, len(data), step):
        assert not answer.done
        answer.feed(data[i : i + step])
    assert (answer.done, answer.status, answer.body, answer.reusable) == (True, status, body, reusable)


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 200 OK\r\n\r\nhello")
    assert not answer.done
    assert answer.end()
    assert (answer.body, answer.reusable) == (b"hello", False)


def test_a_cut_answer_is_none() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")
    assert not answer.end()


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 500,
        b"x" * 20_000,
        b"HTTP/1.1 2x0 OK\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        Answer().feed(data)


def test_an_endless_body_is_cut_off() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    for _ in range(100):
        if not answer.done:
            answer.feed(b"y" * 1000)
    assert (answer.done, answer.status, len(answer.body), answer.reusable) == (True, 200, KEPT_BODY, False)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    answer = Answer()
    try:
        answer.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
    except BadAnswerError:
        assert not answer.done
