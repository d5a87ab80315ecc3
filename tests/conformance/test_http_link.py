"""The link over HTTP by itself: it rests where the carrier says so, keeps the order, and knows what never left."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import web

from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink
from tests.conformance.test_answers import answered
from tocsin.carriers import ChannelFacts, open_link
from tocsin.traffic import Link, OutcomeKind, Product, Reason

PAUSE_S = 1.0


class Carrier:
    """Answers what it is told to, then 200; writes down when which text came."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.came: list[tuple[float, str]] = []
        self.most = self.now = 0

    async def take(self, request: web.Request) -> web.Response:
        self.now += 1
        self.most = max(self.most, self.now)
        self.came.append((time.monotonic(), (await request.json())["text"]))
        await asyncio.sleep(0.01)
        self.now -= 1
        status, headers = self.answers.pop(0) if self.answers else (200, {})
        return web.Response(status=status, headers=headers, text=f"id-{len(self.came)}")


@pytest.fixture
async def carrier() -> AsyncIterator[tuple[Carrier, str]]:
    made = Carrier()
    app = web.Application()
    app.add_routes([web.post("/", made.take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield made, f"http://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def open_one(url: str, sink: RecordingSink, **config: Any) -> Link:
    link = open_link("http", ChannelFacts(7, "under test", {"url": url, **config}), "")
    await link.open(sink)
    return link


async def test_a_throttled_link_rests_and_keeps_the_order(carrier: tuple[Carrier, str], sink: RecordingSink) -> None:
    made, url = carrier
    made.answers = [(200, {}), (429, {"Retry-After": "3600"})]
    link = await open_one(url, sink, connections=1, longest_pause_s=PAUSE_S)
    sent = [submission("62812") for _ in range(6)]
    await link.submit(sent)
    kinds = [outcome.kind for outcome in await answered(sink, sent)]
    assert kinds == [OutcomeKind.ACCEPTED, OutcomeKind.THROTTLED] + [OutcomeKind.ACCEPTED] * 4
    assert [text for _, text in made.came] == [each.text for each in sent]
    assert made.came[2][0] - made.came[1][0] >= PAUSE_S
    assert made.came[5][0] - made.came[2][0] < PAUSE_S  # one rest, and no more
    await link.close()


async def test_so_many_requests_at_once(carrier: tuple[Carrier, str], sink: RecordingSink) -> None:
    made, url = carrier
    link = await open_one(url, sink, connections=5)
    sent = [submission("62812") for _ in range(100)]
    await link.submit(sent)
    await answered(sink, sent)
    assert made.most == 5
    await link.close()


async def test_a_link_that_rests_ends_at_once(carrier: tuple[Carrier, str], sink: RecordingSink) -> None:
    made, url = carrier
    made.answers = [(503, {"Retry-After": "60"})]
    link = await open_one(url, sink, connections=1)
    sent = [submission("62812") for _ in range(2)]
    await link.submit(sent)
    await answered(sink, sent[:1])
    began_s = time.monotonic()
    await link.close()
    assert time.monotonic() - began_s < 30
    assert [o.kind for o in await answered(sink, sent)] == [OutcomeKind.THROTTLED, OutcomeKind.TEMPORARY]
    assert len(made.came) == 1


async def test_what_never_left_is_temporary(sink: RecordingSink, unused_tcp_port: int) -> None:
    link = await open_one(f"http://127.0.0.1:{unused_tcp_port}/", sink)
    sent = [submission("62812") for _ in range(20)]
    await link.submit(sent)
    assert {outcome.kind for outcome in await answered(sink, sent)} == {OutcomeKind.TEMPORARY}
    await link.close()


async def test_what_fits_into_no_request_ends_and_what_is_no_sms_does_not(
    carrier: tuple[Carrier, str], sink: RecordingSink
) -> None:
    made, url = carrier
    link = await open_one(url + "?x={text}", sink)
    sent = [
        msgspec.structs.replace(submission("62812"), text="你" * 2000),
        msgspec.structs.replace(submission("62812"), product=Product.EMAIL),
    ]
    await link.submit(sent)
    long, foreign = await answered(sink, sent)
    assert (long.kind, long.reason) == (OutcomeKind.PERMANENT, Reason.REJECTED)
    assert foreign.kind is OutcomeKind.TEMPORARY
    assert made.came == []
    await link.close()
