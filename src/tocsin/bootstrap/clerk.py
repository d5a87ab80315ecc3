"""Builds the clerk process: a few threads, each with its own connection."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

from tocsin import queue
from tocsin.bootstrap.door import find_base_url
from tocsin.clerk import Api, Clerk, Reply, Tools
from tocsin.console import public
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.loops import Loops, Stop
from tocsin.kit.settings import Settings
from tocsin.queue import DatabaseClock

THREADS = 2
"""So that a small file does not wait for a large one."""


def open_api(settings: Settings) -> Api:
    """The API as a clerk calls it: the way of the console. Raises SettingsError, SealError."""
    line = public.open_line(settings, find_base_url(settings))

    def quote(account: str, body: Mapping[str, Any], key: str) -> Reply:
        return _read(public.call(line, account, public.QUOTE + public.SMS, body, key))

    def send(account: str, body: Mapping[str, Any], key: str) -> Reply:
        return _read(public.call(line, account, public.SMS, body, key))

    return Api(quote, send, settings.idempotency_s)


def _read(answer: public.Answer) -> Reply:
    return Reply(answer.fate is public.Fate.ANSWERED, answer.status, answer.message, answer.data)


async def run(settings: Settings, stop: Stop) -> None:
    """Work until `stop` is set; a step that is under way then gets a few seconds, and its lease does the rest."""
    ending = threading.Event()
    database_clock = DatabaseClock(settings.clock_off_s)
    tools = Tools(
        settings.database_url, settings.lease_s, settings.files_days, settings.files_bytes, database_clock,
        ending.wait, open_api(settings),
    )  # fmt: skip
    threads = [threading.Thread(target=Clerk(tools).run, name=f"clerk {n}", daemon=True) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    loops = Loops(stop)
    loops.start(queue.stay_registered(settings.database_url, "clerk", database_clock=database_clock))
    try:
        while not stop.is_set():
            try:
                async with asyncio.timeout(1.0):
                    await stop.wait()
            except TimeoutError:
                if not all(thread.is_alive() for thread in threads):
                    stop.fail("clerk", None)
    finally:
        ending.set()
        await loops.end()
        for thread in threads:
            thread.join(END_WITHIN_S / 2 / THREADS)
