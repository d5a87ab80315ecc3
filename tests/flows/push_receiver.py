"""A customer's web server, run as a process: writes down every push and answers as it is told.

POST /p/NAME takes pushes; PUT /p/NAME sets how NAME answers; GET /p/NAME returns what it got.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Place:
    """How one name answers, and what it got."""

    status: int = 200
    delay_s: float = 0.0
    fail_first: int = 0  # each webhook-id is refused so many times
    fail_status: int = 500
    poison: str = ""  # a body that holds it is refused
    headers: dict[str, str] = field(default_factory=dict)
    got: list[dict[str, Any]] = field(default_factory=list)
    tries: dict[str, int] = field(default_factory=dict)
    in_flight: int = 0
    most_in_flight: int = 0


PLACES: dict[str, Place] = {}


async def take(request: web.Request) -> web.Response:
    place = PLACES.setdefault(request.match_info["name"], Place())
    body = (await request.read()).decode()
    name = request.headers.get("webhook-id", "")
    place.in_flight += 1
    place.most_in_flight = max(place.most_in_flight, place.in_flight)
    if place.delay_s:
        await asyncio.sleep(place.delay_s)
    place.in_flight -= 1
    place.tries[name] = place.tries.get(name, 0) + 1
    status = place.status
    if place.tries[name] <= place.fail_first or (place.poison and place.poison in body):
        status = place.fail_status
    place.got.append({"headers": {k.lower(): v for k, v in request.headers.items()}, "body": body, "status": status})
    return web.Response(status=status, text="thanks", headers=place.headers)


async def behave(request: web.Request) -> web.Response:
    place = PLACES.setdefault(request.match_info["name"], Place())
    for key, value in (await request.json()).items():
        setattr(place, key, value)
    return web.Response()


async def show(request: web.Request) -> web.Response:
    place = PLACES.setdefault(request.match_info["name"], Place())
    return web.json_response({"got": place.got, "most_in_flight": place.most_in_flight})


async def main() -> None:
    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/p/{name}", take), web.put("/p/{name}", behave), web.get("/p/{name}", show)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
