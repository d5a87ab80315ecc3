"""Money and lists as a person meets them: a send in the ledger, a price found, a low balance told, a number suppressed."""

from __future__ import annotations

from tests.browser.conftest import Person
from tests.poll import until_sync


def test_ledger_prices_alert_and_lists(person: Person) -> None:
    page, url = person.page, person.console
    page.click("#make-key")
    page.wait_for_selector("#new-key")
    page.click("#send-test")
    page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)

    page.goto(f"{url}/ledger/")
    assert page.inner_text("#left").startswith("0.9")
    assert "\u22120.1" in page.inner_text("tr:has-text('Charge')")
    page.click("text=Monthly statement")
    assert "0.9" in page.inner_text("#closing")

    page.goto(f"{url}/prices/")
    page.fill("#q", "印度尼西亚")
    page.press("#q", "Enter")
    page.wait_for_url("**/prices/?q=**")
    assert "Indonesia" in page.inner_text("#prices")
    assert "0.1" in page.inner_text("#prices")

    page.goto(f"{url}/settings/")
    assert page.locator("#low-balance").count() == 0
    page.fill("#threshold", "5")
    page.fill("#addresses", f"cfo-{person.address}")
    page.click("#alert button:has-text('Save')")
    page.wait_for_selector("#low-balance")
    assert "Only 0.9 USD left to spend" in page.inner_text("#low-balance")

    def is_told() -> bool:
        page.goto(f"{url}/outbox/")
        return page.locator("article", has_text=f"cfo-{person.address}").count() > 0

    until_sync(is_told, 20)
    assert "Low balance: 0.9 USD" in page.inner_text(f"article:has-text('cfo-{person.address}')")

    page.goto(f"{url}/lists/blacklist/")
    page.fill("#values", "+62 812 3456 7890\nann@example.com")
    page.click("#add button:has-text('Add')")
    page.wait_for_selector(".alert-success:has-text('2 entries added.')")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("[aria-label='Remove 6281234567890']")
    page.wait_for_selector(".alert-success:has-text('6281234567890 may be sent to again.')")
    assert page.locator("tbody tr").count() == 1
