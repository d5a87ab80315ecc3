"""Runs a simulator until it is told to end: shows what happens, obeys what its standard input says."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from tocsin.kit import clock
from tocsin.smsc.control import obey
from tocsin.smsc.counts import Counts
from tocsin.smsc.journal import Journal
from tocsin.smsc.options import Options, Step
from tocsin.smsc.server import Smsc

_TICK_S = 0.2
_TICKS_PER_LINE = 5
_LINE_MOST = 1 << 20


class Show(NamedTuple):
    """Where it speaks to. `line`: for people; `json`: the address, and answers to commands."""

    line: Callable[[str], None]
    json: Callable[[str], None]


async def run(
    options: Options,
    steps: Sequence[Step],
    place: tuple[str, int, ssl.SSLContext | None],
    log: Path | None,
    show: Show,
    orders: BinaryIO | None = None,
) -> None:
    """Until SIGINT, SIGTERM or the end of `orders`. Raises OSError where it cannot listen or write."""
    host, port, tls = place
    smsc = Smsc(options, steps, Journal(log), tls)
    found = await smsc.start(host, port)
    show.json(_encode({"listening": {"host": found[0], "port": found[1]}}))
    show.line(f"An SMSC listens on {found[0]} port {found[1]}; Ctrl-C ends it.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    if orders is not None:
        threading.Thread(target=_read_orders, args=(orders, smsc, show, loop, stop), daemon=True).start()
    watching = asyncio.create_task(_watch(smsc, show))
    watching.add_done_callback(lambda _: stop.set())
    await stop.wait()
    broken = watching.exception() if watching.done() else None
    watching.cancel()
    await smsc.close()
    if broken is not None:
        raise broken


def _read_orders(
    orders: BinaryIO, smsc: Smsc, show: Show, loop: asyncio.AbstractEventLoop, stop: asyncio.Event
) -> None:
    """In a thread of its own: standard input may be anything. One order at a time."""

    async def answer(line: bytes) -> None:
        show.json(_encode(obey(smsc, line)))

    try:
        while line := orders.readline(_LINE_MOST):
            if line.strip():
                asyncio.run_coroutine_threadsafe(answer(line), loop).result()
    except (OSError, RuntimeError):
        pass  # nobody reads the answers any more, or the loop is closed
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stop.set)


async def _watch(smsc: Smsc, show: Show) -> None:
    """Write the journal, and say once a second what happened."""
    before, ticks = smsc.counts.copy(), 0
    while True:
        await asyncio.sleep(_TICK_S)
        smsc.journal.flush()
        ticks += 1
        if ticks % _TICKS_PER_LINE == 0:
            now = smsc.counts
            now.most_per_s = max(now.most_per_s, now.submits - before.submits)
            line = tell(before, now)
            if line:
                show.line(f"{clock.now():%H:%M:%S}  {line}")
            before = now.copy()


_WORDS = {
    "binds": "bound",
    "binds_refused": "binds refused",
    "drops": "dropped all connections",
    "submits": "submits",
    "taken": "taken",
    "receipts": "receipts",
    "replies": "replies",
    "acknowledged": "acknowledged",
    "refused": "refused by the customer",
    "expired": "not answered by the customer",
    "dropped": "thrown away: too many",
}


def tell(before: Counts, now: Counts) -> str:
    """What happened in between; empty: nothing."""
    changes = [(words, getattr(now, name) - getattr(before, name)) for name, words in _WORDS.items()]
    said = [f"{words} {count:,}" for words, count in changes if count]
    for status, count in sorted(now.statuses.items()):
        fresh = count - before.statuses.get(status, 0)
        if fresh:
            said.append(f"refused 0x{status:02X} {fresh:,}")
    if now.sessions != before.sessions:
        said.append(f"sessions now {now.sessions}")
    if said and now.waiting:
        said.append(f"waiting {now.waiting:,}")
    return "  ".join(said)


def _encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
