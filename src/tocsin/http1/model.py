"""The words of an HTTP/1.1 connection: its states, a request as it comes in, what a piece of input brought."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class State(IntEnum):
    """What a connection waits for (RFC 9112)."""

    HEAD = 0  # the first or the next byte of a request line and its headers
    BODY = 1  # the rest of a body
    ANSWER = 2  # at least one request is whole and its answer is not written yet
    DRAIN = 3  # an answer was written before the body had come: the rest is thrown away
    CLOSE = 4  # nothing more is read


TRANSITIONS: dict[int, frozenset[State]] = {
    State.HEAD: frozenset({State.BODY, State.ANSWER, State.CLOSE}),
    State.BODY: frozenset({State.ANSWER, State.DRAIN, State.CLOSE}),
    State.ANSWER: frozenset({State.HEAD, State.BODY, State.ANSWER, State.CLOSE}),
    State.DRAIN: frozenset({State.CLOSE}),
    State.CLOSE: frozenset(),
}
"""What may follow a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The most that is read of a head. Bytes, unless the name says otherwise."""

    url: int = 64 * 1024
    headers: int = 32 * 1024
    header_count: int = 100


class Incoming:
    """One request. `pieces` is the body so far; `is_whole` says that nothing is missing."""

    __slots__ = (
        "chunked", "expects_continue", "headers", "is_whole", "keeps_alive", "length", "max_body", "method", "path",
        "pieces", "query", "sink", "size",
    )  # fmt: skip

    def __init__(self, method: str, path: str, query: str, headers: dict[str, str]) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        """Names in lower case; the lines of one name are joined by a comma (RFC 9110, 5.3). Latin-1."""
        self.length: int | None = None
        self.chunked = False
        self.keeps_alive = True
        self.expects_continue = False
        self.max_body = 0
        self.pieces: list[bytes] = []
        self.sink: Callable[[bytes], None] | None = None
        """Where the body goes from now on, instead of `pieces`."""
        self.size = 0
        self.is_whole = False

    @property
    def has_body(self) -> bool:
        """Whether its head says that something follows."""
        return self.chunked or bool(self.length)

    @property
    def body(self) -> bytes:
        """All that has come of the body."""
        if len(self.pieces) != 1:
            self.pieces = [b"".join(self.pieces)]  # and the pieces are free
        return self.pieces[0]


class Began(NamedTuple):
    """The head of a request is whole."""

    request: Incoming


class Ended(NamedTuple):
    """A request is whole."""

    request: Incoming


class Failed(NamedTuple):
    """What came is no request that can be served: `status` is the answer to it, after the answers to the requests before it."""

    status: int
    reason: str


Event = Began | Ended | Failed
