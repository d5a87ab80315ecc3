"""Each test of this folder runs once for every carrier, on a database of its own; what it opened is closed after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.conformance.cases import CASES, CarrierCase
from tests.conformance.sink import RecordingSink
from tocsin.traffic import Link

OpenLink = Callable[..., Awaitable[Link]]


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest, database: str) -> CarrierCase:
    return CASES[request.param](database)


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
async def opened(case: CarrierCase) -> AsyncIterator[OpenLink]:
    """`await opened(sink, **terms)`: a link that is open."""
    links: list[Link] = []

    async def open_one(sink: RecordingSink, **terms: float) -> Link:
        link = case.make_link(**terms)
        await link.open(sink)
        links.append(link)
        return link

    yield open_one
    await asyncio.gather(*[link.close() for link in links])
