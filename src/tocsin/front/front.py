"""HTTP/1.1 on sockets: the front of the API, and all that a stranger can do to it.

It listens, gives each connection (`peer.py`) its place, watches deadlines, and stops gracefully. What a request means is the
application's: a coroutine that gets a Call, decides by the head, reads the body or does not, and returns an Answer. One that
answers before the body is read refuses it: the connection is drained a little and closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from email.utils import formatdate

from tocsin.front.model import Application, FrontLimits, Room
from tocsin.front.peer import Peer
from tocsin.kit import clock
from tocsin.kit.visitor import Network, client_address, is_within, network_of, read_visitor

_ACCEPT_AGAIN_S = 0.1


class Front:
    """The listening side."""

    def __init__(
        self, application: Application, limits: FrontLimits | None = None, trusted_proxies: Sequence[Network] = ()
    ) -> None:
        self.application = application
        self.limits = limits or FrontLimits()
        self.room = Room(self.limits.room)
        self.is_stopping = False
        self._listening: socket.socket | None = None  # for TLS
        self._accepting: asyncio.Task[None] | None = None
        self._shaking: set[asyncio.Task[None]] = set()
        self._trusted = trusted_proxies
        self._peers: set[Peer] = set()
        self._by_address: dict[str, int] = {}
        self._server: asyncio.Server | None = None
        self._date = (0, "")
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    async def listen(
        self, host: str, port: int, *, tls: ssl.SSLContext | None = None, shared: bool = False, backlog: int = 2048
    ) -> int:
        """Take connections from now on; the port. `shared`: other processes listen on it too (SO_REUSEPORT)."""
        is_ipv6 = ":" in host
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if is_ipv6 else socket.AF_INET, backlog=backlog, reuse_port=shared,
            dualstack_ipv6=is_ipv6 and socket.has_dualstack_ipv6(),  # "::" takes IPv4 clients too
        )  # fmt: skip
        await self.listen_on(listening, tls)
        return int(listening.getsockname()[1])

    async def listen_on(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """The same on a socket that listens already, and may be shared with other processes."""
        listening.setblocking(False)
        if tls is not None:
            self._listening = listening
            self._accepting = asyncio.create_task(self._accept(listening, tls))
        else:
            self._server = await asyncio.get_running_loop().create_server(lambda: Peer(self), sock=listening)

    async def _accept(self, listening: socket.socket, tls: ssl.SSLContext) -> None:
        """Each connection has its place before it speaks TLS: who never begins counts too.

        Not by start_tls: uvloop hands a connection's first bytes on before a protocol can hold them back.
        """
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError:  # no file is left, or it has gone already
                await asyncio.sleep(_ACCEPT_AGAIN_S)
                continue
            peer = Peer(self, secured=True)
            peer.set_address(str(address[0]))
            if not self.enter(peer):
                self.leave(peer)
                sock.close()
                continue
            task = asyncio.create_task(self._shake_hands(peer, sock, tls))
            self._shaking.add(task)
            task.add_done_callback(self._shaking.discard)

    async def _shake_hands(self, peer: Peer, sock: socket.socket, tls: ssl.SSLContext) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: peer, sock, ssl=tls, ssl_handshake_timeout=self.limits.head_s
            )
        except (OSError, asyncio.CancelledError):  # TLS errors and timeouts are OSErrors
            self.leave(peer)
            sock.close()

    async def run(self) -> None:
        """Watch the deadlines, until cancelled. Raises what ended the accepting of TLS connections: nobody could come in."""
        while True:
            await asyncio.sleep(self.limits.sweep_s)
            if self._accepting is not None and self._accepting.done() and not self.is_stopping:
                self._accepting.result()
            now = clock.monotonic_s()
            for peer in list(self._peers):
                peer.look_at_clock(now)

    def connections(self) -> list[str]:
        """The address of each."""
        return [peer.address for peer in self._peers]

    def is_trusted(self, address: str) -> bool:
        """Whether it is a proxy, whose connections are many clients'."""
        return bool(self._trusted) and is_within(read_visitor(address), self._trusted)

    def read_forwarded(self, address: str, forwarded: str) -> str:
        """The client behind a proxy."""
        return client_address(address, forwarded, self._trusted)

    def enter(self, peer: Peer) -> bool:
        """Whether there is a place for one more connection of its address."""
        self._peers.add(peer)
        self._is_empty.clear()
        is_free = self._count(peer.address, 1) <= self.limits.per_address or peer.is_proxy
        return is_free and len(self._peers) <= self.limits.connections

    def _count(self, address: str, change: int) -> int:
        """Connections of an address, or requests under way of one behind a proxy, after `change`."""
        key = network_of(address)
        count = self._by_address.get(key, 0) + change
        if count:
            self._by_address[key] = count
        else:
            self._by_address.pop(key, None)
        return count

    def leave(self, peer: Peer) -> None:
        """Its place is free. Once more is no harm."""
        if peer not in self._peers:
            return
        self._peers.discard(peer)
        if not self._peers:
            self._is_empty.set()
        self._count(peer.address, -1)

    @contextlib.contextmanager
    def counting(self, address: str) -> Iterator[bool]:
        """Whether a client behind a proxy has a place for one more request; it counts as a connection of his."""
        try:
            yield self._count(address, 1) <= self.limits.per_address
        finally:
            self._count(address, -1)

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
        for task in ([self._accepting] if self._accepting else []) + list(self._shaking):
            task.cancel()
        if self._listening is not None:
            self._listening.close()
        for peer in list(self._peers):
            peer.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._is_empty.wait()
        for peer in list(self._peers):
            peer.abort()
