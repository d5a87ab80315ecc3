"""What the front (`front.py`) is told and gives: limits of a peer, an answer, room for bodies; and what an application is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tocsin.front.stream import Stream
from tocsin.http1 import Incoming

if TYPE_CHECKING:
    from tocsin.front.peer import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLimits:
    """What one peer and all together may take. Seconds and bytes."""

    connections: int = 4096
    per_address: int = 256
    head_s: float = 10.0
    idle_s: float = 75.0
    body_s: float = 15.0  # and one second more for each
    body_rate: int = 2048  # bytes that have come
    answer_s: float = 120.0
    write_s: float = 30.0
    drain_s: float = 3.0
    drain_bytes: int = 40 * 1024 * 1024
    room: int = 64 * 1024 * 1024
    room_s: float = 15.0
    sweep_s: float = 0.5


class Answer(NamedTuple):
    """An answer to one request."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    stream: Stream | None = None
    """The body instead of `body`: read as the peer takes it, and closed at the end, whatever becomes of the peer."""
    length: int | None = None
    """Of the body, where `body` does not tell it: of `stream` (NO_LENGTH: not known), or of what HEAD leaves out."""


class BodyError(Exception):
    """The body will not come, or not whole; `status` is the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Application(Protocol):
    """What is served."""

    def find_max_body(self, request: Incoming) -> int:
        """The most bytes of its body, by its head."""
        ...

    async def __call__(self, call: Call) -> Answer:
        """The answer. BodyError may pass through it; nothing else may."""
        ...

    def explain(self, status: int, reason: str) -> Answer:
        """The answer to what is no request that can be served."""
        ...


class Room:
    """Bytes of bodies that are held at once, over all connections; who finds none waits, first come, first served."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        """Returns when the room is there. Cancelled: nothing is taken."""
        if not self._waiting and size <= self._left:
            self._left -= size
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(size)
            raise

    def give(self, size: int) -> None:
        """Back."""
        self._left += size
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= self._left):
            wanted, future = self._waiting.popleft()
            if not future.done():
                self._left -= wanted
                future.set_result(None)
