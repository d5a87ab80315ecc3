"""What the front (`front.py`) is told and gives: limits of a peer, an answer, room for bodies; and what an application is."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
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
    body_rate: int = 16 * 1024  # bytes that have come
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
    """Bytes of bodies that are held at once, over all connections. One key has half of it at most, or one body.

    Who finds none waits, first come, first served, but for those who wait for their own key alone.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._most_of_one = size // 2
        self._held: Counter[str] = Counter()
        self._waiting: deque[tuple[str, int, asyncio.Future[None]]] = deque()

    async def take(self, key: str, size: int) -> None:
        """Returns when the room is there. Cancelled: nothing is taken."""
        if not self._waiting and size <= self._left and self._may_hold(key, size):
            self._hold(key, size)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((key, size, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give(key, size)
            raise

    def give(self, key: str, size: int) -> None:
        """Back."""
        self._left += size
        self._held[key] -= size
        if not self._held[key]:
            del self._held[key]
        waiting, self._waiting = self._waiting, deque()
        while waiting:
            each_key, wanted, future = each = waiting.popleft()
            if future.done():
                continue
            if not self._may_hold(each_key, wanted):
                self._waiting.append(each)
            elif wanted > self._left:
                self._waiting.extend([each, *waiting])
                break
            else:
                self._hold(each_key, wanted)
                future.set_result(None)

    def _may_hold(self, key: str, size: int) -> bool:
        held = self._held.get(key, 0)
        return not held or held + size <= self._most_of_one

    def _hold(self, key: str, size: int) -> None:
        self._left -= size
        self._held[key] += size
