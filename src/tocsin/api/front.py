"""HTTP/1.1 on sockets: the front of the API, and all that a stranger can do to it.

A thin transport around `tocsin.http1`: it owns connections, deadlines, room for bodies, back-pressure and the graceful
stop. What a request means is the application's: a coroutine that gets a Call, decides by the head, reads the body or does
not, and returns an Answer. One that answers before the body is read refuses it: the connection is drained a little and
closes. Requests of one connection are answered one after the other, in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import cast

from tocsin.api.front_model import Answer, Application, BodyError, FrontLimits, Room
from tocsin.api.front_stream import NO_LENGTH, Stream, send_stream
from tocsin.http1 import CONTINUE, Began, Connection, Ended, Failed, Incoming, State, render
from tocsin.kit import clock
from tocsin.kit.visitor import Network, is_within, read_visitor

log = logging.getLogger(__name__)

_UNADMITTED = 64 * 1024  # of a body, before the application asked for it
_SMALL = 16 * 1024  # a body that takes no room
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Call:
    """One request on its connection."""

    __slots__ = ("_fault", "_peer", "_room", "_waiting", "request")

    def __init__(self, peer: _Peer, request: Incoming) -> None:
        self._peer = peer
        self._room = 0
        self._waiting: asyncio.Future[None] | None = None
        self._fault: BodyError | None = None
        self.request = request

    @property
    def address(self) -> str:
        """The socket's."""
        return self._peer.address

    @property
    def socket_address(self) -> str:
        """Of the other end, which may be a proxy."""
        return self._peer.address

    @property
    def wants_body(self) -> bool:
        """Whether the application waits for the rest of it."""
        return self._waiting is not None

    async def body(self) -> bytes:
        """The whole body. Raises BodyError: too large, too slow, broken, gone, or no room for it in time."""
        request = self.request
        if self._fault is not None:
            raise self._fault
        if not request.has_body:
            return b""
        size = request.max_body if request.length is None else request.length
        if size > _SMALL:
            await self._take_room(size)
        await self._wait()
        return request.body

    async def receive(self, sink: Callable[[bytes], None]) -> None:
        """The same, piece by piece to `sink`, which bounds what it keeps and calls `fail` beyond that: it takes no room."""
        request = self.request
        for piece in request.pieces:
            sink(piece)
        request.pieces.clear()
        request.sink = sink
        await self._wait()

    async def _wait(self) -> None:
        if self._fault is not None:
            raise self._fault
        if not self.request.is_whole:
            self._waiting = asyncio.get_running_loop().create_future()
            self._peer.let_body_come(self.request)
            await self._waiting

    async def _take_room(self, size: int) -> None:
        try:
            async with asyncio.timeout(self._peer.front.limits.room_s):
                await self._peer.front.room.take(size)
        except TimeoutError:
            raise BodyError(503, "too much at once, try again") from None
        self._room = size

    def complete(self) -> None:
        """The body is whole."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def fail(self, status: int, reason: str) -> None:
        """The body will not be whole: whoever asks for it hears so."""
        self._fault = BodyError(status, reason)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(self._fault)

    def release(self) -> None:
        """Its room is free again."""
        if self._room:
            self._peer.front.room.give(self._room)
            self._room = 0


class _Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.address = ""
        self._connection = Connection(front.application.find_max_body)
        self._calls: deque[Call] = deque()  # in order; the first is at work
        self._task: asyncio.Task[None] | None = None
        self._failure: Failed | None = None  # to be answered after the calls
        self._transport: asyncio.Transport | None = None
        self._since = clock.monotonic_s()  # of what a deadline watches
        self._is_reading = self._is_writable = True
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._drained = 0
        self._paid = 0  # of the body at `_since`: what came before buys no more time

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.address = name[0] if name else ""
        if not self.front.enter(self):
            self._connection.close()
            self._transport.write(_BUSY)
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self.front.leave(self)
        self._transport = None
        self._may_write.set()
        self._connection.close()
        for call in self._calls:
            if not call.request.is_whole:
                call.fail(400, "the client went away")

    def eof_received(self) -> bool:
        # Half-closed: the answer is still wanted. TLS knows no such thing.
        plain = self._transport is not None and self._transport.get_extra_info("sslcontext") is None
        return plain and bool(self._calls) and self._calls[0].request.is_whole

    def pause_writing(self) -> None:
        self._is_writable = False
        self._may_write.clear()
        self._since = clock.monotonic_s()

    def resume_writing(self) -> None:
        self._is_writable = True
        self._since = clock.monotonic_s()
        self._may_write.set()
        self._go_on()

    def data_received(self, data: bytes) -> None:
        connection = self._connection
        if connection.state in {State.DRAIN, State.CLOSE}:
            self._drain(len(data))
            return
        was_idle = connection.is_idle
        for event in connection.receive(data):
            if type(event) is Began:
                self._calls.append(Call(self, event.request))
            elif type(event) is Ended:
                self._calls[-1].complete()
            elif type(event) is Failed:
                self._note_failure(event)
        if was_idle and not connection.is_idle:
            self._since = clock.monotonic_s()
        self._go_on()

    # What comes of it.

    def _note_failure(self, failure: Failed) -> None:
        if self._calls and not self._calls[-1].request.is_whole:
            self._calls[-1].fail(failure.status, failure.reason)
        else:
            self._failure = failure

    def _go_on(self) -> None:
        """Begin the next call, tell a failure that nothing precedes, read on or not."""
        transport = self._transport
        if transport is None:
            return
        if self._task is None and self._is_writable:
            if self._calls:
                self._since = clock.monotonic_s()
                self._task = asyncio.get_running_loop().create_task(self._work(self._calls[0]))
            elif self._failure is not None:
                failure, self._failure = self._failure, None
                self._write(None, self.front.application.explain(failure.status, failure.reason))
                return
        if self._has_place() is not self._is_reading:
            self._is_reading = not self._is_reading
            (transport.resume_reading if self._is_reading else transport.pause_reading)()

    def _has_place(self) -> bool:
        """Whether more may be read: not beyond a request that waits, nor of a body that nobody has asked for."""
        if not self._calls:
            return True
        last = self._calls[-1]
        return len(self._calls) == 1 and (last.wants_body or last.request.is_whole or last.request.size <= _UNADMITTED)

    async def _work(self, call: Call) -> None:
        try:
            answer = await self.front.application(call)
        except BodyError as error:
            answer = self.front.application.explain(error.status, str(error))
        except Exception:  # the edge of a request: the trace goes to the log
            log.exception("a request")
            answer = self.front.application.explain(500, "Internal error")
        finally:
            call.release()
        if answer.stream is not None:
            await self._send(call.request, answer, answer.stream)
        self._task = None
        self._calls.popleft()
        self._write(call.request, answer)
        self._go_on()

    def _write(self, request: Incoming | None, answer: Answer) -> None:
        transport = self._transport
        if transport is None:
            return
        is_whole = request is not None and request.is_whole
        closes = self._closes(request)
        if answer.stream is None:
            transport.write(self._render(request, answer, closes=closes))
        self._connection.answered()
        self._since = clock.monotonic_s()
        if not closes:
            return
        self._calls.clear()
        self._failure = None
        self._connection.close()
        if is_whole:
            transport.close()
        else:  # who is still sending would not see the answer: the rest is read and thrown away, for a while
            if transport.can_write_eof():
                transport.write_eof()
            self._go_on()

    def _closes(self, request: Incoming | None) -> bool:
        return request is None or not (request.is_whole and request.keeps_alive) or self.front.is_stopping

    def _render(self, request: Incoming | None, answer: Answer, *, closes: bool) -> bytes:
        is_head = request is not None and request.method == "HEAD"
        status, headers, body, _, length = answer
        return render(status, headers, body, date=self.front.date(), closes=closes, is_head=is_head, length=length)

    async def _send(self, request: Incoming, answer: Answer, stream: Stream) -> None:
        """An answer whose body is a stream: the deadline of writing holds, and none for the whole."""
        is_chunked = answer.length == NO_LENGTH and request.keeps_alive
        if is_chunked:
            answer = answer._replace(headers=[*answer.headers, ("transfer-encoding", "chunked")])
        try:
            if (transport := self._transport) is not None:
                transport.write(self._render(request, answer, closes=self._closes(request)))
                if request.method != "HEAD":
                    await send_stream(transport, stream, answer.length or 0, self._may_write, is_chunked=is_chunked)
        except Exception:  # the edge of a request: the trace goes to the log, and the peer sees that it broke off
            log.exception("an answer")
        finally:
            stream.close()

    def let_body_come(self, request: Incoming) -> None:
        """The application has asked for the body."""
        if request.expects_continue and not request.size and self._transport is not None:
            self._transport.write(CONTINUE)
        self._since, self._paid = clock.monotonic_s(), request.size
        self._go_on()

    def _drain(self, size: int) -> None:
        self._drained += size
        if self._drained > self.front.limits.drain_bytes and self._transport is not None:
            self._transport.abort()

    # Deadlines, looked at by the front now and then.

    def look_at_clock(self, now: float) -> None:
        """End what takes too long."""
        transport = self._transport
        if transport is None:
            return
        self._note_progress(now)
        limit_s, failure = self._find_deadline(transport)
        if now - self._since <= limit_s:
            return
        if failure is None:
            (transport.close if self._connection.is_idle and self._is_writable else transport.abort)()
            return
        self._note_failure(failure)
        self._go_on()

    def _note_progress(self, now: float) -> None:
        """The time of a body begins again with every `body_s` of bytes: who was quick at first may not stall for hours."""
        limits, call = self.front.limits, self._calls[0] if self._calls else None
        if call is not None and call.wants_body and call.request.size - self._paid > limits.body_s * limits.body_rate:
            self._since, self._paid = now, call.request.size

    def _find_deadline(self, transport: asyncio.Transport) -> tuple[float, Failed | None]:
        """How long the present state may last, and what is answered then; None: the connection is cut."""
        limits, call = self.front.limits, self._calls[0] if self._calls else None
        if not self._is_writable:
            return limits.write_s, None
        if self._connection.state in {State.DRAIN, State.CLOSE} or transport.is_closing():
            return limits.drain_s, None
        if call is not None and call.wants_body and not call.request.is_whole:
            return limits.body_s + (call.request.size - self._paid) / limits.body_rate, Failed(
                408, "the body came too slowly"
            )
        if call is not None:
            return limits.answer_s, None
        if self._connection.is_idle:
            return limits.idle_s, None
        return limits.head_s, Failed(408, "the head came too slowly")

    def stop(self) -> None:
        """The front ends: a request that has begun is answered first."""
        if self._connection.is_idle and not self._calls and self._transport is not None:
            self._connection.close()
            self._transport.close()

    def abort(self) -> None:
        """Now."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()


class Front:
    """The listening side."""

    def __init__(
        self, application: Application, limits: FrontLimits | None = None, trusted_proxies: Sequence[Network] = ()
    ) -> None:
        self.application = application
        self.limits = limits or FrontLimits()
        self.room = Room(self.limits.room)
        self.is_stopping = False
        self._trusted = trusted_proxies
        self._peers: set[_Peer] = set()
        self._by_address: dict[str, int] = {}
        self._server: asyncio.Server | None = None
        self._date = (0, "")
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def listen(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, shared: bool = False, backlog: int = 2048
    ) -> int:
        """Take connections from now on; the port. `shared`: other processes listen on it too."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Peer(self), host, port, ssl=tls, backlog=backlog, reuse_port=shared or None,
            ssl_handshake_timeout=self.limits.head_s if tls else None,
        )  # fmt: skip
        return int(self._server.sockets[0].getsockname()[1])

    async def listen_on(self, sock: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """The same on a socket that listens already, and may be shared with other processes."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Peer(self), sock=sock, ssl=tls, ssl_handshake_timeout=self.limits.head_s if tls else None
        )

    async def run(self) -> None:
        """Watch the deadlines, until cancelled."""
        while True:
            await asyncio.sleep(self.limits.sweep_s)
            now = clock.monotonic_s()
            for peer in list(self._peers):
                peer.look_at_clock(now)

    def enter(self, peer: _Peer) -> bool:
        """Whether there is a place for one more connection of its address."""
        self._peers.add(peer)
        self._is_empty.clear()
        key = self._find_key(peer.address)
        count = self._by_address[key] = self._by_address.get(key, 0) + 1
        if len(self._peers) > self.limits.connections:
            return False
        return count <= self.limits.per_address or is_within(read_visitor(peer.address), self._trusted)

    def leave(self, peer: _Peer) -> None:
        """Its place is free."""
        self._peers.discard(peer)
        if not self._peers:
            self._is_empty.set()
        key = self._find_key(peer.address)
        left = self._by_address.get(key, 1) - 1
        if left:
            self._by_address[key] = left
        else:
            self._by_address.pop(key, None)

    @staticmethod
    def _find_key(address: str) -> str:
        return address

    def date(self) -> str:
        """Now, as an HTTP-date (RFC 9110, 5.6.7)."""
        second = int(clock.now_s())
        if second != self._date[0]:
            self._date = (second, formatdate(second, usegmt=True))
        return self._date[1]

    async def stop(self, within_s: float) -> None:
        """Take no more, answer what is under way, then end whatever is left."""
        self.is_stopping = True
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers):
            peer.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._is_empty.wait()
        for peer in list(self._peers):
            peer.abort()
