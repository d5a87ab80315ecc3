"""Between a link and a real upstream platform, run as a process: passes on, and misbehaves where it is told to.

PUT /NAME says where the upstream and the door for its pushes are, and for which numbers it misbehaves. POST /NAME/up/...
goes on to the upstream, POST /NAME/down/WHAT to the door. Signatures and everything else pass as they are.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web


@dataclass
class Place:
    """One customer of the upstream. Without a door its pushes are acknowledged and forgotten."""

    upstream: str = ""
    door: str = ""
    rules: dict[str, str] = field(default_factory=dict)  # number -> behaviour
    answer_s: float = 0.0
    rate: int = 0
    room: float = 0.0
    looked_at: float = 0.0
    tries: Counter[str] = field(default_factory=Counter)


PLACES: dict[str, Place] = {}
SESSION: list[aiohttp.ClientSession] = []
REFUSALS = {
    "throttle": {"status": -15, "message": "Request frequency too fast"},
    "temporary": {"status": -10, "message": "This channel balance is insufficient to meet this send"},
}
TRIES = 2


async def go_up(request: web.Request) -> web.StreamResponse:
    place, body = PLACES[request.match_info["name"]], await request.read()
    message = json.loads(body)
    rule = place.rules.get(message["numbers"], "")
    await asyncio.sleep(place.answer_s)
    place.tries[message["content"]] += 1
    if (rule in REFUSALS and place.tries[message["content"]] <= TRIES) or is_over(place):
        return web.json_response(REFUSALS.get(rule, REFUSALS["throttle"]), headers={"Retry-After": "0"})
    headers = {name: request.headers[name] for name in ("Content-Type", "Idempotency-Key")}
    target = f"{place.upstream}/{request.match_info['path']}?{request.query_string}"
    async with SESSION[0].post(target, data=body, headers=headers) as answer:
        text = await answer.read()
    if rule == "hang":
        await asyncio.Event().wait()
    if rule == "drop" or (rule == "drop once" and place.tries[message["content"]] == 1):
        assert request.transport is not None
        request.transport.abort()
    return web.Response(body=text, status=answer.status, content_type="application/json")


def is_over(place: Place) -> bool:
    """A bucket of one second; where there is no rate nobody is over it."""
    if not place.rate:
        return False
    now = time.monotonic()
    place.room = min(place.rate, place.room + (now - place.looked_at) * place.rate)
    place.looked_at = now
    if place.room < 1:
        return True
    place.room -= 1
    return False


async def go_down(request: web.Request) -> web.Response:
    place, body = PLACES.get(request.match_info["name"], Place()), await request.read()
    if not place.door:
        return web.Response()
    headers = {name: value for name, value in request.headers.items() if name.lower().startswith("webhook-")}
    target = f"{place.door}/{request.match_info['what']}?{request.query_string}"
    rows: list[Any] = json.loads(body).get("array", [])
    status = 200
    for _ in range(2 if any(place.rules.get(row[1]) == "doubled" for row in rows) else 1):
        try:
            async with SESSION[0].post(target, data=body, headers=headers) as answer:
                status = answer.status
        except aiohttp.ClientError:
            status = 503
    return web.Response(status=status)


async def set_up(request: web.Request) -> web.Response:
    PLACES[request.match_info["name"]] = Place(**await request.json())
    return web.Response()


async def main() -> None:
    app = web.Application()
    app.add_routes([
        web.put("/{name}", set_up), web.post("/{name}/up/{path:.*}", go_up), web.post("/{name}/down/{what}", go_down),
    ])  # fmt: skip
    SESSION.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
