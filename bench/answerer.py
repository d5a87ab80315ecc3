"""`python -m bench.answerer`: an SMPP peer that answers each request at once and reads no more of it than its head.

Cheap enough to hold up nobody, so that clients are compared and not their peer. Prints its port; ends with its standard input.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from typing import cast

import uvloop

_HEAD = struct.Struct(">IIII")
_RESPONSE = 0x80000000
_BODY = b"0123456789\0"


class _Answerer(asyncio.Protocol):
    """Of one connection."""

    def __init__(self) -> None:
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at, end, answers = 0, len(data), []
        while end - at >= _HEAD.size:
            length, command, _, sequence = _HEAD.unpack_from(data, at)
            if end - at < length:
                break
            if not command & _RESPONSE:
                answers.append(_HEAD.pack(_HEAD.size + len(_BODY), command | _RESPONSE, 0, sequence) + _BODY)
            at += length
        self._rest = data[at:]
        self._transport.write(b"".join(answers))


async def _run() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answerer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_run())
