"""One connection of the front (`front.py`): its requests in order, their bodies, their answers, and its deadlines.

A thin transport around `tocsin.http1`. Requests of one connection are answered one after the other, in order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from tocsin.front.model import Answer, BodyError
from tocsin.front.stream import NO_LENGTH, Stream, send_stream
from tocsin.http1 import CONTINUE, Began, Connection, Ended, Failed, Incoming, State, render
from tocsin.kit import clock
from tocsin.kit.visitor import network_of, undress

if TYPE_CHECKING:
    from tocsin.front.front import Front

log = logging.getLogger(__name__)

_UNADMITTED = 64 * 1024  # of a body, before the application asked for it
_SMALL = 16 * 1024  # a body that takes no room
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Call:
    """One request on its connection."""

    __slots__ = ("_fault", "_peer", "_room", "_waiting", "address", "gives_up", "is_gone", "request", "socket_address")

    def __init__(self, peer: Peer, request: Incoming) -> None:
        self._peer = peer
        self._room = 0
        self._waiting: asyncio.Future[None] | None = None
        self._fault: BodyError | None = None
        self.request = request
        self.socket_address = peer.address
        """Of the other end, which may be a proxy."""
        self.address = peer.find_address(request)
        """The client's; a trusted proxy's header counts."""
        self.gives_up = False
        """Set by the application where nobody needs the answer once the client has gone away: it is cancelled then."""
        self.is_gone = False
        """Whether it was cancelled for that."""

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
                await self._peer.front.room.take(network_of(self.address), size)
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
            self._peer.front.room.give(network_of(self.address), self._room)
            self._room = 0


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, front: Front, *, secured: bool = False) -> None:
        self.front = front
        self.secured = secured  # behind TLS
        self.address = ""
        self.is_proxy = False
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
        if self.secured:
            return  # it has its place already
        name = transport.get_extra_info("peername")
        self.set_address(name[0] if name else "")
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
        self._give_up()

    def eof_received(self) -> bool:
        # Half-closed: the answer is still wanted, unless it changes nothing: who goes away looks the same. TLS knows no such thing.
        if self._give_up():
            return False
        return not self.secured and bool(self._calls) and self._calls[0].request.is_whole

    def _give_up(self) -> bool:
        """Whether the call at work is one that is given up now."""
        call = self._calls[0] if self._calls else None
        if call is None or self._task is None or not call.gives_up or call.is_gone:
            return False
        call.is_gone = True
        self._task.cancel()
        return True

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

    def set_address(self, address: str) -> None:
        """Of its socket."""
        self.address = undress(address)
        self.is_proxy = self.front.is_trusted(self.address)

    def find_address(self, request: Incoming) -> str:
        """Of the client who wrote it."""
        forwarded = request.headers.get("x-forwarded-for") if self.is_proxy else None
        return self.address if forwarded is None else self.front.read_forwarded(self.address, forwarded)

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
            answer = await self._answer(call)
        except BodyError as error:
            answer = self.front.application.explain(error.status, str(error))
        except Exception:  # the edge of a request: the trace goes to the log
            log.exception("a request")
            answer = self.front.application.explain(500, "Internal error")
        finally:
            call.release()
        if call.is_gone:
            return
        if answer.stream is not None:
            await self._send(call.request, answer, answer.stream)
        self._task = None
        self._calls.popleft()
        self._write(call.request, answer)
        self._go_on()

    async def _answer(self, call: Call) -> Answer:
        if call.address is self.address:
            return await self.front.application(call)
        with self.front.counting(call.address) as has_place:
            if has_place:
                return await self.front.application(call)
        return self.front.application.explain(503, "too many requests of this address at once, try again")

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
