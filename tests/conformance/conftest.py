"""Each test of this folder runs once for every carrier that can do what it needs; what it opened is closed after it.

`@needs("early", ...)` names behaviours; a parameter `behaviour` is one more.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.cases import CarrierCase, SandboxCase
from tests.conformance.http_case import HttpCase
from tests.conformance.script import Script
from tests.conformance.sink import RecordingSink
from tests.conformance.smpp_case import SmppCase
from tests.conformance.tocsin_case import TocsinCase, Upstream, run_upstream
from tocsin.traffic import Link

OpenLink = Callable[..., Awaitable[Link]]

CASES: dict[str, tuple[type[CarrierCase], str]] = {
    "http": (HttpCase, "carrier_server"),
    "sandbox": (SandboxCase, "database"),
    "smpp": (SmppCase, "tmp_path"),
    "tocsin": (TocsinCase, "upstream"),
}
"""Kind -> case, and the fixture that it stands on."""

needs = pytest.mark.needs


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, of this folder, what a carrier cannot do at all."""
    here = Path(__file__).parent
    left_out = [item for item in items if item.path.parent == here and _is_beyond(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def _is_beyond(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    if "case" not in params:
        return False
    needed = {word for mark in item.iter_markers("needs") for word in mark.args}
    needed |= {params["behaviour"]} if "behaviour" in params else set()
    return not needed <= CASES[params["case"]][0].behaviours


@pytest.fixture(scope="session")
def carrier_server() -> Iterator[Script]:
    server = Script("carrier_server.py")
    yield server
    server.close()


@pytest.fixture(scope="session")
def upstream(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    yield from run_upstream(database_server, tmp_path_factory.mktemp("upstream"))


@pytest.fixture(params=sorted(CASES))
async def case(request: pytest.FixtureRequest) -> AsyncIterator[CarrierCase]:
    make, ground = CASES[request.param]
    made = make(request.getfixturevalue(ground))  # type: ignore[call-arg]
    yield made
    await made.close()


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture
async def opened(case: CarrierCase) -> AsyncIterator[OpenLink]:
    """`await opened(sink, **terms)`: a link that is open."""
    links: list[Link] = []

    async def open_one(sink: RecordingSink, **terms: float) -> Link:
        link = await case.open(sink, **terms)
        links.append(link)
        return link

    yield open_one
    await asyncio.gather(*[link.close() for link in links])
