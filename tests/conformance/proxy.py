"""A way to PostgreSQL that can be cut at a chosen moment: between a statement and its commit, or its answer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Proxy:
    """Passes bytes on. The cuts hold for sessions in whose first packet (application_name) `word` stands."""

    def __init__(self, target: str, word: bytes) -> None:
        self.refuse = False  # no new session gets through
        self.cut_request = False  # the next request ends the session and never arrives
        self.cut_answer = False  # the next request arrives, its answer ends the session
        self.swallow = False  # half-open: nothing passes, nobody hangs up; a session that lost a byte is mute for ever
        self.cuts = 0
        self._mute: list[asyncio.StreamWriter] = []  # servers that never hear that their client went away
        self._target = target
        self._word = word
        self._pumps: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session."""
        if self.refuse:
            writer.close()
            return
        if self.swallow:
            while await reader.read(65536):
                pass
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        first = await reader.read(65536)
        server_writer.write(first)
        chosen = self._word in first
        writers = (writer, server_writer)
        for pump in (
            self._pump(reader, server_writer, writers, "cut_request" if chosen else ""),
            self._pump(server_reader, writer, writers, "cut_answer" if chosen else ""),
        ):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        onward: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        cut: str,
    ) -> None:
        try:
            while data := await reader.read(65536):
                if self.swallow or both[1] in self._mute:
                    self._mute.append(both[1])
                    continue
                if cut and getattr(self, cut):
                    setattr(self, cut, False)
                    self.cuts += 1
                    break
                onward.write(data)
                await onward.drain()
        except ConnectionError:
            pass
        finally:
            for writer in both:
                if writer not in self._mute:
                    writer.close()

    async def close(self) -> None:
        """End all sessions."""
        pumps = list(self._pumps)
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        for writer in self._mute:
            writer.close()


@asynccontextmanager
async def proxied(dsn: str, word: bytes) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of `dsn`, and the dsn that leads through it."""
    facts = conninfo_to_dict(dsn)
    name = f".s.PGSQL.{facts['port']}"
    proxy = Proxy(str(Path(str(facts["host"])) / name), word)
    with tempfile.TemporaryDirectory(prefix="proxy-") as directory:
        server = await asyncio.start_unix_server(proxy.accept, Path(directory) / name)
        try:
            yield proxy, make_conninfo(dsn, host=directory)
        finally:
            server.close()
            await proxy.close()
            await server.wait_closed()
