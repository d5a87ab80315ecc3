"""An answer whose body is a stream: it is read as fast as the peer takes it, and never held whole."""

from __future__ import annotations

import asyncio
from typing import Protocol

NO_LENGTH = -1


class Stream(Protocol):
    """A body that is made piece by piece."""

    async def read(self) -> bytes:
        """The next piece; none: the end."""
        ...

    def close(self) -> None:
        """Nothing more is read."""
        ...


async def send_stream(
    transport: asyncio.Transport, stream: Stream, length: int, may_write: asyncio.Event, *, is_chunked: bool
) -> None:
    """Write `length` bytes, or all where the length is not known. A stream that breaks off, or has another length, aborts."""
    sent, is_whole = 0, False
    try:
        while not transport.is_closing() and (piece := await stream.read()):
            sent += len(piece)
            if length != NO_LENGTH and sent > length:
                return
            transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
            await may_write.wait()
        is_whole = length in {NO_LENGTH, sent}
        if is_chunked and is_whole:
            transport.write(b"0\r\n\r\n")
    finally:
        if not is_whole:
            transport.abort()
