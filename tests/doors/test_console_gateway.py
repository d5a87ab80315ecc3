"""The gateway behind the front on real sockets: bodies are spooled and bounded, answers stream, headers cannot be forged."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import socket
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.clerk import work_off
from tests.doors.console import log_in
from tests.doors.test_console_uploads import FORM, QUOTING, find_job, upload
from tests.poll import PATIENCE_S, until
from tocsin import files
from tocsin.console.gateway import THREADS, Gateway, is_logged_in
from tocsin.console.spool import IN_MEMORY, Spool, SpoolSpace
from tocsin.front import Front, FrontLimits
from tocsin.kit.settings import Settings
from tocsin.kit.wording import networks

pytestmark = pytest.mark.usefixtures("project")  # Django's languages

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
LIMITS = FrontLimits(body_s=PATIENCE_S, write_s=PATIENCE_S, drain_s=0.5, sweep_s=0.05)
BIG = bytes(range(256)) * 4 * 1024  # 1 MB


@contextlib.asynccontextmanager
async def serving(
    wsgi: Wsgi,
    space: SpoolSpace | None = None,
    limits: FrontLimits = LIMITS,
    is_known: Callable[[str], bool] | None = None,
    **settings: Any,
) -> AsyncIterator[int]:
    """The port."""
    gateway = Gateway(wsgi, Settings(**settings), space, is_known or (lambda _: True))
    front = Front(gateway, limits)
    port = await front.listen("127.0.0.1", 0)
    watching = asyncio.create_task(front.run())
    try:
        yield port
    finally:
        await front.stop(0.0)
        gateway.end()
        watching.cancel()


def _ask(
    port: int, method: str, body: Any, headers: dict[str, str], target: str = "/a%20b?c=d"
) -> tuple[http.client.HTTPResponse, bytes]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as line:
        line.request(method, target, body, headers)
        answer = line.getresponse()
        return answer, answer.read()


async def ask(
    port: int, method: str = "GET", body: Any = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request by a client of another make."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await asyncio.to_thread(_ask, port, method, body, named)


def echo(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    body = environ["wsgi.input"].read()
    return [f"{environ['PATH_INFO']} {environ['QUERY_STRING']} {len(body)} {sha256(body).hexdigest()}".encode()]


@pytest.mark.parametrize("size", [0, 10, IN_MEMORY, len(BIG)])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_comes_whole_from_memory_or_a_file(size: int, is_chunked: bool) -> None:
    body = BIG[:size]
    async with serving(echo) as port:
        sent = iter([body[: size // 2], body[size // 2 :]]) if is_chunked and size else body
        answer, text = await ask(port, "POST", sent)
        assert (answer.status, text.decode()) == (200, f"/a b c=d {size} {sha256(body).hexdigest()}")


def has_room(space: SpoolSpace, address: str, size: int) -> bool:
    if not space.take(address, size):
        return False
    space.give(address, size)
    return True


async def test_bodies_are_bounded_by_address_and_together_and_give_their_room_back() -> None:
    space = SpoolSpace(most=300_000, most_of_address=200_000)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 190000\r\n\r\n"
    async with serving(echo, space) as port:
        first = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        first[1].write(head + bytes(185_000))
        await until(lambda: not has_room(space, "127.0.0.2", 60_000))
        second = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        second[1].write(head + bytes(90_000))
        assert b" 503 " in await second[0].readline(), "the address has no more"
        third = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.3", 0))
        third[1].write(head + bytes(185_000))
        assert b" 503 " in await third[0].readline(), "nobody has more"
        for _, writer in (first, second, third):
            writer.close()
        await until(lambda: has_room(space, "127.0.0.2", 200_000))
        answer, _ = await ask(port, "POST", bytes(190_000))
        assert answer.status == 200
        await until(lambda: has_room(space, "127.0.0.1", 200_000))


def test_a_spool_without_a_disk_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    body = Spool(SpoolSpace(), "x")
    assert body.write(bytes(IN_MEMORY))
    assert not body.write(b"a")
    body.close()


def test_large_bodies_are_taken_of_those_who_are_logged_in(project: str) -> None:
    client, _ = log_in()
    cookie = f"a=b; tocsin_session={client.cookies['tocsin_session'].value}"

    async def send(cookie: str, body: Any) -> tuple[int, str | None]:
        async with serving(echo, is_known=is_logged_in) as port:
            answer, _ = await ask(port, "POST", body, Cookie=cookie)
            return answer.status, answer.getheader("Location")

    async def send_all() -> None:
        large, small = BIG[: IN_MEMORY + 1], BIG[:IN_MEMORY]
        for known in (cookie, "tocsin_session=abcdefghijklmnop", ""):
            assert await send(known, small) == (200, None)
            assert await send(known, iter([small])) == (200, None)
        assert await send(cookie, large) == (200, None)
        assert await send(cookie, iter([large])) == (200, None)
        assert await send("tocsin_session=abcdefghijklmnop", large) == (302, "/user/login/")
        assert await send("", large) == (302, "/user/login/")
        assert await send("", iter([large])) == (413, None)

    asyncio.run(send_all())


async def test_more_stalled_bodies_than_threads_hold_none() -> None:
    async with serving(echo, limits=replace(LIMITS, body_s=0.5)) as port:
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * THREADS)]
        for line in lines:
            line.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12345678")
        assert (await ask(port))[0].status == 200
        for line in lines:
            with contextlib.closing(line):
                assert (await asyncio.to_thread(line.recv, 99)).startswith(b"HTTP/1.1 408 ")


def stream(told: list[tuple[str, str]], pieces: Callable[[], Iterator[bytes]]) -> tuple[Wsgi, threading.Event]:
    """An application that streams, and whether its answer was closed."""
    closed = threading.Event()

    class Answer:
        streaming = True

        def __iter__(self) -> Iterator[bytes]:
            return pieces()

        def close(self) -> None:
            closed.set()

    def application(_environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("200 OK", told)
        return Answer()

    return application, closed


@pytest.mark.parametrize("told", [[], [("Content-Length", str(3 * len(BIG)))]])
@pytest.mark.parametrize("wish", ["keep-alive", "close"])
async def test_a_stream_comes_whole(told: list[tuple[str, str]], wish: str) -> None:
    application, closed = stream(told, lambda: iter([BIG, b"", BIG, BIG]))
    async with serving(application) as port:
        answer, text = await ask(port, Connection=wish)
        assert text == 3 * BIG
        assert answer.getheader("Transfer-Encoding") == ("chunked" if wish == "keep-alive" and not told else None)
        await until(closed.is_set)


async def test_a_head_reads_nothing_of_a_stream() -> None:
    def never() -> Iterator[bytes]:
        raise AssertionError
        yield b""

    application, closed = stream([("Content-Length", "7")], never)
    async with serving(application) as port:
        answer, text = await ask(port, "HEAD")
        assert (answer.status, answer.getheader("Content-Length"), text) == (200, "7", b"")
        await until(closed.is_set)


@pytest.mark.parametrize("told", [[], [("Content-Length", "99")]])
async def test_a_stream_that_breaks_off_is_not_taken_for_whole(told: list[tuple[str, str]]) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise OSError("the database is away")

    application, closed = stream(told, broken)
    async with serving(application) as port:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            await ask(port)
        await until(closed.is_set)


async def test_who_reads_slowly_holds_no_thread_and_no_memory() -> None:
    made = 0

    def endless() -> Iterator[bytes]:
        nonlocal made
        while True:
            made += 1
            yield BIG

    application, closed = stream([], endless)
    async with serving(
        lambda environ, start: (echo if environ["QUERY_STRING"] else application)(environ, start)
    ) as port:
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(2 * THREADS)]
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await ask(port))[0].status == 200
        for line in lines:
            assert (await asyncio.to_thread(line.recv, 9)) == b"HTTP/1.1 "
        assert (await ask(port))[0].status == 200
        assert made < 40 * len(lines), "what the system's buffers take, and no more"
        for line in lines:
            line.close()
        await until(closed.is_set)


async def test_a_file_is_read_as_it_goes() -> None:
    file = io.BytesIO(BIG)

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        start("200 OK", [("Content-Length", str(len(BIG)))])
        return environ["wsgi.file_wrapper"](file)

    async with serving(application) as port:
        assert (await ask(port))[1] == BIG
        await until(lambda: file.closed)


async def test_headers_of_the_environ_cannot_be_forged() -> None:
    def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Connection", "close"), ("X-Seen", environ["wsgi.url_scheme"])])
        names = ("REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "CONTENT_TYPE", "HTTP_CONTENT_LENGTH")
        return [" ".join(str(environ.get(name)) for name in names).encode()]

    async with serving(application, trusted_proxies=networks("127.0.0.0/8")) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX_Forwarded_Proto: https\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
        head, _, _ = (await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n\r\n")
        assert b"connection" not in head.lower(), "the front says whether it goes on"
        # The middleware knows whom to trust, so the address is the socket's.
        assert (await reader.read(99)).decode() == "127.0.0.1 192.0.2.1 None None None"
        writer.close()


@pytest.mark.parametrize(("method", "size"), [("POST", 65 * 1024 * 1024), ("GET", 65 * 1024)])
async def test_what_is_too_large_is_refused_by_its_head_in_both_languages(method: str, size: int) -> None:
    async with serving(echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{method} / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        text = (await reader.readuntil("。".encode())).decode()
        assert text.startswith("HTTP/1.1 413 ")
        assert "64 MB" in text
        assert "请求过大" in text
        writer.close()


def test_a_download_of_many_steps_is_whole_and_keeps_its_language(project: str) -> None:
    """Its steps are read in several threads, none of which holds a connection of the database between them."""
    from django.core.handlers.wsgi import WSGIHandler

    client, me = log_in()
    upload(client, b"Name,Phone\n" + b"".join(b"No. %d,12\n" % number for number in range(2_500)))
    work_off(project)
    job = find_job(project, me.account_id)
    client.post(f"/uploads/{job.id}/choose/", FORM)
    work_off(project, api=QUOTING)
    headers = {
        "Host": "testserver",
        "Accept-Language": "zh-hans",
        "Cookie": f"tocsin_session={client.cookies['tocsin_session'].value}",
    }

    async def download() -> tuple[http.client.HTTPResponse, bytes]:
        async with serving(WSGIHandler()) as port:
            return await asyncio.to_thread(_ask, port, "GET", None, headers, f"/uploads/{job.id}/not-sent/")

    answer, came = asyncio.run(download())
    assert answer.status == 200, came
    lines = came.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("行")
    assert [line.rsplit(",", 2)[1] for line in lines[1:]] == [f"No. {number}" for number in range(2_500)]
    assert len({line.split(",")[1] for line in lines[1:]}) == 1, "the reason, in one language to the end"


def test_a_file_is_uploaded_by_a_form(project: str) -> None:
    from django.core.handlers.wsgi import WSGIHandler

    client, me = log_in()
    session = f"tocsin_session={client.cookies['tocsin_session'].value}"
    table = b"Name,Phone\n" + b"Ann,6281234567801\n" * 50_000

    async def send() -> int:
        async with serving(WSGIHandler(), is_known=is_logged_in) as port:
            seen = {"Host": "testserver", "Cookie": session}
            page, text = await asyncio.to_thread(_ask, port, "GET", None, seen, "/uploads/")
            token = text.decode().partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
            cookie = str(page.getheader("Set-Cookie")).partition(";")[0]
            parts = (
                b'--x\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n%b\r\n--x\r\n'
                % token.encode()
            )
            parts += b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n%b\r\n--x--\r\n' % table
            headers = seen | {"Cookie": f"{session}; {cookie}", "Content-Type": "multipart/form-data; boundary=x"}
            return (await asyncio.to_thread(_ask, port, "POST", parts, headers, "/uploads/"))[0].status

    assert asyncio.run(send()) == 302
    with psycopg.connect(project) as conn:
        assert b"".join(files.read_bytes(conn, find_job(project, me.account_id).id)) == table
