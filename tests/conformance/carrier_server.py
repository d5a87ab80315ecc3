"""A carrier with an HTTP API, run as a process: takes messages, misbehaves by the number, and calls back.

POST /NAME/send takes a message; PUT /NAME says where receipts and replies go; GET /NAME tells what it has and still owes.
Query of /NAME/send: `answer_s`, `receipt_s`, `late_s`, `rate` (messages a second).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

AGAIN_S = 0.1


@dataclass
class Place:
    """One carrier among several in this process."""

    calls: str = ""  # where to call
    token: str = ""
    taken: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    room: float = 0.0
    looked_at: float = 0.0
    owed: int = 0


PLACES: dict[str, Place] = {}
TASKS: set[asyncio.Task[None]] = set()
SESSION: list[aiohttp.ClientSession] = []

RECEIPTS: dict[str, list[str]] = {
    "02": ["UNKNOWN NUMBER"], "04": [], "07": ["UNDELIV"], "11": ["DELIVRD", "DELIVRD"], "17": ["ENROUTE", "DELIVRD"], "19": [],
}  # fmt: skip
REFUSALS = {
    "01": (400, {"error": "rejected"}, 1 << 30), "15": (200, {"error": "blacklisted"}, 1 << 30),
    "05": (429, {}, 2), "06": (500, {}, 2),
}  # fmt: skip


def find_mark(number: str) -> str:
    return number[-2:] if number[-7:-2] == "00099" else ""


async def take(request: web.Request) -> web.StreamResponse:
    place, query = PLACES[request.match_info["name"]], request.query
    message = await request.json()
    mark, name = find_mark(message["to"]), message["id"]
    place.tries[name] += 1
    status, body, up_to = REFUSALS.get(mark, (0, {}, 0))
    if place.tries[name] <= up_to:
        return web.json_response(body, status=status)
    if "rate" in query and is_over(place, int(query["rate"])):
        return web.json_response({}, status=429, headers={"Retry-After": "0"})
    place.taken[name] += 1
    await asyncio.sleep(float(query.get("answer_s", 0)))
    carrier_id = f"c-{name}-{place.taken[name]}"
    if mark == "10":
        await call(place, "receipt", {"id": carrier_id, "to": message["to"], "status": "DELIVRD"})
    else:
        start(report(place, mark, message, carrier_id, query))
    if mark in {"08", "19"}:
        await asyncio.Event().wait()
    if mark == "18":
        assert request.transport is not None
        request.transport.abort()
    return web.json_response({"result": {"id": carrier_id}})


def is_over(place: Place, rate: int) -> bool:
    """A bucket of one second."""
    now = time.monotonic()
    place.room = min(rate, place.room + (now - place.looked_at) * rate)
    place.looked_at = now
    if place.room < 1:
        return True
    place.room -= 1
    return False


async def report(place: Place, mark: str, message: dict[str, Any], carrier_id: str, query: Any) -> None:
    """What comes later. The little wait lets the answer go first."""
    wait_s = float(query.get("late_s", 30)) if mark == "09" else max(0.01, float(query.get("receipt_s", 0)))
    words = RECEIPTS.get(mark, ["DELIVRD"])
    if mark == "16" and message["part"] == message["parts"]:
        words = ["UNDELIV"]
    place.owed += 1
    await asyncio.sleep(wait_s)
    for word in words:
        await call_until_taken(place, "receipt", {"id": carrier_id, "to": message["to"], "status": word})
    if mark == "13" and message["part"] == message["parts"]:
        reply = {"from": "+" + message["to"], "to": message["from"], "text": "I want it"}
        await call_until_taken(place, "reply", reply)
    place.owed -= 1


async def call_until_taken(place: Place, what: str, body: dict[str, str]) -> None:
    place.owed += 1
    while not await call(place, what, body, again=False):
        await asyncio.sleep(AGAIN_S)
    place.owed -= 1


async def call(place: Place, what: str, body: dict[str, str], *, again: bool = True) -> bool:
    """One try; where it fails and `again`, others follow by themselves."""
    taken = False
    with contextlib.suppress(aiohttp.ClientError):
        async with SESSION[0].post(f"{place.calls}/{what}?token={place.token}", json=body) as answer:
            taken = answer.status == 200
    if not taken and again:
        start(call_until_taken(place, what, body))
    return taken


def start(coroutine: Any) -> None:
    task = asyncio.create_task(coroutine)
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)


async def set_up(request: web.Request) -> web.Response:
    PLACES[request.match_info["name"]] = Place(**await request.json())
    return web.Response()


async def show(request: web.Request) -> web.Response:
    place = PLACES[request.match_info["name"]]
    return web.json_response({"taken": place.taken, "owed": place.owed})


async def main() -> None:
    app = web.Application()
    app.add_routes([web.post("/{name}/send", take), web.put("/{name}", set_up), web.get("/{name}", show)])
    SESSION.append(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=16)))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
