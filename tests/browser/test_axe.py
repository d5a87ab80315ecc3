"""Every kind of page that links lead to, of the demo with its past: axe finds no serious fault, nothing is asked elsewhere.

The demo's past has one of everything in each state, so that what is looked at is the same at any hour.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bench.crawl import Visitor
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Site
from tests.browser.person import log_in, watch
from tests.browser.walk import find_pages, read_marks
from tocsin.bootstrap.login import LOGIN, PASSWORD

ENTRANCE = ["/user/login/", "/user/signup/", "/user/password/reset/"]
DESK, PHONE = ("en", "light", 1280), ("zh-hans", "dark", 390)

_ALIKE = """
// Rows of a table and calls of the reference go where they have nothing that none before them has; of options, three stay.
const name = each => each.tagName + "." + each.className;
for (const body of document.querySelectorAll("tbody, .list-group, ul, :has(> section .reference-code)")) {
  const seen = new Set();
  for (const row of [...body.children]) {
    const marks = [row, ...row.querySelectorAll("*")].map(each => name(each.parentNode) + ">" + name(each));
    if (marks.every(mark => seen.has(mark))) row.remove();
    marks.forEach(mark => seen.add(mark));
  }
}
for (const option of document.querySelectorAll("option:nth-child(n + 4):not(:checked)")) option.remove();
"""
_AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => each.id + ": " + each.nodes[0].html.slice(0, 200));
}"""


@pytest.fixture(scope="module")
def pages(site: Site) -> list[str]:
    """Their addresses."""
    subprocess.run([sys.executable, "-m", "tocsin", "demo", "seed", "--messages", "3000"], env=site.environ, check=True)
    visitor = Visitor(urlsplit(site.console).port or 0)
    visitor.log_in(LOGIN, PASSWORD)
    return find_pages(visitor, "/?stay")


class Looker:
    """Looks at pages, and notes their faults."""

    def __init__(self, page: Page, home: str) -> None:
        self.page, self.home = page, home
        self.faults: list[str] = []
        self._axe = Axe().axe_script
        watch(page, home, self.faults)

    def look(self, path: str) -> None:
        """At the page of an address."""
        self.page.goto(self.home + path)
        self.look_here(path)

    def look_here(self, name: str) -> None:
        """At the page that is open."""
        self.page.wait_for_load_state()
        expect(self.page.locator(".htmx-request")).to_have_count(0)
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            self.faults.append(f"{name}: {wide} pixels wider than the screen")
        self.page.evaluate(_ALIKE)
        self.page.evaluate(self._axe)
        self.faults.extend(f"{name}: {fault}" for fault in self.page.evaluate(_AXE))


@contextmanager
def looking(site: Site, browser: Browser, style: tuple[str, str, int]) -> Iterator[Looker]:
    """In a language, a theme, and a width of the screen. Fails in the end where there was a fault."""
    language, theme, width = style
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    chosen = {"tocsin_language": language, "tocsin_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": site.console} for name, value in chosen.items()])
    looker = Looker(context.new_page(), site.console)
    yield looker
    context.close()
    assert looker.faults == [], "\n".join(looker.faults)


@pytest.mark.parametrize("style", [DESK, PHONE], ids=["desk", "phone"])
def test_no_serious_fault(site: Site, browser: Browser, pages: list[str], style: tuple[str, str, int]) -> None:
    with looking(site, browser, style) as looker:
        for path in ENTRANCE:
            looker.look(path)
        log_in(looker.page, site.console, LOGIN, PASSWORD)
        for path in pages:
            looker.look(path)
        _send(looker)
    kinds = {path.split("/")[1] for path in pages}
    assert {
        "messages",
        "batches",
        "uploads",
        "templates",
        "webhooks",
        "scheduled",
        "requests",
        "team",
        "files",
    } <= kinds
    assert sum(bool(re.fullmatch("/messages/[0-9a-f]{32}/", path)) for path in pages) > 3, "messages in several states"


def _send(looker: Looker) -> None:
    """The pages that no link leads to: a send that waits for a yes, and one that has it."""
    page = looker.page
    page.goto(f"{looker.home}/send/sms/")
    page.fill("#country", "+62")
    page.fill("#numbers", "81234567801\nnonsense")
    page.fill("#content", "Hello")
    page.click("#review")
    page.wait_for_selector("#send-now")
    looker.look_here("a send that waits for a yes")
    page.reload()
    page.click("#send-now")
    page.wait_for_selector("#good")
    looker.look_here("a send that was confirmed")


def test_a_page_with_something_new_is_looked_at() -> None:
    """What tells pages apart, and what does not."""
    one = b'<div class="page-wrapper"><p>1 <a href="/x/1/">x</a></p></div>'
    assert read_marks(one) == read_marks(one.replace(b"1", b"2"))
    assert read_marks(one) != read_marks(one.replace(b"<a ", b'<a class="btn" '))
    assert read_marks(one) < read_marks(one.replace(b"</p>", b'</p><span class="badge">new</span>'))
