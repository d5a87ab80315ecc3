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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.peers.kannel import Kannel, Settings, build_send, run_kannel
from tests.peers.node_smpp import PASSWORD, USER, run_smsc

from bench.children import BrokenError
from bench.figure import Figure, Say, median
from bench.processes import Meter, Seen
from bench.product import wait_until
from bench.wire import TEXT, make_numbers

_COUNT, _IN_ONE, _CONNECTIONS, _ROUNDS = 50_000, 500, 2, 3
_LARGE = 10_000
_WINDOW = 100
_WARNINGS = 2
_LIMIT_S = 120.0


class Peer(NamedTuple):
    """An SMSC that answers at once, and counts."""

    port: int
    user: str
    password: str
    seen: Seen
    count: Callable[[], tuple[int, float]]  # messages taken since its start, and when the last was (epoch seconds)


@contextlib.contextmanager
def start_peer(directory: Path) -> Iterator[Peer]:
    """The SMSC that Kannel submits to, for the time of the block."""
    with run_smsc(directory, quiet=True, receipts="none") as smsc:

        def count() -> tuple[int, float]:
            counts = smsc.counts()
            return counts["taken"], counts["last_at_ms"] / 1000

        yield Peer(smsc.port, USER, PASSWORD, Seen("SMSC", smsc.program.pid), count)


def measure(say: Say) -> list[Figure]:
    """One figure: its rate, for comparison."""
    took_s, cpu = [], []
    for _ in range(_ROUNDS):
        with _run() as (peer, kannel):
            meter = Meter([peer.seen, *(map(Seen, ("bearerbox", "smsbox"), kannel.pids()))])
            took_s.append(submit_all(kannel, peer, _COUNT, _IN_ONE, _CONNECTIONS))
            cpu.append(meter.per_message_us(_COUNT))
    with _run() as (peer, kannel):
        large_s = submit_all(kannel, peer, _LARGE, _LARGE, 1)
    rate = _COUNT / median(took_s)
    say(f"kannel: {_COUNT:,} submitted in {median(took_s):.2f} s; {_LARGE:,} of one request in {large_s:.2f} s")
    return [
        Figure(
            "kannel", f"Kannel: {_COUNT:,} receivers from HTTP to submitted over SMPP", "for comparison",
            f"{rate:,.0f}/s", True, "bearerbox, smsbox, 1 SMSC; 1 client",
            {"took s": [round(each, 2) for each in took_s], "CPU us/message": cpu[took_s.index(median(took_s))],
             "receivers a request": _IN_ONE, "connections": _CONNECTIONS,
             f"{_LARGE:,} receivers in one request": f"{_LARGE / large_s:,.0f}/s"},
        )
    ]  # fmt: skip


def submit_all(kannel: Kannel, peer: Peer, count: int, in_one: int, connections: int) -> float:
    """Seconds from the first request to the last submit. Raises BrokenError where a request is not accepted."""
    numbers = [f"62{each}" for each in make_numbers(0, count)]
    targets = [build_send(numbers[at : at + in_one], TEXT) for at in range(0, count, in_one)]
    refused: list[str] = []
    before, _ = peer.count()
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
    wait_until(lambda: peer.count()[0] - before >= count, _LIMIT_S, "Kannel did not submit all", step_s=0.05)
    taken, ended = peer.count()
    if taken - before != count:
        raise BrokenError(f"Kannel submitted {taken - before} of {count}")
    return ended - began


@contextlib.contextmanager
def _run() -> Iterator[tuple[Peer, Kannel]]:
    """A fresh Kannel at a fresh SMSC: its store is empty."""
    with tempfile.TemporaryDirectory(prefix="tocsin-bench-") as name, start_peer(Path(name)) as peer:
        settings = Settings(peer.port, peer.user, peer.password, window=_WINDOW, log_level=_WARNINGS)
        with run_kannel(Path(name), settings) as kannel:
            yield peer, kannel


def _post(kannel: Kannel, targets: list[str], refused: list[str]) -> None:
    with contextlib.closing(kannel.connect(_LIMIT_S)) as connection:
        for target in targets:
            connection.request("GET", target)
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 202:
                refused.append(f"{answer.status} {text}")
