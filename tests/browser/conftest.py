"""One product for the browser tests of a process, and a new customer at his own browser for each test."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.person import open_browser, register, watch
from tests.flows.plant import find_port
from tests.flows.up_bed import Up, started


class Site(NamedTuple):
    """Where a product that runs is reached."""

    console: str
    api: str
    home: Path

    @property
    def environ(self) -> dict[str, str]:
        """Of verbs that speak to it."""
        return {**os.environ, "TOCSIN_HOME": str(self.home)}


class Person(NamedTuple):
    """A customer who has just registered, on Quick start."""

    page: Page
    console: str
    address: str
    troubles: list[str]
    """What his pages complained of; the test fails where it is not empty in the end."""


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    directory = Path(tempfile.mkdtemp(prefix="tocsin-site-"))
    directory.chmod(0o755)
    port, console_port = find_port(), find_port()
    up = Up(directory / "var", port, TOCSIN_CONSOLE_PORT=str(console_port))
    started.remove(up)  # that of another test would stop it
    try:
        up.wait_ready()
        yield Site(f"http://127.0.0.1:{console_port}", f"http://127.0.0.1:{port}", directory / "var")
    finally:
        up.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """For one test: while it is open its loop runs in this thread, and tests of other kinds have loops of their own."""
    with open_browser() as opened:
        yield opened


@pytest.fixture
def person(site: Site, browser: Browser) -> Iterator[Person]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    made = Person(page, site.console, f"p-{secrets.token_hex(4)}@example.com", [])
    watch(page, site.console, made.troubles)
    register(page, site.console, made.address)
    yield made
    context.close()
    assert made.troubles == []
