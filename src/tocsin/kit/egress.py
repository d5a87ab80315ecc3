"""The only way out over HTTP: to servers that customers name, with a guard on the address that is really connected to.

Never loopback, private, link-local, multicast, unspecified or metadata addresses, also not dressed as IPv6, unless the
operator allows that network. The guard looks at each address after the name was resolved and connects to that very
address, so that no name, redirect or second resolution leads inside. No redirects, no proxies of the environment, TLS
verified, every wait and every read bounded. It must not know what is sent or why.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Sequence
from typing import NamedTuple

from tocsin.kit import clock
from tocsin.kit.address import Guard, Target, read_url
from tocsin.kit.answer import KEPT_BODY, Answer, BadAnswerError

CONNECT_S = 5.0
TOTAL_S = 15.0
_NAMES_FOR_S = 30.0
_RESOLVERS = 64
_MOST_BODY = 65_536


class Talk(NamedTuple):
    """How connections are used. The ordinary one is that of pushes."""

    idle_s: float = 20.0  # a connection that nobody used for so long is not used again
    idle_per_host: int = 8
    kept_body: int = KEPT_BODY
    most_body: int = _MOST_BODY
    asks_anew: bool = True  # where a used connection ends without a byte of an answer; else that is NoAnswerError


_PUSHES = Talk()


class AddressRefusedError(Exception):
    """The address is one that nothing may be sent to."""


class NoAnswerError(Exception):
    """Nothing came that could be called an answer; the text says why. `sent`: the other side may have the request."""

    def __init__(self, reason: str, *, sent: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent


class _Line(asyncio.Protocol):
    """One connection, one answer at a time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.answer: Answer | None = None
        self.waiter: asyncio.Future[Answer] | None = None
        self.open = True
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        answer, waiter = self.answer, self.waiter
        if answer is None or waiter is None or waiter.done():
            self.close()  # it speaks without being asked
            return
        try:
            answer.feed(data)
        except BadAnswerError as error:
            self.fail(str(error))
            return
        if answer.done:
            waiter.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self.waiter is not None and not self.waiter.done() and self.answer is not None:
            if self.answer.end():
                self.waiter.set_result(self.answer)
            else:
                self.fail(_say(exc) if exc else "the server closed without an answer")

    def fail(self, reason: str) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_exception(NoAnswerError(reason, sent=True))
        self.close()

    def ask(self, request: bytes, talk: Talk) -> asyncio.Future[Answer]:
        assert self.transport is not None
        self.answer = Answer(talk.kept_body, talk.most_body)
        self.waiter = self.loop.create_future()
        self.transport.write(request)
        return self.waiter

    def close(self) -> None:
        self.open = False
        if self.transport is not None:
            self.transport.abort()


class Egress:
    """Asks. Connections are kept for a while and used again; how many requests run at once is the caller's business."""

    def __init__(
        self, guard: Guard, *, connect_s: float = CONNECT_S, total_s: float = TOTAL_S, talk: Talk = _PUSHES
    ) -> None:
        self._guard = guard
        self._connect_s = connect_s
        self._total_s = total_s
        self._talk = talk
        self._tls = ssl.create_default_context()
        self._idle: dict[tuple[str, int, bool], list[_Line]] = {}
        self._names = _Names()

    async def post(self, url: str, headers: bytes, body: bytes) -> Answer:
        """The answer, whatever its status. `headers`: lines that end in CRLF.

        Raises AddressRefusedError, NoAnswerError, and ValueError for a URL that is none.
        """
        return await self.ask(read_url(url), headers, body)

    async def ask(self, target: Target, headers: bytes, body: bytes, method: bytes = b"POST") -> Answer:
        """The same for a URL that was read. Without a body no length is sent, but by POST."""
        length = b"Content-Length: %d\r\n" % len(body) if body or method == b"POST" else b""
        request = b"%b %b%b%b\r\n%b" % (method, target.head, headers, length, body)
        deadline = clock.monotonic_s() + self._total_s
        line = self._take_idle(target)
        if line is None:
            return await self._ask(await self._connect(target), target, request, deadline)
        try:
            return await self._ask(line, target, request, deadline)
        except NoAnswerError:
            # A server may close an idle connection just as it is used again: no byte of an answer, so ask anew.
            over = clock.monotonic_s() >= deadline or not self._talk.asks_anew
            if line.answer is None or line.answer.started or over:
                raise
        try:
            return await self._ask(await self._connect(target), target, request, deadline)
        except NoAnswerError as error:
            error.sent = True  # by the first try
            raise

    async def _ask(self, line: _Line, target: Target, request: bytes, deadline: float) -> Answer:
        waiter = line.ask(request, self._talk)
        timer = line.loop.call_later(max(deadline - clock.monotonic_s(), 0.0), line.fail, "no answer in time")
        try:
            answer = await waiter
        except asyncio.CancelledError:
            line.close()
            raise
        finally:
            timer.cancel()
        self._put_back(line, target, answer)
        return answer

    def _take_idle(self, target: Target) -> _Line | None:
        lines = self._idle.get((target.host, target.port, target.tls))
        while lines:
            line = lines.pop()
            if line.open and clock.monotonic_s() - line.idle_since < self._talk.idle_s:
                return line
            line.close()
        return None

    def _put_back(self, line: _Line, target: Target, answer: Answer) -> None:
        line.answer = line.waiter = None
        lines = self._idle.setdefault((target.host, target.port, target.tls), [])
        if not (answer.reusable and line.open and len(lines) < self._talk.idle_per_host):
            line.close()
            return
        line.idle_since = clock.monotonic_s()
        lines.append(line)

    async def _connect(self, target: Target) -> _Line:
        try:
            async with asyncio.timeout(self._connect_s):
                addresses = await self._names.find(target.host, target.port)
                return await self._connect_first(target, addresses)
        except TimeoutError:
            raise NoAnswerError("no connection in time") from None

    async def _connect_first(self, target: Target, addresses: Sequence[str]) -> _Line:
        open_ones = [address for address in addresses if not self._guard.refuses(address)]
        if not open_ones:
            raise AddressRefusedError(f"the address is not allowed: {', '.join(addresses[:3])}")
        problem = ""
        for i, address in enumerate(open_ones):
            try:
                async with asyncio.timeout(self._connect_s / (len(open_ones) - i)):
                    return await self._connect_to(target, address)
            except (OSError, TimeoutError, ssl.CertificateError) as error:
                problem = _say(error)
        raise NoAnswerError(problem)

    async def _connect_to(self, target: Target, address: str) -> _Line:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: _Line(loop),
            address,
            target.port,
            ssl=self._tls if target.tls else None,
            server_hostname=target.host if target.tls else None,
        )
        return line

    def close_idle(self) -> None:
        """Give back the sockets that nobody used for a while."""
        limit = clock.monotonic_s() - self._talk.idle_s
        for key, lines in list(self._idle.items()):
            stale = [line for line in lines if not line.open or line.idle_since < limit]
            for line in stale:
                lines.remove(line)
                line.close()
            if not lines:
                del self._idle[key]

    def close(self) -> None:
        """Drop all idle connections."""
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()


def _say(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:300]


class _Names:
    """Name look-ups in threads of their own: one that hangs holds up its own name alone, and no exit."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int], tuple[float, asyncio.Future[list[str]]]] = {}
        self._threads = 0

    async def find(self, host: str, port: int) -> list[str]:
        """Numeric addresses of a host. Raises NoAnswerError."""
        now = clock.monotonic_s()
        until, found = self._known.get((host, port), (0.0, None))
        failed = found is not None and found.done() and found.exception() is not None
        if found is None or failed or (found.done() and now >= until):
            if self._threads >= _RESOLVERS:
                raise NoAnswerError("too many name look-ups hang")
            if len(self._known) > 10_000:
                self._known.clear()
            found = self._start(host, port)
            self._known[host, port] = (now + _NAMES_FOR_S, found)
        try:
            return await asyncio.shield(found)
        except OSError as error:
            raise NoAnswerError(f"the host is not known: {_say(error)}") from None

    def _start(self, host: str, port: int) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[str]] = loop.create_future()
        self._threads += 1

        def tell(addresses: list[str], error: OSError | None) -> None:
            self._threads -= 1
            if error is not None:
                future.set_exception(error)
                future.exception()  # whoever waited may have gone
            else:
                future.set_result(addresses)

        def look_up() -> None:
            addresses: list[str] = []
            problem: OSError | None = None
            try:
                infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
            except (OSError, UnicodeError) as error:
                problem = error if isinstance(error, OSError) else OSError(str(error))
            if not loop.is_closed():
                loop.call_soon_threadsafe(tell, addresses, problem)

        threading.Thread(target=look_up, name="look-up", daemon=True).start()
        return future
