"""A batch watched to its end, one paused and resumed, one cancelled, a scheduled one seen in the calendar. As a person does it."""

from __future__ import annotations

import subprocess
import sys

from playwright.sync_api import Page

from tests.browser.conftest import Person, Site


def run(site: Site, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "tocsin", *words], env=site.environ, check=True, stdout=subprocess.DEVNULL)


def send(page: Page, console: str, *numbers: str) -> None:
    """By the send page, to its result and on to the batch."""
    page.goto(f"{console}/send/sms/")
    page.fill("#country", "Indonesia (+62)")
    page.fill("#numbers", "\n".join(numbers))
    page.fill("#content", "Hello from a batch")
    page.click("button:has-text('Review and confirm')")
    page.click("#send-now")
    page.wait_for_selector("a[href*='/batches/']")
    page.click("main a[href*='/batches/']")


def test_batches_are_paused_resumed_and_cancelled(site: Site, person: Person) -> None:
    page = person.page
    run(site, "channel", "pause", "sandbox")  # so that there is time for the buttons
    try:
        send(page, person.console, "81230000001", "81230000002")
        page.click("#batch-pause")
        page.wait_for_selector("#batch-state:has-text('Paused')")
        paused = page.url
        send(page, person.console, "81230000003")
        cancelled = page.url
        page.once("dialog", lambda dialog: dialog.accept())
        page.click("#batch-cancel")
        page.wait_for_selector("#batch-state:has-text('Cancelled')")
        send(page, person.console, "81230000004")
    finally:
        run(site, "channel", "resume", "sandbox")
    page.wait_for_selector("#batch-percent:has-text('100')", timeout=20_000)  # live, without a reload
    assert page.inner_text("#batch-delivered") == "1"
    page.goto(paused)
    assert page.inner_text("#batch-delivered") == "0", "it waits while another goes"
    page.click("#batch-resume")
    page.wait_for_selector("#batch-percent:has-text('100')", timeout=20_000)
    assert page.inner_text("#batch-delivered") == "2"
    page.goto(cancelled)
    page.wait_for_selector("#batch-percent:has-text('100')", timeout=20_000)
    assert page.inner_text("#batch-delivered") == "0"
    page.goto(f"{person.console}/batches/?state=cancelled")
    assert page.locator("table a[href*='/batches/']").count() == 1
