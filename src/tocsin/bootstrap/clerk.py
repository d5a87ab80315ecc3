"""Builds the clerk process: a few threads, each with its own connection."""

from __future__ import annotations

import asyncio
import threading

from tocsin.clerk import Clerk, Tools
from tocsin.kit.leash import END_WITHIN_S
from tocsin.kit.loops import Stop
from tocsin.kit.settings import Settings

THREADS = 2
"""So that a small file does not wait for a large one."""


async def run(settings: Settings, stop: Stop) -> None:
    """Work until `stop` is set; a step that is under way then gets a few seconds, and its lease does the rest."""
    ending = threading.Event()
    tools = Tools(settings.database_url, settings.lease_s, settings.files_days, ending.wait)
    threads = [threading.Thread(target=Clerk(tools).run, name=f"clerk {n}", daemon=True) for n in range(THREADS)]
    for thread in threads:
        thread.start()
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
        for thread in threads:
            thread.join(END_WITHIN_S / 2 / THREADS)
