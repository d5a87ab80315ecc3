"""`make screenshots`: every page in both languages and themes, on a desk and on a phone, into build/screenshots.

Of the demo with a past, page by page as links lead to them; and the entrance, and a new account's Quick start. With words
behind it only pages whose name holds one of them; with a URL first, of the product that runs there.
"""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from bench.crawl import Visitor, crawl
from playwright.sync_api import Browser, Page

from tests.browser.person import log_in, open_browser, register
from tests.flows.plant import find_port
from tests.flows.up_bed import Up
from tocsin.bootstrap.login import LOGIN, PASSWORD

FOLDER = Path("build/screenshots")
ENTRANCE = {"login": "/user/login/", "signup": "/user/signup/", "reset": "/user/password/reset/"}
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
LANGUAGES = {"en": "en", "zh": "zh-hans"}
_ID = re.compile(r"[0-9a-f]{32}|\d+")


def name_pages(paths: list[str]) -> dict[str, str]:
    """A file's name for each path."""
    named: dict[str, str] = {}
    for path in paths:
        place = urlsplit(path)
        words = "-".join(word for word in _ID.sub("one", place.path).split("/") if word) or "overview"
        asked = "-".join(part.partition("=")[0] for part in place.query.split("&") if part.partition("=")[2])
        named.setdefault(f"{words}-by-{asked}" if asked else words, path)
    return named


def _shoot(page: Page, url: str, pages: dict[str, str], style: str) -> None:
    for name, path in pages.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        if page.locator("canvas").count():
            page.wait_for_timeout(1200)  # charts grow
        page.screenshot(path=FOLDER / f"{name}-{style}.png", full_page=True)


def _walk(browser: Browser, url: str, entrance: dict[str, str], pages: dict[str, str]) -> None:
    for size, (width, height) in SIZES.items():
        for language, code in LANGUAGES.items():
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": height})
                cookies = {"tocsin_language": code, "tocsin_theme": theme}
                context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
                page = context.new_page()
                _shoot(page, url, entrance, f"{size}-{language}-{theme}")
                log_in(page, url, LOGIN, PASSWORD)
                _shoot(page, url, pages, f"{size}-{language}-{theme}")
                context.close()


def _begin(browser: Browser, url: str) -> None:
    """A new account before and after its first message."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    register(page, url, f"ada-{secrets.token_hex(3)}@example.com")
    page.screenshot(path=FOLDER / "start-new.png", full_page=True)
    page.click("#make-key")
    page.wait_for_selector("#new-key")
    page.click("#send-test")
    page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
    page.screenshot(path=FOLDER / "start-done.png", full_page=True)


def take(url: str, words: list[str]) -> None:
    """All of them, or those whose name holds a word."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    visitor = Visitor(urlsplit(url).port or 80)
    visitor.log_in(LOGIN, PASSWORD)
    pages = name_pages(crawl(visitor, "/?stay"))
    entrance = ENTRANCE
    if words:
        pages = {name: path for name, path in pages.items() if any(word in name for word in words)}
        entrance = {name: path for name, path in entrance.items() if any(word in name for word in words)}
    print(f"{len(pages) + len(entrance)} pages: {' '.join([*entrance, *pages])}")
    with open_browser() as browser:
        if not words:
            _begin(browser, url)
        _walk(browser, url, entrance, pages)


def main() -> None:
    """Of a product started for it, or of the one at the address given."""
    words = sys.argv[1:]
    if words and "://" in words[0]:
        take(words[0], words[1:])
        return
    directory = Path(tempfile.mkdtemp(prefix="tocsin-shots-"))
    directory.chmod(0o755)
    port = find_port()
    up = Up(directory / "var", find_port(), TOCSIN_CONSOLE_PORT=str(port))
    try:
        up.wait_ready()
        environ = {**os.environ, "TOCSIN_HOME": str(directory / "var")}
        subprocess.run(
            [sys.executable, "-m", "tocsin", "demo", "seed", "--messages", "200000"], env=environ, check=True
        )
        take(f"http://127.0.0.1:{port}", words)
    finally:
        up.stop()


if __name__ == "__main__":
    main()
