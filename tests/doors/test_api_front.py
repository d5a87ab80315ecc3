"""The API behind its front: what the head alone decides, bounds by endpoint, framing, and the neighbours of bad clients."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlencode

import psutil
import pytest

from tests.doors.api import BALANCE, GOOD, REPORT, SEND, Bed, Customer, Door
from tests.poll import until_sync

KB, MB = 1024, 1024 * 1024
MAIL = "/api/v1/email/sendEmail"
BODY = json.dumps(GOOD).encode()


class Line:
    """A raw connection to the API."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        self._rest = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self) -> tuple[int, bytes]:
        """Status and body of the next answer; 0: the connection was closed instead."""
        head = self._read_until(b"\r\n\r\n")
        if not head:
            return 0, b""
        lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return int(head[9:12]), self._read_bytes(int(lines[0][15:]) if lines else 0)

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._rest:
            if not (more := self._receive()):
                return b""
            self._rest += more
        head, _, self._rest = self._rest.partition(end)
        return head

    def _read_bytes(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._rest += self._receive()
        body, self._rest = self._rest[:size], self._rest[size:]
        return body

    def _receive(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return self._socket.recv(1 << 16)
        return b""

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def line(door: Door) -> Iterator[Line]:
    """A connection of its own."""
    made = Line(door.port)
    yield made
    made.close()


def head(customer: Customer, path: str = SEND, *lines: str, method: str = "POST", **change: str) -> bytes:
    """The head of a signed request, without its end."""
    target = f"{path}?{urlencode(customer.sign(**change))}"
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def status(answer: tuple[int, bytes]) -> int:
    """Of the contract."""
    assert answer[0] == 200, answer
    return int(json.loads(answer[1])["status"])


def test_a_bad_sign_is_answered_before_the_body_and_asks_for_none(bed: Bed, line: Line) -> None:
    line.send(head(bed.bystander, SEND, "Expect: 100-continue", "Content-Length: 8000000", sign="0" * 32))
    assert status(line.read()) == -1
    assert line.read() == (0, b"")


@pytest.mark.parametrize(("name", "wanted"), [("locked", -13), ("abroad", -2)])
def test_a_lock_and_an_address_are_decided_by_the_head(bed: Bed, line: Line, name: str, wanted: int) -> None:
    line.send(head(bed.special(name), SEND, "Content-Length: 5000"))
    assert status(line.read()) == wanted


def test_a_good_sign_is_asked_for_the_body(bed: Bed, line: Line) -> None:
    line.send(head(bed.customer(), SEND, "Expect: 100-continue", f"Content-Length: {len(BODY)}"))
    assert line.read() == (100, b"")
    line.send(BODY)
    assert status(line.read()) == 0


def test_requests_that_come_at_once_are_answered_in_order(bed: Bed, line: Line) -> None:
    customer = bed.customer()
    length = f"Content-Length: {len(BODY)}"
    line.send(
        head(customer, BALANCE, method="GET")
        + head(customer, SEND, length)
        + BODY
        + head(customer, BALANCE, method="GET")
    )
    first, second, third = (json.loads(line.read()[1]) for _ in range(3))
    assert "batchNo" in second["data"]
    assert float(first["data"]["balance"]) > float(third["data"]["balance"])


@pytest.mark.parametrize("path", [REPORT, BALANCE, "/api/v1/schedules/cancel"])
def test_where_nothing_is_sent_a_body_has_64_kilobytes(bed: Bed, door: Door, path: str) -> None:
    kind = "application/x-www-form-urlencoded"
    assert (
        door.call("POST", f"{path}?{urlencode(bed.bystander.sign())}", b"a" * 64 * KB, {"Content-Type": kind}).http
        == 200
    )
    reply = door.call("POST", f"{path}?{urlencode(bed.bystander.sign())}", b"a" * (64 * KB + 1), {"Content-Type": kind})
    assert (reply.http, reply.json["status"]) == (413, 413)


@pytest.mark.parametrize(
    ("method", "path", "size", "wanted"),
    [
        ("GET", BALANCE, 8000, 200),
        ("GET", BALANCE, 8300, 414),
        ("GET", "/healthz", 8300, 414),
        ("GET", SEND, 60_000, 200),
        ("GET", SEND, 66_000, 414),
        ("GET", REPORT, 60_000, 200),
        ("GET", REPORT, 66_000, 414),
    ],
)
def test_a_url_has_so_many_bytes(bed: Bed, door: Door, method: str, path: str, size: int, wanted: int) -> None:
    target = f"{path}?{urlencode(bed.bystander.sign())}&x="
    reply = door.call(method, target + "a" * (size - len(target)))
    assert reply.http == wanted
    assert reply.json["status"] == wanted if wanted == 414 else True


@pytest.mark.parametrize(
    ("lines", "rest", "wanted"),
    [
        (["Content-Length: 5", "Content-Length: 6"], b"hello", 400),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], b"0\r\n\r\n", 400),
        (["Transfer-Encoding: gzip"], b"", 400),
        (["Content-Length : 5"], b"hello", 400),
        (["A: b", " folded: c"], b"", 400),
        (["A: b\nC: d"], b"", 400),
        (["A: " + "a" * 40_000], b"", 431),
        ([f"A{number}: b" for number in range(101)], b"", 431),
    ],
)
def test_framing_that_is_not_plain_is_refused_in_json(
    bed: Bed, door: Door, line: Line, lines: list[str], rest: bytes, wanted: int
) -> None:
    line.send(head(bed.bystander, BALANCE, *lines) + rest)
    http, body = line.read()
    assert (http, json.loads(body)["status"]) == (wanted, wanted)
    assert line.read() == (0, b""), "and the connection ends"
    assert door.get(bed.bystander, BALANCE).status == 0


def test_a_whole_url_is_a_request_target_too(bed: Bed, line: Line) -> None:
    target = f"http://api.example{BALANCE}?{urlencode(bed.bystander.sign())}"
    line.send(f"GET {target} HTTP/1.1\r\nHost: api.example\r\n\r\n".encode())
    assert status(line.read()) == 0


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/nowhere", SEND, "/openapi.json"])
def test_no_answer_may_be_taken_for_another_type(door: Door, path: str) -> None:
    assert door.call("GET", path).headers["x-content-type-options"] == "nosniff"


def test_slow_senders_of_one_address_leave_room_for_others(bed: Bed) -> None:
    """Far more connections than one address may have: the rest is told so at once, and others have theirs."""
    with few_places(bed) as (narrow, most):
        slow = [Line(narrow.port) for _ in range(most + 20)]
        for each in slow:
            with contextlib.suppress(OSError):
                each.send(b"POST /api/v1/sms/sendbatchsms HTTP/1.1\r\n")
        refused = [each for each in slow[most:] if each.read()[0] == 503]
        assert len(refused) == 20
        with socket.create_connection(("127.0.0.1", narrow.port), 60, source_address=("127.0.0.2", 0)) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 200 ")
        for each in slow:
            each.close()
        until_sync(lambda: narrow.call("GET", "/healthz").http == 200)


def test_bodies_of_strangers_are_not_kept(bed: Bed, door: Door) -> None:
    """40 of them at once, who send on after they were refused."""
    stranger = bed.customer()
    process = psutil.Process(door.pid)
    before = process.memory_info().rss
    lines = [Line(door.port) for _ in range(40)]
    for each in lines:
        each.send(head(stranger, MAIL, f"Content-Length: {29 * MB}", sign="0" * 32))
    for _ in range(6):
        for each in lines:
            with contextlib.suppress(OSError):
                each.send(b"x" * MB)
    assert process.memory_info().rss - before < 60 * MB
    for each in lines:
        assert status(each.read()) in {-1, -15}
        each.close()


@contextlib.contextmanager
def few_places(bed: Bed) -> Iterator[tuple[Door, int]]:
    """An API that takes 30 connections of an address."""
    door = Door(bed, bed.home / "narrow.log", TOCSIN_CONNECTIONS_PER_ADDRESS="30")
    door.wait()
    try:
        yield door, 30
    finally:
        door.close()
