"""The simulator's connections: who may bind, which session belongs to whom, and when all of them hang or drop."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Sequence

from tocsin.kit import clock
from tocsin.smpp import (
    Answered,
    Asked,
    Bind,
    Command,
    Ended,
    Event,
    Expired,
    Message,
    Query,
    Role,
    State,
    Status,
    Stream,
    Terms,
    encode,
)
from tocsin.smsc.box import Box, Delivery
from tocsin.smsc.counts import Counts
from tocsin.smsc.desk import Desk, Peer
from tocsin.smsc.journal import Journal
from tocsin.smsc.later import Later
from tocsin.smsc.mischief import Mischief
from tocsin.smsc.naming import make_namer
from tocsin.smsc.options import Faults, Options, Step
from tocsin.smsc.script import Script

_CONNECTIONS_MOST = 1_000
_SYSTEM_IDS_MOST = 1_000
_BACKLOG = 256
_ASKED_MOST = 10_000
"""Submits of one session that may wait for their answer, which only faults keep from them."""
_RESPONSE = 0x80000000
_HALF = encode(Command.SUBMIT_SM | _RESPONSE, 0, 1, b"0123456789\0")[:13]
"""A PDU that is cut off in its header."""
_AGAIN_S = 0.2
_LOG = logging.getLogger(__name__)


class Smsc:
    """A server; `start` it, and `close` it in the end. Everything happens on the running loop."""

    def __init__(
        self,
        options: Options,
        steps: Sequence[Step] = (),
        journal: Journal | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.counts = Counts()
        self.newest: Box | None = None
        self._options = options
        self._tls = tls
        self._later = Later()
        self.mischief = Mischief(Faults())
        self.journal = journal or Journal(None)
        name = make_namer(options.id_form, clock.now_ms())
        self.desk = Desk(options, self.mischief, self._later, self.counts, self.journal, name)
        self.boxes: dict[bytes, Box] = {}
        self._peers: dict[Stream, Peer] = {}
        self._terms = Terms(
            window=options.window, response_s=options.answer_within, enquire_s=options.enquire_after, asked=_ASKED_MOST
        )
        self._server: asyncio.Server | None = None
        self.script = Script(self, steps or [Step()], self._later)
        self._address = ("", 0)
        self._absence = 0
        self.is_hanging = False

    # Life.

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen; the address, with the port that was free where `port` is 0. Raises OSError."""
        self._address = (host, port)
        found = await self._listen()
        self._address = (host, found[1])
        self.script.begin()
        return found

    @property
    def is_listening(self) -> bool:
        """Whether somebody who comes is let in."""
        return self._server is not None

    async def close(self) -> None:
        """Unbind nobody: everything is cut, and the journal written."""
        self._absence += 1
        if self._server is not None:
            self._server.close()
        for stream in list(self._peers):
            stream.close()
        self._later.close()
        self.journal.close()

    async def _listen(self) -> tuple[str, int]:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        address = sock.getsockname()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make_stream, sock=sock, ssl=self._tls)
        return str(address[0]), int(address[1])

    def _make_stream(self) -> Stream:
        stream = Stream(Role.SMSC, self._terms, self._on_events)
        self.counts.connections += 1
        self._peers[stream] = Peer(stream, self.counts.connections)
        if len(self._peers) > _CONNECTIONS_MOST:
            asyncio.get_running_loop().call_soon(stream.abort)
        elif self.is_hanging:
            asyncio.get_running_loop().call_soon(lambda: stream.pause(reading=False))
        return stream

    # What peers say.

    def _on_events(self, stream: Stream, events: Sequence[Event]) -> None:
        peer = self._peers.get(stream)
        if peer is None:
            return
        over = isinstance(events[-1], Ended)
        unanswered = stream.session.unanswered
        if unanswered > self.counts.most_unanswered and peer.box is not None:
            self.counts.most_unanswered = unanswered
        lost: list[Delivery] = []
        for event in events:
            if isinstance(event, Asked):
                self._take_request(peer, event)
            elif peer.box is not None and isinstance(event, Answered):
                assert isinstance(event.token, Delivery)
                peer.box.settle(event.token, event.status)
            elif peer.box is not None and isinstance(event, Expired):
                assert isinstance(event.token, Delivery)
                if over:
                    lost.append(event.token)
                else:
                    peer.box.expire(event.token)
        if over:
            self._part(peer, lost)

    def _take_request(self, peer: Peer, asked: Asked) -> None:
        body = asked.body
        if isinstance(body, Bind):
            self._bind(peer, asked, body)
        elif peer.box is None or peer.stream.session.state is State.CLOSED:
            return
        elif isinstance(body, Message):
            self.desk.take(peer, peer.box, asked, body)
        else:
            assert isinstance(body, Query)
            self.desk.query(peer, asked, body)

    def _bind(self, peer: Peer, asked: Asked, bind: Bind) -> None:
        refused = self._find_refusal(bind)
        if refused:
            self.counts.binds_refused += 1
            self._peers.pop(peer.stream)
            peer.stream.session.refuse_bind(asked, refused)
            peer.stream.close()
            return
        box = self.boxes.get(bind.system_id)
        if box is None:
            box = self.boxes[bind.system_id] = Box(bind.system_id, self._options, self._later, self.counts)
        peer.box, peer.name = box, bind.system_id.decode("latin-1")
        peer.stream.session.accept_bind(asked, b"tocsin")
        box.sessions += 1
        self.counts.binds += 1
        self.counts.sessions += 1
        self.newest = box
        if asked.command is not Command.BIND_TRANSMITTER:
            box.receivers.append(peer.stream)
            box.wake()

    def _find_refusal(self, bind: Bind) -> Status | None:
        options = self._options
        box = self.boxes.get(bind.system_id)
        if options.system_id and bind.system_id != options.system_id.encode():
            return Status.INVALID_SYSTEM_ID
        if options.password and bind.password != options.password.encode():
            return Status.INVALID_PASSWORD
        if box is None:
            return Status.BIND_FAILED if len(self.boxes) >= _SYSTEM_IDS_MOST else None
        return Status.BIND_FAILED if box.sessions >= options.binds else None

    def _part(self, peer: Peer, lost: Sequence[Delivery]) -> None:
        self._peers.pop(peer.stream, None)
        box = peer.box
        if box is not None:
            box.sessions -= 1
            self.counts.sessions -= 1
            if peer.stream in box.receivers:
                box.receivers.remove(peer.stream)
            box.give_back(lost)

    # What goes wrong with all of them.

    def drop(self, for_s: float) -> int:
        """Cut all connections, and accept none for so long; how many they were."""
        self.counts.drops += 1
        streams = list(self._peers)
        last = _HALF if self.mischief.faults.drop_mid_pdu else b""
        for stream in streams:
            stream.close(last)
        self._absence += 1
        if self._server is not None:
            self._server.close()
            self._server = None
        self._later.put(for_s, self._come_back, self._absence)
        return len(streams)

    def hang(self, *, hanging: bool) -> None:
        """Whether nothing is read, and no receipt sent."""
        self.is_hanging = hanging
        for stream in self._peers:
            stream.pause(reading=not hanging)
        for box in self.boxes.values():
            box.hang(hanging=hanging)

    def _come_back(self, absence: int) -> None:
        if absence == self._absence:  # else a later drop is under way
            self._coming = asyncio.ensure_future(self._listen_again())

    async def _listen_again(self) -> None:
        try:
            await self._listen()
        except OSError as error:
            _LOG.warning("cannot listen on %s port %d again yet: %s", *self._address, error)
            self._later.put(_AGAIN_S, self._come_back, self._absence)
