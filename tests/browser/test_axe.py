"""Every page that links lead to, of a product with something to show: axe finds no serious fault, nothing is asked elsewhere."""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from bench.crawl import Visitor, crawl
from playwright.sync_api import Browser

from tests.browser.conftest import Site
from tests.browser.person import log_in, watch
from tocsin.bootstrap.login import LOGIN, PASSWORD

ENTRANCE = ["/user/login/", "/user/signup/", "/user/password/reset/"]


@pytest.fixture(scope="module")
def pages(site: Site) -> list[str]:
    """Their addresses."""
    subprocess.run([sys.executable, "-m", "tocsin", "demo", "seed", "--messages", "3000"], env=site.environ, check=True)
    visitor = Visitor(urlsplit(site.console).port or 0)
    visitor.log_in(LOGIN, PASSWORD)
    return crawl(visitor, "/?stay", of_a_kind=1)


@pytest.mark.parametrize(
    ("language", "theme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 390)], ids=["desk", "phone"]
)
def test_no_serious_fault(
    site: Site, browser: Browser, pages: list[str], language: str, theme: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    chosen = {"tocsin_language": language, "tocsin_theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": site.console} for name, value in chosen.items()])
    page = context.new_page()
    faults: list[str] = []
    watch(page, site.console, faults)
    axe = Axe()

    def look(path: str) -> None:
        page.goto(site.console + path)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 0:
            faults.append(f"{path}: {wide} pixels wider than the screen")
        serious = [each for each in axe.run(page).response["violations"] if each["impact"] in {"serious", "critical"}]
        faults.extend(f"{path}: {each['id']}: {each['nodes'][0]['html'][:200]}" for each in serious)

    for path in ENTRANCE:
        look(path)
    log_in(page, site.console, LOGIN, PASSWORD)
    for path in pages:
        look(path)
    context.close()
    assert len(pages) > 5
    assert faults == [], "\n".join(faults)
