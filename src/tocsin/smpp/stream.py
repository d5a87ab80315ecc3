"""A session on a socket: octets from asyncio into the session and back, all that a turn of the loop says in one write.

It must not decide anything: events go to the owner's `on_events`, in the order in which they came.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import cast

from tocsin.kit import clock
from tocsin.smpp.session import Ended, Event, Session, Terms
from tocsin.smpp.words import Role

OUT_MOST = 1 << 20
"""Octets that the peer has not taken; more ends the connection: it does not read."""


class Stream(asyncio.Protocol):
    """`on_events(stream, events)` must not raise; what it does to the session is sent by the next flush."""

    def __init__(self, role: Role, terms: Terms, on_events: Callable[[Stream, Sequence[Event]], None]) -> None:
        self.session = Session(role, terms, clock.monotonic_s())
        self._on_events = on_events
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._flushing = False
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no instances of it
        self._set_timer()

    @property
    def peer(self) -> str:
        """Address of the other end."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return f"{name[0]}:{name[1]}" if name else "nobody"

    def data_received(self, data: bytes) -> None:
        self._tell(self.session.receive(data, clock.monotonic_s()))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        self._tell(self.session.close())
        self.closed.set()

    def flush(self) -> None:
        """What the session has to say goes out with the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def close(self, last: bytes = b"") -> None:
        """End the session; what it has to say still goes out, then `last` (for a simulator that cuts PDUs in two)."""
        events = self.session.close()
        self._flush()
        if self._transport is not None:
            self._transport.write(last)
            self._transport.close()
        if events:
            self._on_events(self, events)

    def abort(self) -> None:
        """Cut the connection, without a word."""
        if self._transport is not None:
            self._transport.abort()

    def pause(self, *, reading: bool) -> None:
        """Whether octets are taken from the peer."""
        if self._transport is not None and not self._transport.is_closing():
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    def _flush(self) -> None:
        self._flushing = False
        octets = self.session.take()
        transport = self._transport
        if octets and transport is not None:
            transport.write(octets)
            if transport.get_write_buffer_size() > OUT_MOST:
                transport.abort()
        self._set_timer()

    def _set_timer(self) -> None:
        """One timer a session; where a later deadline comes, it fires early once and is set anew."""
        until_s = self.session.deadline()
        if self._timer is not None and (self._timer.when() <= until_s or self._transport is None):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None and until_s != float("inf"):
            self._timer = self._loop.call_at(until_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._tell(self.session.tick(clock.monotonic_s()))

    def _tell(self, events: Sequence[Event]) -> None:
        if events:
            self._on_events(self, events)
        if events and isinstance(events[-1], Ended) and self._transport is not None:
            self._flush()
            if self._transport is not None:
                self._transport.close()
        else:
            self.flush()


async def connect(
    host: str, port: int, tls: ssl.SSLContext | None, make: Callable[[], Stream], within_s: float
) -> Stream:
    """A stream to the peer. Raises OSError, TimeoutError."""
    async with asyncio.timeout(within_s):
        loop = asyncio.get_running_loop()
        name = host if tls is not None else None
        _, stream = await loop.create_connection(make, host, port, ssl=tls, server_hostname=name)
        return stream
