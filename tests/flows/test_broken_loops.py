"""A process of which a background loop died ends by itself, with a word and an exit code that start it again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import Plant, Process
from tests.poll import PATIENCE_S, until_sync


@pytest.fixture
def plant(database: str, tmp_path: Path) -> Iterator[Plant]:
    made = Plant(database, tmp_path)
    yield made
    made.close()


def runs(plant: Plant, process: Process) -> bool:
    """It is registered, and its reference data is renewed by a session of its own."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
    return bool(plant.one(query, f"tocsin {process.name} reference")) and plant.owner_of(process) > 0


@pytest.mark.parametrize("name", ["api", "worker", "push"])
def test_the_process_ends(plant: Plant, name: str) -> None:
    """Here the loop that renews reference data: it expects a database that is away, and not one without its clocks."""
    process = plant.start(name)
    until_sync(lambda: runs(plant, process), 30)
    plant.conn.execute("ALTER TABLE change_clock RENAME TO change_clock_away")
    assert process.popen.wait(PATIENCE_S) == 1
    log = process.log.read_text()
    assert "Reference.run ended unasked" in log
    assert 'relation \\"change_clock\\" does not exist' in log
