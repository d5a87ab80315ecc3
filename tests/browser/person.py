"""A person at the console: Debian's Chromium, led by Playwright. Complains of anything that a page asks of another host."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

PASSWORD = "correct horse battery"


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Chromium, headless."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "the tests need chromium: tests/browser/install.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def watch(page: Page, home: str, troubles: list[str]) -> None:
    """Note what a page asks elsewhere, what it misses, and what its scripts and its policy complain of."""
    host = urlsplit(home).netloc
    page.on("request", lambda r: troubles.append(r.url) if urlsplit(r.url).netloc not in {host, ""} else None)
    page.on("response", lambda r: troubles.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: troubles.append(str(e)))


def register(page: Page, home: str, address: str) -> None:
    """From the sign-up form over the code in the outbox to Quick start."""
    page.goto(f"{home}/user/signup/")
    page.fill("[name=email]", address)
    page.fill("[name=password1]", PASSWORD)
    page.click("form[action$='signup/'] button[type=submit]")
    page.wait_for_selector("[name=code]")
    page.fill("[name=code]", read_code(page, home, address))
    page.click("form button[type=submit]")
    page.wait_for_url("**/quick-start/")


def log_in(page: Page, home: str, address: str, password: str = PASSWORD) -> None:
    """By the form."""
    page.goto(f"{home}/user/login/")
    page.fill("[name=login]", address)
    page.fill("[name=password]", password)
    page.click("form[action$='login/'] button[type=submit]")
    page.wait_for_selector(".navbar-vertical")


def read_code(page: Page, home: str, address: str) -> str:
    """The code of the newest mail to the address."""
    outbox = page.context.new_page()
    outbox.goto(f"{home}/outbox/")
    text = outbox.locator("article", has_text=address).first.locator("pre").inner_text()
    outbox.close()
    code = re.search(r"^\s*([A-Z0-9]{3,6}-?[A-Z0-9]{3,6})\s*$", text, re.MULTILINE)
    assert code, text
    return code[1]
