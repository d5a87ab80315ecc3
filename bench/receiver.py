"""A customer's web server that only counts: `python -m bench.receiver`, port on stdout; ends with its stdin.

POST /NAME?wait_ms=100 answers after so long. GET /NAME gives what it counted under that name as JSON: pushes, rows, and
a Mark every so many rows; `ids` with the time at which each came, for the name "single" alone.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import uvloop

SINGLE = "single"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_MARK_ROWS = 1000


class Counted(msgspec.Struct):
    """What came under one name. Times are epoch seconds."""

    pushes: int = 0
    rows: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    marks: list[tuple[float, int]] = msgspec.field(default_factory=list)  # (time, rows so far)
    ids: dict[str, float] = msgspec.field(default_factory=dict)


class _Book(msgspec.Struct):
    by_name: dict[str, Counted] = msgspec.field(default_factory=dict)

    def count(self, name: str, body: bytes) -> None:
        now = time.time()
        counted = self.by_name.setdefault(name, Counted())
        at = body.index(b'"cnt":') + 6
        counted.pushes += 1
        counted.first_at = counted.first_at or now
        before = counted.rows
        counted.rows += int(body[at : body.index(b",", at)])
        counted.last_at = now
        if before // _MARK_ROWS != counted.rows // _MARK_ROWS:
            counted.marks.append((now, counted.rows))
        if name == SINGLE:
            for row in msgspec.json.decode(body)["array"]:
                counted.ids[row[0]] = now


class _Line(asyncio.Protocol):
    """One kept connection of the pusher."""

    def __init__(self, book: _Book, loop: asyncio.AbstractEventLoop) -> None:
        self._book = book
        self._loop = loop
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        data = self._data + data
        while True:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                break
            head = data[:end]
            lower = head.lower()
            at = lower.find(b"content-length:")
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(data) < end + 4 + length:
                break
            self._answer(head, data[end + 4 : end + 4 + length])
            data = data[end + 4 + length :]
        self._data = data

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        method, target, _ = head.split(b" ", 2)
        url = urlsplit(target.decode())
        name = url.path.strip("/")
        if method == b"GET":
            shown = msgspec.json.encode(self._book.by_name.get(name, Counted()))
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(shown), shown))
            return
        self._book.count(name, body)
        wait_ms = int(parse_qs(url.query).get("wait_ms", ["0"])[0]) if url.query else 0
        if wait_ms:
            self._loop.call_later(wait_ms / 1000, self._transport.write, _OK)
        else:
            self._transport.write(_OK)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    book = _Book()
    server = await loop.create_server(lambda: _Line(book, loop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
