"""Reads an HTTP/1.1 answer from bytes as they come; no I/O, no clock, all bounded before it is trusted.

The other side is any server that a customer names, wrong, slow or hostile as it may be: heads, lines and bodies that
are too long end the talk. Only what is needed is kept: status, headers, the first 2 KB of the body (or as many as the
caller says), and whether the connection may be used again. (RFC 9112; a general client costs four times as much
processor time a push.)
"""

from __future__ import annotations

KEPT_BODY = 2048
_MAX_HEAD = 16_384
_MAX_BODY = 65_536
_MAX_LINE = 256


class BadAnswerError(Exception):
    """It is not HTTP, or too much of it."""


class Answer:
    """Collects one answer. Feed it until `done`."""

    __slots__ = (
        "_body_left", "_buffer", "_kept", "_mode", "_most", "_read", "body", "cut", "done", "headers", "reusable", "started",
        "status",
    )  # fmt: skip

    def __init__(self, kept: int = KEPT_BODY, most: int = _MAX_BODY) -> None:
        """`kept`: bytes of the body that are kept; `most`: that are read."""
        self._kept = kept
        self._most = most
        self.cut = False  # there was more of the body than is kept
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.done = False
        self.reusable = False
        self.started = False
        self._buffer = b""
        self._mode = "head"
        self._body_left = 0
        self._read = 0

    def header(self, name: str) -> str:
        """A header by its lower-case name; "" where absent."""
        return self.headers.get(name.encode(), b"").decode("latin-1")

    def feed(self, data: bytes) -> None:
        """More bytes. Raises BadAnswerError."""
        self.started = True
        self._buffer = self._buffer + data if self._buffer else data
        while not self.done and self._step():
            pass
        if self.done and self._buffer:
            self.reusable = False  # it said more than it was asked

    def end(self) -> bool:
        """The other side closed. True if the answer is complete by that."""
        if self._mode == "until_close":
            self.done = True
        return self.done

    def _step(self) -> bool:
        if self._mode == "head":
            return self._read_head()
        if self._mode == "chunk":
            return self._read_chunk_line()
        if self._mode == "trailer":
            return self._read_trailer()
        return self._read_body()

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or end > _MAX_HEAD:
            if len(self._buffer) > _MAX_HEAD:
                raise BadAnswerError("the head of the answer is too long")
            return False
        lines = self._buffer[:end].split(b"\r\n")
        self._buffer = self._buffer[end + 4 :]
        words = lines[0].split(b" ", 2)
        if not words[0].startswith(b"HTTP/1.") or len(words) < 2 or not (words[1].isdigit() and len(words[1]) == 3):
            raise BadAnswerError("the answer is not HTTP/1")
        status = int(words[1])
        if 100 <= status < 200:
            return True  # an interim answer: the real one follows
        headers: dict[bytes, bytes] = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        self.status, self.headers = status, headers
        self._choose_body(words[0])
        return True

    def _choose_body(self, version: bytes) -> None:
        connection = self.headers.get(b"connection", b"").lower()
        self.reusable = b"close" not in connection and (version != b"HTTP/1.0" or b"keep-alive" in connection)
        length = self.headers.get(b"content-length", b"")
        if self.status in {204, 304}:
            self.done = True
        elif b"transfer-encoding" in self.headers:
            if self.headers[b"transfer-encoding"].lower() != b"chunked" or length:
                raise BadAnswerError("the answer's length cannot be told")
            self._mode = "chunk"
        elif length:
            if not (length.isdigit() and len(length) < 12):
                raise BadAnswerError("the answer's length is no number")
            self._mode, self._body_left = "body", int(length)
        else:
            self._mode, self.reusable = "until_close", False

    def _read_body(self) -> bool:
        if self._mode == "until_close":
            self._keep(self._buffer)
            self._buffer = b""
            return False
        piece = self._buffer[: self._body_left]
        self._buffer = self._buffer[len(piece) :]
        self._body_left -= len(piece)
        self._keep(piece)
        if self._body_left or self.done:
            return False
        if self._mode == "body":
            self.done = True
        else:
            self._mode = "chunk"
        return True

    def _keep(self, piece: bytes) -> None:
        self._read += len(piece)
        if len(self.body) < self._kept:
            self.body += piece[: self._kept - len(self.body)]
        self.cut = self._read > self._kept
        if self._read > self._most:
            # The status is known, the rest is not wanted: end here and do not use the connection again.
            self.done, self.reusable, self._buffer = True, False, b""

    def _read_line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n", 0, _MAX_LINE)
        if end < 0:
            if len(self._buffer) >= _MAX_LINE:
                raise BadAnswerError("a line of the answer is too long")
            return None
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        return line

    def _read_chunk_line(self) -> bool:
        line = self._read_line()
        if line is None:
            return False
        if not line:
            return True  # the end of the chunk before
        size = line.split(b";", 1)[0].strip()
        if not size or len(size) > 8 or size.strip(b"0123456789abcdefABCDEF"):
            raise BadAnswerError("a chunk of the answer has no size")
        self._body_left = int(size, 16)
        self._mode = "piece" if self._body_left else "trailer"
        return True

    def _read_trailer(self) -> bool:
        line = self._read_line()
        if line is None:
            return False
        self._read += len(line)
        self.done = not line or self._read > _MAX_BODY
        return True
