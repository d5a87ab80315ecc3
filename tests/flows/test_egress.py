"""The way out, against servers on loopback: TLS, connections that are used again, servers that misbehave."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tocsin.kit.address import Guard, read_url
from tocsin.kit.egress import AddressRefusedError, Egress, NoAnswerError, Talk

OPEN = Guard([ipaddress.ip_network("127.0.0.0/8")])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request with what `answer` says; counts connections and requests."""

    def __init__(self, answer: Callable[[int], bytes], *, close_after: bool = False) -> None:
        self._answer = answer
        self._close_after = close_after
        self._server: asyncio.Server | None = None
        self.connections = 0
        self.requests: list[bytes] = []
        self.port = 0

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                writer.write(self._answer(len(self.requests)))
                await writer.drain()
                if self._close_after:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    made: list[Server] = []
    yield made
    for server in made:
        server.stop()


async def serve(servers: list[Server], server: Server, tls: ssl.SSLContext | None = None) -> Server:
    servers.append(server)
    await server.start(tls)
    return server


def make_certificate(directory: Path, name: str) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = directory / f"{name}.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file


def server_tls(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


async def test_a_connection_is_used_again(servers: list[Server]) -> None:
    server = await serve(servers, Server(lambda _: OK))
    egress = Egress(OPEN)
    for _ in range(5):
        answer = await egress.post(f"http://127.0.0.1:{server.port}/a?b=c", b"X-One: 1\r\n", b"{}")
        assert (answer.status, answer.body) == (200, b"ok")
    egress.close()
    assert (server.connections, len(server.requests)) == (1, 5)
    assert server.requests[0] == (
        b"POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-One: 1\r\nContent-Length: 2\r\n\r\n{}" % server.port
    )


async def test_a_server_that_closes_behind_every_answer_costs_nothing(servers: list[Server]) -> None:
    server = await serve(servers, Server(lambda _: OK, close_after=True))
    egress = Egress(OPEN)
    for _ in range(20):
        assert (await egress.post(f"http://127.0.0.1:{server.port}/", b"", b"{}")).status == 200
    egress.close()
    assert len(server.requests) == 20


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", b"no HTTP\r\n\r\n"])
async def test_half_an_answer_is_none(servers: list[Server], said: bytes) -> None:
    server = await serve(servers, Server(lambda _: said, close_after=True))
    egress = Egress(OPEN)
    with pytest.raises(NoAnswerError):
        await egress.post(f"http://127.0.0.1:{server.port}/", b"", b"{}")
    egress.close()


async def test_a_silent_server_is_left_in_time(servers: list[Server]) -> None:
    server = await serve(servers, Server(lambda _: b""))
    egress = Egress(OPEN, total_s=0.2)
    with pytest.raises(NoAnswerError, match="in time"):
        await egress.post(f"http://127.0.0.1:{server.port}/", b"", b"{}")
    egress.close()


async def test_a_closed_port_and_an_unknown_host_say_so() -> None:
    egress = Egress(OPEN)
    with pytest.raises(NoAnswerError):
        await egress.post("http://127.0.0.1:1/", b"", b"{}")
    with pytest.raises(NoAnswerError, match="not known"):
        await egress.post("http://nobody.invalid/", b"", b"{}")
    egress.close()


async def test_nothing_is_said_to_an_inner_address(servers: list[Server]) -> None:
    server = await serve(servers, Server(lambda _: OK))
    egress = Egress(Guard())
    for host in ("127.0.0.1", "localhost", "[::ffff:7f00:1]"):
        with pytest.raises(AddressRefusedError):
            await egress.post(f"http://{host}:{server.port}/", b"", b"{}")
    assert server.connections == 0


async def test_tls_is_verified(servers: list[Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = make_certificate(tmp_path, "localhost"), make_certificate(tmp_path, "other.example")
    server = await serve(servers, Server(lambda _: OK), server_tls(good))
    wrong = await serve(servers, Server(lambda _: OK), server_tls(bad))
    both = tmp_path / "both.pem"
    both.write_bytes(good.read_bytes() + bad.read_bytes())
    with pytest.raises(NoAnswerError, match=r"(?i)certificate"):
        await Egress(OPEN).post(f"https://localhost:{server.port}/", b"", b"{}")
    monkeypatch.setenv("SSL_CERT_FILE", str(both))
    egress = Egress(OPEN)
    assert (await egress.post(f"https://localhost:{server.port}/", b"", b"{}")).status == 200
    with pytest.raises(NoAnswerError, match=r"(?i)mismatch"):
        await egress.post(f"https://localhost:{wrong.port}/", b"", b"{}")
    egress.close()


class Leaving(Server):
    """Answers the first request and hangs up on the second; `stays`: others may come still."""

    def __init__(self, *, stays: bool) -> None:
        super().__init__(lambda _: OK)
        self._stays = stays

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            self.requests.append(head + await reader.readexactly(1))
            if len(self.requests) == 2:
                if not self._stays:
                    self.stop()
                break
            writer.write(OK)
        writer.close()


@pytest.mark.parametrize("stays", [False, True])
async def test_what_may_have_arrived_is_told_and_is_asked_again_only_by_who_may(
    servers: list[Server], *, stays: bool
) -> None:
    """The connection is one that was used before: a push asks anew, a carrier does not, and both know that it was sent."""
    for asks_anew in (False, True):
        server = await serve(servers, Leaving(stays=stays))
        egress = Egress(OPEN, connect_s=1.0, total_s=2.0, talk=Talk(asks_anew=asks_anew))
        url = f"http://127.0.0.1:{server.port}/"
        await egress.post(url, b"", b"1")
        if asks_anew and stays:
            assert (await egress.post(url, b"", b"2")).status == 200
            assert len(server.requests) == 3
        else:
            with pytest.raises(NoAnswerError) as caught:
                await egress.post(url, b"", b"2")
            assert caught.value.sent
            assert len(server.requests) == 2
        egress.close()


async def test_what_never_left_is_not_sent(servers: list[Server]) -> None:
    server = await serve(servers, Server(lambda _: OK))
    server.stop()
    with pytest.raises(NoAnswerError) as caught:
        await Egress(OPEN).post(f"http://127.0.0.1:{server.port}/", b"", b"1")
    assert not caught.value.sent


async def test_a_get_has_no_body_and_no_length() -> None:
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    egress = Egress(OPEN, talk=Talk(kept_body=4000))
    target = read_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a?b=1")
    answer = await egress.ask(target, b"X: 1\r\n", b"", b"GET")
    assert heads[0].startswith(b"GET /a?b=1 HTTP/1.1\r\nHost: 127.0.0.1")
    assert b"content-length" not in heads[0].lower()
    assert (len(answer.body), answer.cut) == (4000, True)
    egress.close()
    server.close()
