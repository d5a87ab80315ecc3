"""`python -m bench.link PORT COUNT WINDOW`: how quick our SMPP link is alone, without a database: submits, and prints JSON.

The clock runs from the first submit to the last answer, as in the client that it is compared with.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence

import uvloop

from bench.smsc import PASSWORD, USER
from tocsin.carriers import ChannelFacts, open_link
from tocsin.kit.ids import Ids
from tocsin.traffic import Feedback, Inbound, Outcome, Priority, Product, Receipt, Submission

_BATCH = 250
_TEXT = "x" * 90


class _Sink:
    """Counts answers."""

    def __init__(self, count: int) -> None:
        self.kinds: Counter[str] = Counter()
        self.done = asyncio.Event()
        self._left = count

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        self.kinds.update(outcome.kind.name for outcome in outcomes)
        self._left -= len(outcomes)
        if self._left <= 0:
            self.done.set()

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        pass

    async def inbound(self, replies: Sequence[Inbound]) -> None:
        pass

    async def feedback(self, feedback: Sequence[Feedback]) -> None:
        pass


async def _run(port: int, count: int, window: int) -> None:
    config = {
        "host": "127.0.0.1", "port": port, "system_id": USER, "password": PASSWORD, "window": window, "receipts": False,
        "validity": "none",
    }  # fmt: skip
    link = open_link("smpp", ChannelFacts(1, "bench", config), "")
    sink = _Sink(count)
    await link.open(sink)
    while link.state().down:
        await asyncio.sleep(0.01)
    submissions = [
        Submission(
            message_id, 1, 1, 1, Product.SMS, Priority.NOTIFICATION, str(6281231000000 + place), "Tocsin", _TEXT, False,
            time.time() + 86_400,
        )
        for place, message_id in enumerate(Ids().take(count))
    ]  # fmt: skip
    began, cpu = time.perf_counter(), time.process_time()
    for at in range(0, count, _BATCH):
        left = await link.submit(submissions[at : at + _BATCH])
        while left:
            await asyncio.sleep(0.01)  # as a lane does while its link is down
            left = await link.submit(left)
    await sink.done.wait()
    took_s = time.perf_counter() - began
    found = {"took_s": took_s, "rate": count / took_s, "cpu_s": time.process_time() - cpu, "kinds": dict(sink.kinds)}
    print(json.dumps(found), flush=True)
    await link.close()


if __name__ == "__main__":
    uvloop.run(_run(*map(int, sys.argv[1:])))
