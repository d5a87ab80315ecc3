"""The carrier over HTTP under test: its other side is a process (carrier_server.py), its calls come in by a door here."""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.conformance.cases import CHANNEL, HANG_S, LATE_S, NUMBERS
from tests.conformance.sink import RecordingSink, RefusedError
from tocsin.carriers import Called, ChannelFacts, Ear, StrangerError, UnreadableError, open_ear, open_link
from tocsin.traffic import Link

TOKEN = "token-of-the-suite"
_NAMES = itertools.count(1)


class CarrierServer:
    """The process."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("carrier_server.py")
        self._process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            got: bytes = answer.read()
        return got

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def run_server() -> Iterator[CarrierServer]:
    server = CarrierServer()
    yield server
    server.close()


class Door:
    """Takes a carrier's calls as the API does: acknowledged when the sink has them, 503 where it raises."""

    def __init__(self) -> None:
        self.ear: Ear | None = None
        self.sink: RecordingSink | None = None

    async def open(self) -> str:
        """Where to call."""
        app = web.Application()
        app.add_routes([web.post("/{what}", self._take)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        assert self._runner.addresses
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.Response:
        assert self.ear is not None
        assert self.sink is not None
        headers = request.headers
        body = await request.read()
        called = Called(request.match_info["what"], request.query, lambda name: headers.get(name, ""), body)
        try:
            heard = self.ear(called, asyncio.get_running_loop().time())
        except StrangerError:
            return web.Response(status=401)
        except UnreadableError:
            return web.Response(status=400)
        try:
            if heard.receipts:
                await self.sink.receipts(heard.receipts)
            if heard.replies:
                await self.sink.inbound(heard.replies)
        except RefusedError:
            return web.Response(status=503)
        return web.Response()

    async def close(self) -> None:
        if hasattr(self, "_runner"):
            await self._runner.cleanup()


class HttpCase:
    """One carrier in the server's process."""

    behaviours = frozenset(NUMBERS)

    def __init__(self, server: CarrierServer) -> None:
        self._server = server
        self._name = f"carrier{next(_NAMES)}"
        self._door = Door()

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        facts = ChannelFacts(CHANNEL, "under test", self._write_config(terms))
        if self._door.sink is None:
            self._door.ear, self._door.sink = open_ear("http", facts), sink
            calls = await self._door.open()
            await asyncio.to_thread(self._server.call, "PUT", f"/{self._name}", {"calls": calls, "token": TOKEN})
        link = open_link("http", facts, "")
        await link.open(sink)
        return link

    def _write_config(self, terms: dict[str, float]) -> dict[str, Any]:
        words = {"answer_s": terms.get("answer_s", 0), "receipt_s": terms.get("receipt_s", 0), "late_s": LATE_S}
        if "rate" in terms:
            words["rate"] = int(terms["rate"])
        query = "&".join(f"{name}={value}" for name, value in words.items())
        return {
            "url": f"http://127.0.0.1:{self._server.port}/{self._name}/send?{query}",
            "body": '{"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}", "part": {part}, "parts": {parts}}',
            "id_at": "/result/id",
            "error_at": "/error",
            "errors": {"rejected": "permanent", "blacklisted": "permanent:blacklisted"},
            "receipt_states": {"unknown number": "number error"},
            "timeout_s": min(terms.get("hang_s", HANG_S), 300),
            "connections": 32,
            "pause_s": 0,
            "callback_token": TOKEN,
        }

    def phone(self, behaviour: str) -> str:
        return NUMBERS[behaviour]

    async def taken(self) -> Counter[tuple[bytes, int]]:
        shown = await self._show()
        found: Counter[tuple[bytes, int]] = Counter()
        for name, count in shown["taken"].items():
            message, _, part = name.partition("-")
            found[bytes.fromhex(message), int(part or 1)] = count
        return found

    async def owed(self) -> int:
        return int((await self._show())["owed"])

    async def _show(self) -> dict[str, Any]:
        shown: dict[str, Any] = json.loads(await asyncio.to_thread(self._server.call, "GET", f"/{self._name}"))
        return shown

    async def close(self) -> None:
        await self._door.close()
