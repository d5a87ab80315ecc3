"""A server's side of HTTP/1.1 against h11, an implementation by others: what is read, and what is refused.

h11 is the oracle in both directions: its client writes the requests that we read, and reads the answers that we write.
"""

from __future__ import annotations

import itertools
import random

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.http1 import Began, Bounds, Connection, Ended, Failed, Incoming, State, render

DATE = "Tue, 01 Dec 2026 12:00:00 GMT"
MAX_BODY = 1 << 20
HOST = b"Host: x\r\n"
ANSWERS = {400, 413, 414, 431}

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda name: f"x-{name}")
VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=30)
TARGET = st.text("abcXYZ019-._~%2F?&=+", max_size=40).map(lambda text: f"/{text}")
REQUEST = st.tuples(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS"]), TARGET, st.lists(st.tuples(TOKEN, VALUE), max_size=6),
    st.lists(st.binary(min_size=1, max_size=40), max_size=4), st.booleans(),
)  # fmt: skip


Asked = tuple[str, str, list[tuple[str, str]], list[bytes], bool]


def write(request: Asked) -> bytes:
    """The bytes that h11's client sends for a request."""
    method, target, headers, pieces, chunked = request
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", str(sum(map(len, pieces))))
    client = h11.Connection(h11.CLIENT)
    out = client.send(h11.Request(method=method, target=target, headers=[("host", "x"), *headers, framing]))
    assert out is not None
    for piece in pieces:
        out += client.send(h11.Data(data=piece)) or b""
    return bytes(out + (client.send(h11.EndOfMessage()) or b""))


def read_all(data: bytes, cuts: list[int]) -> tuple[list[Incoming], list[Failed]]:
    """What a connection reads, input cut at some places; each request is answered as soon as it is whole."""
    connection = Connection(lambda _: MAX_BODY)
    done: list[Incoming] = []
    failed: list[Failed] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        failed += [event for event in connection.receive(data[start:end]) if isinstance(event, Failed)]
        while connection.waiting:
            done.append(connection.waiting[0])
            connection.answered()
    return done, failed


def one(data: bytes) -> list[Began | Ended | Failed]:
    return Connection(lambda _: MAX_BODY).receive(data)


@given(st.lists(REQUEST, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_what_h11_writes_is_read_whatever_the_cuts(requests: list[Asked], chance: random.Random) -> None:
    data = b"".join(map(write, requests))
    cuts = sorted(chance.sample(range(1, len(data)), min(len(data) - 1, chance.randrange(8))))
    done, failed = read_all(data, cuts)
    assert failed == []
    for request, (method, target, headers, pieces, chunked) in zip(done, requests, strict=True):
        path, _, query = target.partition("?")
        assert (request.method, request.path, request.query) == (method, path, query)
        assert request.body == b"".join(pieces)
        assert request.chunked == chunked
        wanted: dict[str, list[str]] = {}
        for name, value in headers:
            wanted.setdefault(name, []).append(value)
        assert {name: request.headers[name] for name in wanted} == {n: ",".join(v) for n, v in wanted.items()}


def test_a_request_is_the_same_cut_at_every_byte() -> None:
    body = [b'{"numbers":"', "短信".encode(), b'"}']
    for chunked in (False, True):
        data = write(("POST", "/api/v1/sms/sendbatchsms?account=a&sign=b", [("x-a", "1")], body, chunked))
        data += write(("GET", "/docs", [], [], False))
        whole = [(r.method, r.path, r.query, r.headers, r.body) for r in read_all(data, [])[0]]
        assert len(whole) == 2
        for cut in range(1, len(data)):
            done, failed = read_all(data, [cut])
            assert failed == []
            assert [(r.method, r.path, r.query, r.headers, r.body) for r in done] == whole
        assert [
            (r.method, r.path, r.query, r.headers, r.body) for r in read_all(data, list(range(1, len(data))))[0]
        ] == whole


@given(REQUEST, st.randoms(use_true_random=False))
def test_a_damaged_request_has_a_documented_answer_or_none(request: Asked, chance: random.Random) -> None:
    data = bytearray(write(request))
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    done, failed = read_all(bytes(data), [])
    assert len(failed) <= 1
    assert {each.status for each in failed} <= ANSWERS
    assert all(request.is_whole for request in done)


POST = b"POST /a HTTP/1.1\r\n" + HOST
AMBIGUOUS = {
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a length with a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a length of 23 digits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "length and chunked": POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: identity\r\n\r\nabc",
    "another coding before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is too long": POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a chunk size that is no number": POST + b"Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    "a huge chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
    "bare LF after a chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
    "bare LF": b"GET /a HTTP/1.1\nHost: x\n\n",
    "bare LF after a header": b"GET /a HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    "bare CR in a header": b"GET /a HTTP/1.1\r\n" + HOST + b"A: b\rc\r\n\r\n",
    "a folded header": b"GET /a HTTP/1.1\r\n" + HOST + b"A: b\r\n c\r\n\r\n",
    "a blank before the colon": b"GET /a HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n",
    "a blank before the first header": b"GET /a HTTP/1.1\r\n " + HOST + b"\r\n",
    "no Host": b"GET /a HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /a HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "NUL in a header": b"GET /a HTTP/1.1\r\n" + HOST + b"A: b\x00c\r\n\r\n",
    "HTTP/0.9": b"GET /a\r\n\r\n",
    "HTTP/2.0": b"GET /a HTTP/2.0\r\n" + HOST + b"\r\n",
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_framing_that_can_be_read_in_two_ways_is_refused(data: bytes) -> None:
    events = one(data)
    assert [event.status for event in events if isinstance(event, Failed)] == [400]
    assert not any(isinstance(event, Ended) for event in events)
    for cut in range(1, len(data)):
        done, failed = read_all(data, [cut])
        assert (done, [each.status for each in failed]) == ([], [400])


def test_what_is_too_large_is_told_apart() -> None:
    small = Bounds(url=100, headers=200, header_count=5)

    def read(data: bytes, most: int = 10) -> list[int]:
        connection = Connection(lambda _: most, small)
        events = [event for at in range(0, len(data), 64) for event in connection.receive(data[at : at + 64])]
        return [event.status for event in events if isinstance(event, Failed)]

    assert read(b"GET /" + b"a" * 99 + b" HTTP/1.1\r\n" + HOST + b"\r\n") == []
    assert read(b"GET /" + b"a" * 100 + b" HTTP/1.1\r\n" + HOST + b"\r\n") == [414]
    assert read(b"GET /a HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 250 + b"\r\n\r\n") == [431]
    assert read(b"GET /a HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 5 + b"\r\n") == [431]
    assert read(b"GET /a HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 1000) == [431]  # a line without an end
    assert read(POST + b"Content-Length: 10\r\n\r\n" + b"a" * 10) == []
    assert read(POST + b"Content-Length: 11\r\n\r\n") == [413]  # by its head alone
    assert read(POST + b"Transfer-Encoding: chunked\r\n\r\nb\r\n") == []
    assert read(POST + b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"a" * 11) == [413]


def test_requests_before_a_bad_one_are_served_and_nothing_after_it() -> None:
    good = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
    connection = Connection(lambda _: MAX_BODY)
    events = connection.receive(good + b"GET /b\n\n" + good)
    assert [type(event) for event in events] == [Began, Ended, Failed]
    assert connection.receive(good) == []
    states = []
    for _ in range(2):
        connection.answered()
        states.append(connection.state)
    assert states == [State.ANSWER, State.CLOSE]  # the bad one has an answer of its own


def test_what_follows_the_last_request_is_nobodys() -> None:
    for last in (b"Connection: close\r\n", b""):
        version = b"HTTP/1.1" if last else b"HTTP/1.0"
        done, failed = read_all(b"GET /a " + version + b"\r\n" + HOST + last + b"\r\nGET /b HTTP/1.1\r\n\r\n", [])
        assert ([request.path for request in done], failed) == (["/a"], [])
        assert not done[0].keeps_alive


def test_a_protocol_that_is_offered_is_declined_and_the_request_served() -> None:
    """Java's client offers h2c with every first request, a POST too."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    get = b"GET /a HTTP/1.1\r\n" + HOST + offer + b"\r\n"
    post = POST + offer + b"Content-Length: 3\r\n\r\nabc"
    data = get + post + b"GET /b HTTP/1.1\r\n" + HOST + b"\r\n"
    for cuts in ([], list(range(1, len(data)))):
        done, failed = read_all(data, cuts)
        assert failed == []
        assert [(request.path, request.body, request.keeps_alive) for request in done] == [
            ("/a", b"", True), ("/a", b"abc", True), ("/b", b"", True),
        ]  # fmt: skip


def test_text_beyond_ascii_in_a_url_is_percent_encoded() -> None:
    data = "GET /a?content=短信 HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    for cut in range(1, len(data)):
        done, failed = read_all(data, [cut])
        assert failed == []
        assert done[0].query == "content=%E7%9F%AD%E4%BF%A1"


def test_an_early_answer_drains_and_closes() -> None:
    connection = Connection(lambda _: MAX_BODY)
    (began,) = connection.receive(POST + b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
    assert isinstance(began, Began)
    assert began.request.expects_continue
    connection.answered()
    assert connection.state is State.DRAIN
    assert connection.receive(b"a" * 1000) == []


def test_trailers_change_nothing() -> None:
    data = POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\nHost: y\r\n\r\n"
    done, failed = read_all(data, [])
    assert failed == []
    assert done[0].headers == {"host": "x", "transfer-encoding": "chunked"}


def test_lines_of_one_header_are_a_list_and_of_a_single_one_the_first() -> None:
    data = (
        b"GET /a HTTP/1.1\r\n"
        + HOST
        + b"X-Forwarded-For: 1\r\nx-forwarded-for: 2\r\nContent-Type: a\r\nContent-Type: b\r\n\r\n"
    )
    (request,) = read_all(data, [])[0]
    assert (request.headers["x-forwarded-for"], request.headers["content-type"]) == ("1,2", "a")


ANSWERED = list(
    itertools.product((200, 204, 302, 400, 405, 413, 504), (b"", b'{"status":0}'), (False, True), (False, True))
)


@pytest.mark.parametrize(("status", "body", "closes", "is_head"), ANSWERED)
def test_h11_reads_what_we_answer(status: int, body: bytes, closes: bool, is_head: bool) -> None:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="HEAD" if is_head else "GET", target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    out = render(status, [("content-type", "application/json")], body, date=DATE, closes=closes, is_head=is_head)
    client.receive_data(out)
    response = client.next_event()
    assert isinstance(response, h11.Response)
    assert response.status_code == status
    assert dict(response.headers)[b"date"] == DATE.encode()
    read = b""
    while isinstance(event := client.next_event(), h11.Data):
        read += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert read == (b"" if is_head or status == 204 else body)
    assert client.their_state is (h11.MUST_CLOSE if closes else h11.DONE)


def test_a_header_cannot_bring_a_second_one() -> None:
    with pytest.raises(ValueError, match="location"):
        render(302, [("location", "/a\r\nset-cookie: b=c")], b"", date=DATE)
