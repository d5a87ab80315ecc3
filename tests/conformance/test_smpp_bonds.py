"""Binds of the SMPP carrier that meet trouble of every kind go on trying, and say why they do not stand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest

from tests.conformance.cases import CHANNEL
from tests.conformance.sink import RecordingSink
from tests.poll import until
from tocsin.carriers import ChannelFacts
from tocsin.carriers.smpp.bond import Bond
from tocsin.carriers.smpp.config import SmppConfig
from tocsin.carriers.smpp.link import SmppLink
from tocsin.smpp import Bound, Event
from tocsin.smsc import Options, Smsc

Open = Callable[..., Awaitable[SmppLink]]


@pytest.fixture
async def opened(sink: RecordingSink) -> AsyncIterator[Open]:
    """Makes impatient links, opens them, and closes them in the end."""
    links: list[SmppLink] = []

    async def make(port: int = 1, **settings: Any) -> SmppLink:
        config = {"host": "127.0.0.1", "system_id": "acme", "reconnect_s": 0.01, "reconnect_most_s": 0.05, **settings}
        links.append(SmppLink(ChannelFacts(CHANNEL, "under test", {}), SmppConfig(port=port, **config), ""))
        await links[-1].open(sink)
        return links[-1]

    yield make
    for link in links:
        await link.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "a..b"}, "idna"),
        ({"tls": True, "tls_ca": "/no/such/file.pem"}, "tls_ca /no/such/file.pem cannot be read"),
        ({"port": 1}, "Connect call failed"),
    ],
)
async def test_what_cannot_be_connected_says_why_and_is_tried_again(
    opened: Open, settings: dict[str, Any], words: str
) -> None:
    link = await opened(**settings)
    await until(lambda: link.bonds[0]._failures >= 3)
    assert link.state().down
    assert words in link.state().last_error


async def test_a_peer_that_cuts_every_connection_at_once_is_bound_when_it_lets_us(opened: Open) -> None:
    cuts = 0

    def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal cuts
        cuts += 1
        writer.transport.abort()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await opened(port)
    await until(lambda: cuts >= 20)
    assert link.state().down
    server.close()
    await server.wait_closed()
    smsc = Smsc(Options())
    await smsc.start("127.0.0.1", port)
    await until(lambda: not link.state().down)
    await link.close()
    await smsc.close()


async def test_a_peer_that_cuts_every_bind_at_once_is_asked_ever_more_seldom(opened: Open) -> None:
    smsc = Smsc(Options())
    _, port = await smsc.start("127.0.0.1", 0)
    link = await opened(port, reconnect_s=0.001)
    [bond] = link.bonds
    take = bond._on_events

    def cut(which: Bond, events: Sequence[Event]) -> None:
        take(which, events)
        if which.stream is not None and any(isinstance(event, Bound) for event in events):
            which.stream.abort()

    bond._on_events = cut
    await until(lambda: smsc.counts.binds >= 5)
    assert bond._failures >= 4  # each of them doubles the wait
    await link.close()
    await smsc.close()
