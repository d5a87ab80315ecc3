"""`make screenshots`: every page in both languages and themes, on a desk and on a phone, into build/screenshots."""

from __future__ import annotations

import secrets
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.person import PASSWORD, open_browser, register
from tests.flows.plant import find_port
from tests.flows.up_bed import Up

FOLDER = Path("build/screenshots")
PAGES = {
    "start": "/quick-start/",
    "overview": "/?stay",
    "messages": "/messages/",
    "keys": "/keys/",
    "ledger": "/ledger/",
    "statement": "/ledger/statement/",
    "usage": "/usage/",
    "prices": "/prices/?q=i",
    "opt-outs": "/lists/",
    "blacklist": "/lists/blacklist/",
    "settings": "/settings/",
    "outbox": "/outbox/",
}
ENTRANCE = {"login": "/user/login/", "signup": "/user/signup/", "reset": "/user/password/reset/"}
SIZES = {"desk": (1280, 900), "phone": (390, 844)}
LANGUAGES = {"en": "en", "zh": "zh-hans"}


def _shoot(page: Page, url: str, pages: dict[str, str], style: str) -> None:
    for name, path in pages.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        if name in {"overview", "usage"}:
            page.wait_for_timeout(1200)  # the chart grows
        page.screenshot(path=FOLDER / f"{name}-{style}.png", full_page=True)


def _walk(browser: Browser, url: str, address: str) -> None:
    for size, (width, height) in SIZES.items():
        for language, code in LANGUAGES.items():
            for theme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": height})
                cookies = {"tocsin_language": code, "tocsin_theme": theme}
                context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
                page = context.new_page()
                _shoot(page, url, ENTRANCE, f"{size}-{language}-{theme}")
                page.goto(f"{url}/user/login/")
                page.fill("[name=login]", address)
                page.fill("[name=password]", PASSWORD)
                page.click("form[action$='login/'] button[type=submit]")
                page.wait_for_selector(".navbar-vertical")
                _shoot(page, url, PAGES, f"{size}-{language}-{theme}")
                context.close()


def take(url: str) -> None:
    """All of them, of a new user who has sent a message."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        address = f"ada-{secrets.token_hex(3)}@example.com"
        register(page, url, address)
        page.screenshot(path=FOLDER / "start-new.png", full_page=True)
        page.click("#make-key")
        page.wait_for_selector("#new-key")
        page.click("#send-test")
        page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
        page.screenshot(path=FOLDER / "start-done.png", full_page=True)
        page.wait_for_timeout(3000)  # the roll-up
        _walk(browser, url, address)


def main() -> None:
    """Of a product started for it, or of the one at the address given."""
    if len(sys.argv) > 1:
        take(sys.argv[1])
        return
    directory = Path(tempfile.mkdtemp(prefix="tocsin-shots-"))
    directory.chmod(0o755)
    port = find_port()
    up = Up(directory / "var", find_port(), TOCSIN_CONSOLE_PORT=str(port))
    try:
        up.wait_ready()
        take(f"http://127.0.0.1:{port}")
    finally:
        up.stop()


if __name__ == "__main__":
    main()
