#!/usr/bin/env bash
# uvloop: a transport that is paused in connection_made reads all the same.
#
# A protocol may have to look at a new connection before it takes bytes, for instance to begin TLS on it. asyncio's transports take
# pause_reading() in connection_made. Expected of uvloop, whose transports are the same interface: nothing comes before
# resume_reading(). Seen with uvloop 0.23.0 on accepted connections: is_reading() says False, and data_received is called with
# what the client sent at once. So start_tls() from there comes too late. What helps: accept with loop.sock_accept, and
# give the socket to loop.connect_accepted_socket(..., ssl=context).
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check uvloop==0.23.0
"$folder/venv/bin/python" - <<'PY'
import asyncio
import sys

import uvloop


class Paused(asyncio.Protocol):
    def __init__(self, seen):
        self.seen = seen

    def connection_made(self, transport):
        transport.pause_reading()
        self.seen.append(f"is_reading() {transport.is_reading()}")
        asyncio.get_running_loop().call_later(0.5, self.resume, transport)

    def resume(self, transport):
        self.seen.append("resumed")
        transport.resume_reading()

    def data_received(self, data):
        self.seen.append(data.decode())


async def look():
    seen = []
    server = await asyncio.get_running_loop().create_server(lambda: Paused(seen), "127.0.0.1", 0)
    _, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    writer.write(b"hello")
    while "resumed" not in seen or "hello" not in seen:
        await asyncio.sleep(0.05)
    writer.close()
    server.close()
    return seen


asyncios, uvloops = asyncio.run(look()), uvloop.run(look())
print("asyncio:", asyncios)
print("uvloop", uvloop.__version__ + ":", uvloops)
sys.exit(0 if asyncios == ["is_reading() False", "resumed", "hello"]
         and uvloops == ["is_reading() False", "hello", "resumed"] else "the behaviour has changed")
PY
