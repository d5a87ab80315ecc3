"""`python -m bench.accepting ACCOUNT`: what accepting a single send costs this process, as JSON: microseconds of CPU by name.

Of several rounds the best one counts: another program on the machine makes each step dearer, never cheaper.

The accept path of an API process without HTTP, on the database of DATABASE_URL: so many clients at once sign in, send one
number and begin again when they have the reply. `stages` are the pure steps alone, each in a loop of its own; what is left
of a request is the group: its commit, the loop's turns, the tasks. Imports nothing of the bench, so that the Python of
another tree can run it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

from tocsin.accounts import Account
from tocsin.api.auth import authenticate
from tocsin.api.desk import Desk
from tocsin.api.sms import read_ask, send_sms
from tocsin.api.wire import Request, parse_body, parse_query
from tocsin.api.words import SMS_WORDING
from tocsin.bootstrap.api import Plant
from tocsin.bootstrap.reference import load_memory
from tocsin.kit.loops import Stop
from tocsin.kit.settings import read_settings
from tocsin.messaging import SMS, Draft, accept_statement, check_send

IN_FLIGHT = (1, 2, 4, 64)
_PATH = "/api/v1/sms/sendbatchsms"
_ROUNDS, _REQUESTS, _WARM = 7, 1200, 200
_STAGE_TIMES = 800


def start_clients() -> list[socket.socket]:
    """A process of its own that gives each byte back at once: from a reply to the next request as long as a client takes."""
    pairs = [socket.socketpair() for _ in range(max(IN_FLIGHT))]
    if os.fork():
        for ours, theirs in pairs:
            theirs.close()
            ours.setblocking(False)
        return [ours for ours, _ in pairs]
    with selectors.DefaultSelector() as ready:
        for ours, theirs in pairs:
            ours.close()
            ready.register(theirs, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                connection: socket.socket = key.fileobj  # type: ignore[assignment]
                connection.send(connection.recv(1) or os._exit(0))


async def main(account_name: str, clients: list[socket.socket]) -> None:
    """Measure all."""
    settings = read_settings(os.environ)
    memory = await load_memory(settings, "bench", sends=True)
    plant = Plant(settings, memory, "bench", Stop())
    await plant.start()
    account = memory.directory.by_name(account_name)
    if account is None or not plant.numbers.slots:
        sys.exit(f"no account {account_name}, or no batch numbers are free")
    found: dict[str, Any] = {}
    for count in IN_FLIGHT:
        rounds = [await _measure(plant.desk, account, clients[:count]) for _ in range(_ROUNDS)]
        found[f"{count} in flight"] = {
            "CPU us": round(min(cpu_us for cpu_us, _, _ in rounds), 1),
            "p50 ms": round(min(p50_ms for _, p50_ms, _ in rounds), 3),
            "a second": round(max(rate for _, _, rate in rounds)),
        }
    found["stages"] = _measure_stages(plant.desk, account)
    await plant.close()
    print(json.dumps(found))


def _make_request(account: Account, number: int) -> Request:
    stamp = str(int(time.time()))
    sign = hashlib.md5(f"{account.name}{account.keys[0].secret}{stamp}".encode(), usedforsecurity=False).hexdigest()
    fields = {
        "numbers": f"8121{1_000_000 + number % 8_000_000}", "codeId": "10007", "action": "NOTIFICATION",
        "content": "Your parcel is on its way and arrives today",
    }  # fmt: skip
    query = parse_query(f"account={account.name}&sign={sign}&datetime={stamp}")
    body = json.dumps(fields, separators=(",", ":")).encode()
    return Request("POST", _PATH, query, "application/json", body, "127.0.0.1", "bench")


async def _measure(desk: Desk, account: Account, clients: list[socket.socket]) -> tuple[float, float, float]:
    """CPU microseconds a request, the middle of the waits in milliseconds, requests a second."""
    total = min(_REQUESTS, 400 * len(clients))
    for several in (_WARM, total):
        requests = [_make_request(account, number) for number in range(several)]
        waits: list[float] = []
        began, began_s = time.process_time(), time.perf_counter()
        await asyncio.gather(*(_send_all(desk, requests, waits, client) for client in clients))
        cpu_s, took_s = time.process_time() - began, time.perf_counter() - began_s
    return cpu_s / total * 1e6, statistics.median(waits) * 1000, total / took_s


async def _send_all(desk: Desk, requests: list[Request], waits: list[float], client: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while requests:
        await loop.sock_sendall(client, b"x")
        await loop.sock_recv(client, 1)
        if not requests:
            return
        request = requests.pop()
        began = time.perf_counter()
        caller = authenticate(desk.directory, request.query, True, time.time())
        reply = await asyncio.create_task(send_sms(desk, caller.account, request))  # type: ignore[union-attr]
        waits.append(time.perf_counter() - began)
        if not reply.body.startswith(b'{"status":0,'):
            sys.exit(f"refused: {reply.body.decode()}")


def _measure_stages(desk: Desk, account: Account) -> dict[str, float]:
    request = _make_request(account, 1)
    ask = read_ask(parse_body(request), request.query, request.request_id)
    draft = check_send(ask, account, SMS, 1, desk.ground)
    assert isinstance(draft, Draft)
    return {
        "sign": _time_us(lambda: authenticate(desk.directory, request.query, True, time.time())),
        "parse": _time_us(lambda: read_ask(parse_body(request), request.query, request.request_id)),
        "check, route, price, draft": _time_us(lambda: check_send(ask, account, SMS, 1, desk.ground)),
        **{
            f"encode a group of {count}": _time_us(lambda drafts=[draft] * count: accept_statement(drafts), count)  # type: ignore[misc]
            for count in IN_FLIGHT
        },
        "reply": _time_us(lambda: SMS_WORDING.accept(draft, account.language)),
    }


def _time_us(step: Callable[[], object], share: int = 1) -> float:
    """CPU microseconds of a step; `share`: of so many requests at once."""
    times = max(1, _STAGE_TIMES // share)
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(times):
            step()
        best = min(best, time.process_time() - began)
    return round(best / times / share * 1e6, 1)


if __name__ == "__main__":
    made = start_clients()
    uvloop.run(main(sys.argv[1], made))
