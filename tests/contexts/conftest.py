"""Fixtures of the tests around receipts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.conftest import clone_database
from tests.contexts.desk import Desk, prepare
from tocsin.kit.db import Session


@pytest.fixture(scope="session")
def receipts_database(database_server: str) -> Iterator[str]:
    """One database for all of these tests, each of which leaves it as it was: 70 clones would take most of the time."""
    with clone_database(database_server) as dsn:
        prepare(dsn)
        yield dsn


@pytest.fixture
async def desk(receipts_database: str) -> AsyncIterator[Desk]:
    made = Desk(receipts_database)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def second(receipts_database: str) -> AsyncIterator[Session]:
    """Another process's session."""
    session = Session(receipts_database, "second", generic_plans=True)
    yield session
    await session.close()
