"""The bare servers that the product is compared with: `python -m bench.bare front|rsgi|starlette DSN`, port on stdout.

`front` stands on the product's own front, `rsgi` and `starlette` on Granian.

What they do: read the JSON, make an id, wait for the group's COPY and commit, answer in the product's shape. One writer
task puts everything that arrived meanwhile into one binary COPY and one commit. What they leave out: sign, limits,
numbers, parts, route, price, charge, ledger, lane. The table has the product's shape, partitions and indexes.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from psycopg.rows import TupleRow
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.table import COPY, TYPES, Row, make_row
from bench.wire import PATH
from tocsin.api.server import BODY_MOST
from tocsin.front import Answer, Call, Front
from tocsin.http1 import Incoming
from tocsin.kit.ids import Ids

_HEADERS = [("content-type", "application/json;charset=UTF-8")]


class Writer:
    """One COPY and one commit for all that waits."""

    def __init__(self, conn: psycopg.AsyncConnection[TupleRow]) -> None:
        self._conn = conn
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._event = asyncio.Event()

    async def write(self, row: Row) -> None:
        """Returns when the row is committed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        self._event.set()
        await future

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._event.wait()
            self._event.clear()
            group, self._waiting = self._waiting, []
            async with self._conn.cursor() as cursor, cursor.copy(COPY) as copy:
                copy.set_types(TYPES)
                for row, _ in group:
                    await copy.write_row(row)
            for _, future in group:
                future.set_result(None)


class App:
    """What both servers do with a body."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._ids = Ids()
        self._count = 0

    async def answer(self, body: bytes) -> bytes:
        """The reply to a send."""
        fields: dict[str, str] = msgspec.json.decode(body)
        raw = self._ids.one()
        self._count += 1
        batch_no = int(time.time() * 1000) * 10_000 + self._count % 10_000
        phone = "62" + fields["numbers"]
        await self._writer.write(make_row(UUID(bytes=raw), batch_no, phone))
        return (
            f'{{"status":0,"message":"ok","data":{{"success":1,"fail":0,"batchNo":"{batch_no}",'
            f'"successData":[{{"phone":"{phone}","messageId":"{raw.hex()}"}}],"failData":[]}}}}'
        ).encode()


class Rsgi:
    """Straight on the server's own interface."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.path != PATH:
            protocol.response_empty(404, [])
            return
        protocol.response_bytes(200, _HEADERS, await self._app.answer(await protocol()))


class Fronted:
    """On the product's front."""

    def __init__(self, app: App) -> None:
        self._app = app

    def find_max_body(self, _: Incoming) -> int:
        """As the product's sends."""
        return BODY_MOST

    async def __call__(self, call: Call) -> Answer:
        if call.request.path != PATH:
            return Answer(404, [], b"")
        return Answer(200, _HEADERS, await self._app.answer(await call.body()))

    def explain(self, status: int, reason: str) -> Answer:
        """What is no request."""
        return Answer(status, [], reason.encode())


def make_starlette(app: App) -> Starlette:
    """The same behind Starlette's routing, request and response."""

    async def send(request: Request) -> Response:
        return Response(await app.answer(await request.body()), media_type="application/json;charset=UTF-8")

    return Starlette(routes=[Route(PATH, send, methods=["POST"])])


def find_free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def serve(kind: str, dsn: str) -> None:
    """Until SIGTERM."""
    conn = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    writer = Writer(conn)
    writing = asyncio.create_task(writer.run())
    app = App(writer)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if kind == "front":
        front = Front(Fronted(app))
        print(await front.listen("127.0.0.1", 0), flush=True)
        await asyncio.wait({asyncio.create_task(stop.wait()), writing}, return_when=asyncio.FIRST_COMPLETED)
        await front.stop(1.0)
    else:
        await _serve_granian(kind, app, stop, writing)
    writing.cancel()
    await conn.close()


async def _serve_granian(kind: str, app: App, stop: asyncio.Event, writing: asyncio.Task[None]) -> None:
    port = find_free_port()
    target, interface = (Rsgi(app), Interfaces.RSGI) if kind == "rsgi" else (make_starlette(app), Interfaces.ASGI)
    server = Server(
        target, address="127.0.0.1", port=port, interface=interface, log_enabled=False, backlog=2048,
        websockets=False, http=HTTPModes.http1,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    while not writing.done() and not _listens(port):
        await asyncio.sleep(0.02)
    print(port, flush=True)
    await asyncio.wait({serving, asyncio.create_task(stop.wait()), writing}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]
    await serving


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], sys.argv[2]))
