"""The server's side of one HTTP/1.1 connection, without I/O: bytes in, requests out, in order (RFC 9110, RFC 9112).

httptools (llhttp) reads; this module adds what it leaves to its user: bounds of head and body, the states of a connection,
and the heads that the standards forbid but llhttp lets pass. Framing that two readers could take differently is never
repaired: it is answered 400, and the connection closes. The owner calls `receive` with what came, answers the requests in
order, and calls `answered` after each answer.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

import httptools

from tocsin.http1.model import TRANSITIONS, Began, Bounds, Ended, Event, Failed, Incoming, State

FindMaxBody = Callable[[Incoming], int]
"""The most bytes that the body of a request may have, by its head."""

_VERSIONS = frozenset({"1.0", "1.1"})
_CRLF = b"\r\n"
_HIGH = re.compile(rb"[\x80-\xff]")
_MAX_NAMES = 1000
_names: dict[bytes, str] = {}
"""Names of headers in lower case, as they came: the same few come with every request."""

_SINGLE = frozenset({"content-type", "idempotency-key"})
"""Headers whose value is no list: the first line counts."""


class Connection:
    """What came on one connection. Not for two tasks at once."""

    def __init__(self, find_max_body: FindMaxBody, bounds: Bounds | None = None) -> None:
        self._find_max_body = find_max_body
        self._bounds = bounds or Bounds()
        self._parser = httptools.HttpRequestParser(self)
        self.state = State.HEAD
        self.waiting: deque[Incoming] = deque()
        """Requests that are whole and not answered, oldest first."""
        self._events: list[Event] = []
        self._reading: Incoming | None = None
        self._failed = False
        self._in_line = True  # the request line has not ended
        self._began = False  # the parser has seen a byte of a head
        self._is_priming = False
        self._is_new = False
        self._clear_head()

    def receive(self, data: bytes) -> list[Event]:
        """What `data` brought. Nothing after a Failed."""
        if self._failed or self.state >= State.DRAIN:
            return []
        if self._in_line:
            data = self._escape_line(data)
        self._feed(data)
        if self._began or self._reading is not None:
            self._check_head_size(len(data))
        events, self._events = self._events, []
        return events

    def answered(self) -> None:
        """The oldest request was answered: the next one's turn, or the end."""
        request = self.waiting.popleft() if self.waiting else self._reading
        if request is None or not request.is_whole:
            self._go(State.DRAIN if request is not None and self.state is State.BODY else State.CLOSE)
        elif not request.keeps_alive:
            self._go(State.CLOSE)
        elif not self.waiting and not self._failed:
            self._go(State.HEAD if self._reading is None else State.BODY)

    def close(self) -> None:
        """Nothing more is read."""
        self.state = State.CLOSE

    @property
    def is_idle(self) -> bool:
        """Between two requests, and nothing of the next one is there."""
        return self.state is State.HEAD and not self._began

    def _go(self, state: State) -> None:
        if state is not self.state:
            assert state in TRANSITIONS[self.state], (self.state, state)
            self.state = state

    def _feed(self, data: bytes) -> None:
        while data and not self._failed:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
                self._decline_upgrade()
                continue
            except httptools.HttpParserCallbackError as error:
                raise error.__context__ or error from None  # a bug of ours
            except httptools.HttpParserError as error:
                self._fail(400, str(error))
            return

    def _decline_upgrade(self) -> None:
        """No other protocol is spoken here: the request is served as it is (RFC 9110, 7.8).

        To llhttp the rest is of the other protocol, the body too. A fresh parser reads on from the same framing.
        """
        self._parser = httptools.HttpRequestParser(self)
        request = self._reading
        if request is None:
            return
        framing = "transfer-encoding: chunked" if request.chunked else f"content-length: {request.length}"
        self._is_priming = True
        self._parser.feed_data(f"POST / HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n".encode())
        self._is_priming = False

    def _fail(self, status: int, reason: str) -> None:
        if self._failed or (self.waiting and not self.waiting[-1].keeps_alive):
            return  # what comes after the last request is nobody's (RFC 9112, 9.6)
        self._failed = True
        self._events.append(Failed(status, reason))

    def _escape_line(self, data: bytes) -> bytes:
        """Bytes beyond ASCII in a request line percent-encoded, as browsers do: many clients do not, and llhttp refuses them."""
        start = 0 if self._began else len(data) - len(data.lstrip(_CRLF))
        end = data.find(b"\r", start)
        self._in_line = end < 0
        if data.isascii():
            return data
        end = len(data) if end < 0 else end
        return _HIGH.sub(lambda found: b"%%%02X" % found[0][0], data[:end]) + data[end:]

    def _check_head_size(self, came: int) -> None:
        """A head or a trailer that does not end: llhttp keeps an unfinished line to itself, so the input is counted here."""
        if len(self._lines) > self._bounds.header_count:
            self._fail(431, "the headers are too large")
        if not self._began or self._failed:
            return
        self._in_line &= not self._lines
        self._head_size += 0 if self._is_new else came
        self._is_new = False
        if self._head_size > self._bounds.url + self._bounds.headers:
            self._fail(431, "the headers are too large")

    # What httptools calls, in the order of a message.

    def on_message_begin(self) -> None:
        if not self._is_priming:
            self._began = True
            self._clear_head()

    def _clear_head(self) -> None:
        self._url = b""
        self._lines: list[tuple[bytes, bytes]] = []
        self._head_size = 0
        self._is_new = True  # it began in the input that is being read

    def on_url(self, url: bytes) -> None:
        if self._is_priming:
            return
        self._url += url
        if len(self._url) > self._bounds.url:
            self._fail(414, "the URL is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines.append((name, value))  # of a trailer too: nobody reads it there

    def on_headers_complete(self) -> None:
        self._began = self._in_line = False
        if self._failed or self._is_priming:
            return
        request = self._read_head()
        if request is None:
            return
        request.max_body = self._find_max_body(request)
        self._reading = request
        self._events.append(Began(request))
        if request.length is not None and request.length > request.max_body:
            self._fail(413, "the body is too large")
        elif self.state is State.HEAD:
            self._go(State.BODY)

    def on_body(self, piece: bytes) -> None:
        request = self._reading
        if self._failed or request is None:
            return
        request.size += len(piece)
        if request.size > request.max_body:
            self._fail(413, "the body is too large")
            return
        (request.sink or request.pieces.append)(piece)

    def on_message_complete(self) -> None:
        request = self._reading
        if self._failed or request is None or (request.has_body and self._parser.should_upgrade()):
            return
        request.is_whole = self._in_line = True
        self._reading = None
        self.waiting.append(request)
        self._events.append(Ended(request))
        self._go(State.ANSWER)

    def _read_head(self) -> Incoming | None:
        """The request of a whole head; None where it cannot be served, which is said then."""
        parser, headers = self._parser, self._read_headers()
        if headers is None:
            return None
        version = parser.get_http_version()
        if fault := _find_fault(version, headers):
            self._fail(400, fault)
            return None
        path, _, query = _find_origin(self._url.decode("ascii")).partition("?")
        request = Incoming(parser.get_method().decode("ascii"), path, query, headers)
        request.chunked = "transfer-encoding" in headers
        length = headers.get("content-length")
        request.length = int(length) if length is not None else None
        request.keeps_alive = version == "1.1" and request.method != "CONNECT" and parser.should_keep_alive()
        request.expects_continue = (
            "expect" in headers and headers["expect"].lower() == "100-continue" and version == "1.1"
        )
        return request

    def _read_headers(self) -> dict[str, str] | None:
        headers: dict[str, str] = {}
        size = 0
        for raw, value in self._lines:
            size += len(raw) + len(value)
            name = _names.get(raw) or _read_name(raw)
            text = value.decode("latin-1").strip(" \t")
            if name not in headers:
                headers[name] = text
            elif name not in _SINGLE:
                headers[name] = f"{headers[name]},{text}"
        if size > self._bounds.headers or len(self._lines) > self._bounds.header_count:
            self._fail(431, "the headers are too large")
            return None
        return headers


def _find_origin(target: str) -> str:
    """Path and query of a request target: some proxies and clients write the whole URL (RFC 9112, 3.2.2)."""
    if target[:1] == "/" or "://" not in target:
        return target
    _, slash, rest = target.partition("://")[2].partition("/")
    return slash + rest if slash else "/"


def _read_name(raw: bytes) -> str:
    """The name of a header in lower case."""
    name = raw.decode("ascii").lower()
    if len(_names) < _MAX_NAMES:
        _names[raw] = name
    return name


def _find_fault(version: str, headers: dict[str, str]) -> str | None:
    """What the standards forbid of a head and llhttp lets pass (RFC 9112, 2.3, 3.2 and 6.1)."""
    if version not in _VERSIONS:
        return "only HTTP/1.0 and HTTP/1.1 are spoken here"
    if version == "1.1" and ("host" not in headers or "," in headers["host"]):
        return "a request has one Host"
    coding = headers.get("transfer-encoding")
    if coding is not None and (version == "1.0" or coding.lower() != "chunked"):
        return "no transfer coding but chunked is known"
    return None
