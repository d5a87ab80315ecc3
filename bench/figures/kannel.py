"""Kannel's bearerbox and smsbox: 50,000 receivers handed in by HTTP until all are submitted over SMPP.

It is what our own way from POST to submit is compared with, so it is set up to be quick: store-type file,
max-pending-submits 100, warnings logged only, no receipts asked for, and the number of receivers in a request at which it
is quickest. smsbox looks each receiver up in the list of all the others of its request, eight times, so one request of all
50,000 would take minutes; a request of 10,000 stands in the details.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.peers.kannel import Kannel, Settings, build_send, run_kannel

from bench.children import BrokenError
from bench.figure import Figure, Say, median
from bench.processes import Meter, Seen
from bench.product import wait_until
from bench.smsc import PASSWORD, USER, Smsc, run_smsc
from bench.wire import TEXT, make_numbers

_COUNT, _IN_ONE, _CONNECTIONS, _ROUNDS = 50_000, 500, 2, 3
_LARGE = 10_000
_WINDOW = 100
_WARNINGS = 2
_LIMIT_S = 120.0


class Rate(NamedTuple):
    """Kannel's, and the numbers behind it."""

    rate: float
    details: dict[str, Any]


def measure(say: Say) -> list[Figure]:
    """One figure: its rate, for comparison."""
    found = measure_rate(say)
    what = f"Kannel: {_COUNT:,} receivers from HTTP to submitted over SMPP"
    processes = "bearerbox, smsbox, 1 simulator; 1 client"
    return [Figure("kannel", what, "for comparison", f"{found.rate:,.0f}/s", True, processes, found.details)]


def measure_rate(say: Say) -> Rate:
    """The median of some rounds, each with a fresh Kannel at a fresh simulator."""
    took_s, cpu = [], []
    for _ in range(_ROUNDS):
        with _run() as (smsc, kannel):
            meter = Meter([Seen("simulator", smsc.pid), *(map(Seen, ("bearerbox", "smsbox"), kannel.pids()))])
            took_s.append(submit_all(kannel, smsc, _COUNT, _IN_ONE, _CONNECTIONS))
            cpu.append(meter.per_message_us(_COUNT))
            say(f"kannel: {_COUNT:,} submitted in {took_s[-1]:.2f} s")
    with _run() as (smsc, kannel):
        large_s = submit_all(kannel, smsc, _LARGE, _LARGE, 1)
    say(f"kannel: {_LARGE:,} of one request in {large_s:.2f} s")
    return Rate(
        _COUNT / median(took_s),
        {"Kannel took s": [round(each, 2) for each in took_s], "Kannel, CPU us/message": cpu[took_s.index(median(took_s))],
         "Kannel, receivers a request": _IN_ONE, "Kannel, connections": _CONNECTIONS,
         f"Kannel, {_LARGE:,} receivers in one request": f"{_LARGE / large_s:,.0f}/s"},
    )  # fmt: skip


def submit_all(kannel: Kannel, smsc: Smsc, count: int, in_one: int, connections: int) -> float:
    """Seconds from the first request to the last submit. Raises BrokenError where a request is not accepted."""
    numbers = [f"62{each}" for each in make_numbers(0, count)]
    targets = [build_send(numbers[at : at + in_one], TEXT) for at in range(0, count, in_one)]
    refused: list[str] = []
    before = smsc.counts()["taken"]
    senders = [
        threading.Thread(target=_post, args=(kannel, targets[place::connections], refused))
        for place in range(connections)
    ]
    began = time.time()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    if refused:
        raise BrokenError(f"Kannel refused {len(refused)} requests: {refused[0]}")
    wait_until(lambda: smsc.counts()["taken"] - before >= count, _LIMIT_S, "Kannel did not submit all", step_s=0.05)
    counts = smsc.counts()
    if counts["taken"] - before != count:
        raise BrokenError(f"Kannel submitted {counts['taken'] - before} of {count}")
    return float(counts["last_at"]) - began


@contextlib.contextmanager
def _run() -> Iterator[tuple[Smsc, Kannel]]:
    """A fresh Kannel at a fresh SMSC: its store is empty."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name, run_smsc() as smsc:
        settings = Settings(smsc.port, USER, PASSWORD, window=_WINDOW, log_level=_WARNINGS)
        with run_kannel(Path(name), settings) as kannel:
            yield smsc, kannel


def _post(kannel: Kannel, targets: list[str], refused: list[str]) -> None:
    with contextlib.closing(kannel.connect(_LIMIT_S)) as connection:
        for target in targets:
            connection.request("GET", target)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 202:
                refused.append(f"{answer.status} {text}")
