"""Fixtures of the flows with `tocsin up`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.plant import find_port
from tests.flows.up_bed import started


@pytest.fixture
def port() -> int:
    return find_port()


@pytest.fixture
def home() -> Iterator[Path]:
    """A TOCSIN_HOME that is yet to be made, where PostgreSQL's unprivileged user can go."""
    directory = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    directory.chmod(0o755)
    yield directory / "var"
    for up in started:  # only where a test failed
        if up.process.poll() is None:
            up.stop()
    started.clear()
    shutil.rmtree(directory, ignore_errors=True)
