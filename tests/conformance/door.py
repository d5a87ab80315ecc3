"""Where a carrier's calls come in during a test: read by the channel's ear, given to the test's sink."""

from __future__ import annotations

import time

from aiohttp import web

from tests.conformance.sink import RecordingSink, RefusedError
from tocsin.carriers import Called, Ear, StrangerError, UnreadableError


class Door:
    """Answers as the API does: 200 when the sink has it, 401 and 400 for what is not heard, 503 where the sink raises."""

    def __init__(self) -> None:
        self.ear: Ear | None = None
        self.sink: RecordingSink | None = None
        self._runner: web.AppRunner | None = None

    async def open(self, ear: Ear | None, sink: RecordingSink) -> str:
        """Where to call."""
        self.ear, self.sink = ear, sink
        app = web.Application()
        app.add_routes([web.post("/{what}", self._take)])
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _take(self, request: web.Request) -> web.Response:
        assert self.ear is not None
        assert self.sink is not None
        headers, body = request.headers, await request.read()
        called = Called(request.match_info["what"], request.query, lambda name: headers.get(name, ""), body)
        try:
            heard = self.ear(called, time.time())
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
        if self._runner is not None:
            await self._runner.cleanup()
