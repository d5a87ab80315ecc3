"""The front on real sockets: order, deadlines, room for bodies, early answers, and the stop."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.flows.test_tls import make_certificate
from tests.poll import PATIENCE_S, until
from tocsin.front import Answer, Call, Front, FrontLimits, Room
from tocsin.http1 import Incoming

QUICK = FrontLimits(
    connections=20, per_address=10, head_s=0.4, idle_s=0.8, body_s=0.4, body_rate=100_000, answer_s=5.0, drain_s=0.5,
    drain_bytes=1_000_000, room=200_000, room_s=0.4, sweep_s=0.05,
)  # fmt: skip
HEAD = b"Host: x\r\n"


class Echo:
    """Answers with the path and the length of the body. /refuse answers by the head; /wait waits for `gate`."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun: list[str] = []

    def find_max_body(self, _: Incoming) -> int:
        return 150_000

    async def __call__(self, call: Call) -> Answer:
        path = call.request.path
        self.begun.append(path)
        if path == "/refuse":
            return self.explain(403, "refused")
        body = await call.body()
        if path.startswith("/wait"):
            await self.gate.wait()
        if path == "/bug":
            raise RuntimeError("a bug")
        return Answer(200, [("content-type", "text/plain")], f"{path} {len(body)}".encode())

    def explain(self, status: int, reason: str) -> Answer:
        return Answer(status, [("content-type", "text/plain")], reason.encode())


class Client:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def read(self) -> tuple[int, str]:
        """Status and body of the next answer."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
        return int(head.split()[1]), (await self.reader.readexactly(length)).decode()

    async def ended(self) -> bool:
        """Whether nothing more comes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read() == b""
        return True


class Desk:
    """A front with its application and clients."""

    def __init__(self, limits: FrontLimits) -> None:
        self.application = Echo()
        self.front = Front(self.application, limits)
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, source: str = "127.0.0.1", trust: ssl.SSLContext | None = None) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0), ssl=trust)
        self._writers.append(writer)
        return Client(reader, writer)

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
        await self.front.stop(1.0)


@contextlib.asynccontextmanager
async def serving(
    limits: FrontLimits = QUICK, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Desk]:
    desk = Desk(limits)
    desk.port = await desk.front.listen(host, 0, tls=tls)
    watching = asyncio.create_task(desk.front.run())
    try:
        yield desk
    finally:
        desk.application.gate.set()
        await desk.close()
        watching.cancel()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + HEAD + b"\r\n"


def post(path: str, body: bytes, *lines: bytes) -> bytes:
    return f"POST {path} HTTP/1.1\r\ncontent-length: {len(body)}\r\n".encode() + HEAD + b"".join(lines) + b"\r\n" + body


async def test_pipelined_requests_are_answered_in_order_one_at_a_time() -> None:
    async with serving() as desk:
        client = await desk.connect()
        client.send(get("/wait") + get("/b") + post("/c", b"abc") + get("/d"))
        await until(lambda: desk.application.begun == ["/wait"], 2)
        desk.application.gate.set()
        assert [await client.read() for _ in range(4)] == [
            (200, "/wait 0"),
            (200, "/b 0"),
            (200, "/c 3"),
            (200, "/d 0"),
        ]


async def test_a_body_is_asked_for_only_after_the_head_was_let_in() -> None:
    async with serving() as desk:
        client = await desk.connect()
        client.send(post("/a", b"", b"Expect: 100-continue\r\n").replace(b"length: 0", b"length: 3"))
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert await client.read() == (200, "/a 3")
        client.send(post("/refuse", b"", b"Expect: 100-continue\r\n").replace(b"length: 0", b"length: 3"))
        assert await client.read() == (403, "refused")
        assert await client.ended()


async def test_who_sends_all_before_he_reads_sees_the_refusal() -> None:
    async with serving() as desk:
        for path, size, wanted in (
            ("/refuse", 140_000, (403, "refused")),
            ("/a", 900_000, (413, "the body is too large")),
        ):
            client = await desk.connect()
            client.send(post(path, bytes(size)))
            await client.writer.drain()
            assert await client.read() == wanted
            assert await client.ended()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /a HTT", 408),  # a head that does not end
        (post("/a", bytes(10))[:-5], 408),  # a body that does not
        (b"GET /a\n\n", 400),
        (get("/a")[:-2] + b"A : b\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HEAD + b"\r\n", 414),
        (get("/a")[:-2] + b"A: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (post("/a", b"").replace(b"length: 0", b"length: 150001"), 413),
        (get("/bug"), 500),
    ],
)  # fmt: skip
async def test_each_fault_has_its_answer(sent: bytes, status: int) -> None:
    async with serving() as desk:
        client = await desk.connect()
        client.send(sent)
        assert (await client.read())[0] == status
        if status != 500:
            assert await client.ended()


async def test_who_sends_most_of_a_body_at_once_may_not_stall_long() -> None:
    async with serving(replace(QUICK, body_rate=1)) as desk, asyncio.timeout(PATIENCE_S):
        client = await desk.connect()
        client.send(post("/a", bytes(100_001))[:-1])  # a day of bytes at the least rate
        assert (await client.read())[0] == 408
        assert await client.ended()


async def test_idle_and_endless_blank_lines_end() -> None:
    async with serving() as desk:
        idle, blank = await desk.connect(), await desk.connect()

        async def drip() -> None:
            while True:
                blank.send(b"\r\n")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await idle.ended()
        assert await blank.ended()
        dripping.cancel()


async def test_one_address_has_so_many_connections_and_the_others_theirs() -> None:
    async with serving(replace(QUICK, idle_s=30.0)) as desk:
        clients = [await desk.connect("127.0.0.2") for _ in range(QUICK.per_address)]
        over = await desk.connect("127.0.0.2")
        assert (await over.read())[0] == 503
        assert await over.ended()
        other = await desk.connect("127.0.0.3")
        other.send(get("/a"))
        assert await other.read() == (200, "/a 0")
        clients[0].writer.close()

        async def gets_in() -> bool:
            client = await desk.connect("127.0.0.2")
            client.send(get("/a"))
            return (await client.read())[0] == 200

        async with asyncio.timeout(60):
            while not await gets_in():
                pass


async def test_who_never_begins_tls_has_a_place_and_no_more(tmp_path: Path) -> None:
    """Silent ones, those who speak plainly, and a good client beside them; then the silent ones' time is over."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*make_certificate(tmp_path))
    trust = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
    async with serving(tls=tls) as desk:
        silent = [await desk.connect() for _ in range(QUICK.per_address)]
        await until(lambda: len(desk.front.connections()) == QUICK.per_address, 5)
        one_more = await desk.connect()
        assert await one_more.ended()
        good = await desk.connect("127.0.0.2", trust)
        good.send(get("/good"))
        assert await good.read() == (200, "/good 0")
        plain = await desk.connect("127.0.0.3")
        plain.send(get("/plain"))
        assert await plain.ended()
        assert [await each.ended() for each in silent] == [True] * QUICK.per_address
        await until(lambda: desk.front.connections() == ["127.0.0.2"], 5)


async def test_who_listens_on_every_ipv6_address_is_reached_by_ipv4_too() -> None:
    async with serving(host="::") as desk:
        client = await desk.connect()
        client.send(get("/four"))
        assert await client.read() == (200, "/four 0")
        assert desk.front.connections() == ["127.0.0.1"]


async def test_bodies_share_a_bounded_room_in_the_order_of_arrival() -> None:
    async with serving(replace(QUICK, room_s=5.0, body_s=5.0)) as desk:
        first, second = await desk.connect(), await desk.connect()
        body = bytes(120_000)
        first.send(post("/a", body)[:-1])
        await until(lambda: desk.application.begun == ["/a"], 2)
        second.send(post("/b", body))  # both together have no room
        await until(lambda: desk.application.begun == ["/a", "/b"], 2)
        first.send(b"\0")
        assert await first.read() == (200, "/a 120000")
        assert await second.read() == (200, "/b 120000")


async def test_one_address_holds_half_of_the_room_and_waits_behind_itself_alone() -> None:
    room = Room(100)
    await room.take("a", 40)
    second = asyncio.create_task(room.take("a", 20))
    third = asyncio.create_task(room.take("a", 10))
    await asyncio.sleep(0)
    assert not second.done()
    large = asyncio.create_task(room.take("b", 70))
    await asyncio.sleep(0)
    assert not large.done()
    second.cancel()
    room.give("a", 40)
    await large
    await third
    room.give("b", 70)
    await room.take("b", 90)


async def test_where_no_room_gets_free_the_body_is_refused_unread() -> None:
    async with serving(replace(QUICK, body_s=5.0)) as desk:
        first, second = await desk.connect(), await desk.connect()
        first.send(post("/a", bytes(120_000))[:-1])
        await until(lambda: desk.application.begun == ["/a"], 2)
        second.send(post("/b", bytes(120_000)))
        assert (await second.read())[0] == 503
        first.writer.close()  # who goes away gives his room back
        third = await desk.connect()
        third.send(post("/c", bytes(120_000)))
        assert await third.read() == (200, "/c 120000")


async def test_who_does_not_read_his_answers_is_not_worked_for() -> None:
    async with serving(replace(QUICK, idle_s=30.0, write_s=0.5)) as desk:
        client = await desk.connect()
        sent = 0
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(5):
                while True:
                    client.send(get("/" + "a" * 2000) * 100)
                    sent += 100
                    await client.writer.drain()
        assert sent > len(desk.application.begun)


async def test_a_stop_answers_what_has_begun_and_nothing_more() -> None:
    async with serving() as desk:
        working, idle = await desk.connect(), await desk.connect()
        working.send(get("/wait"))
        await until(lambda: desk.application.begun == ["/wait"], 2)
        stopping = asyncio.create_task(desk.front.stop(5.0))
        assert await idle.ended()
        desk.application.gate.set()
        assert await working.read() == (200, "/wait 0")
        assert await working.ended()
        await stopping
        with pytest.raises(ConnectionError):
            await desk.connect()


async def test_a_half_closed_client_gets_its_answer() -> None:
    async with serving() as desk:
        client = await desk.connect()
        client.send(get("/wait"))
        client.writer.write_eof()
        await until(lambda: desk.application.begun == ["/wait"], 2)
        desk.application.gate.set()
        assert await client.read() == (200, "/wait 0")
