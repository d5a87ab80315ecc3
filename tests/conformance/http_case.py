"""The carrier over HTTP under test: its other side is a process (carrier_server.py), its calls come in by a door here."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from typing import Any

from tests.conformance.cases import CHANNEL, LATE_S, NUMBERS, PATIENCE_S
from tests.conformance.door import Door
from tests.conformance.script import Script
from tests.conformance.sink import RecordingSink
from tocsin.carriers import ChannelFacts, open_ear, open_link
from tocsin.traffic import Link

TOKEN = "token-of-the-suite"
_NAMES = itertools.count(1)


class HttpCase:
    """One carrier in the server's process."""

    behaviours = frozenset(NUMBERS)

    def __init__(self, server: Script) -> None:
        self._server = server
        self._name = f"carrier{next(_NAMES)}"
        self._door = Door()

    async def open(self, sink: RecordingSink, **terms: float) -> Link:
        facts = ChannelFacts(CHANNEL, "under test", self._write_config(terms))
        if self._door.sink is None:
            calls = await self._door.open(open_ear("http", facts), sink)
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
            "url": self._server.url(f"/{self._name}/send?{query}"),
            "body": '{"to": "{to}", "from": "{from}", "text": "{text}", "id": "{id}", "part": {part}, "parts": {parts}}',
            "id_at": "/result/id",
            "error_at": "/error",
            "errors": {"rejected": "permanent", "blacklisted": "permanent:blacklisted"},
            "receipt_states": {"unknown number": "number error"},
            "timeout_s": min(terms.get("hang_s", PATIENCE_S), 300),
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
