"""Webhooks, keys and the request log as a person meets them."""

from __future__ import annotations

from tests.browser.conftest import Person
from tests.browser.hook_server import take_pushes
from tests.poll import until_sync


def test_a_webhook_from_its_first_failure_to_a_replay(person: Person) -> None:
    page, url = person.page, person.console
    with take_pushes() as server:
        page.goto(f"{url}/webhooks/")
        card = page.locator("#kind-sms")
        page.fill("#url-sms", server.url)
        card.get_by_role("button", name="Save").click()
        assert page.input_value("#new-secret").startswith("whsec_")
        server.status = 500
        card.get_by_role("button", name="Send test event").click()
        card.locator(".test-state:has-text('Failed')").wait_for()
        assert "Your server failed: look into its log." in card.inner_text()
        server.status = 200
        card.get_by_role("button", name="Send test event").click()
        card.locator(".test-state:has-text('Taken')").wait_for()
        assert "thank you" in card.inner_text()
        assert server.tests == 2
        page.goto(f"{url}/quick-start/")
        page.click("#make-key")
        page.wait_for_selector("#new-key")
        page.click("#send-test")
        page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
        until_sync(lambda: len(server.bodies) == 3, 10)
        page.goto(f"{url}/webhooks/attempts/?outcome=taken")
        page.locator("tbody input[type=checkbox]").check()
        page.get_by_role("button", name="Push the chosen ones again").click()
        assert "1 row waits to be pushed again" in page.inner_text("main")
        until_sync(lambda: len(server.bodies) == 4, 10)
        assert server.bodies[3] == server.bodies[2]
        page.goto(f"{url}/webhooks/attempts/")
        page.locator("a:has-text('Details')").first.click()
        assert "webhook-signature" in page.inner_text("main")
        assert "thank you" in page.inner_text("main")


def test_a_key_is_rotated_and_its_requests_are_seen(person: Person) -> None:
    page, url = person.page, person.console
    page.goto(f"{url}/keys/")
    page.fill("#key-name", "shop front")
    page.get_by_role("button", name="Create a key").click()
    first = page.input_value("#new-key")
    page.goto(f"{url}/quick-start/")
    page.click("#send-test")
    page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
    page.goto(f"{url}/keys/")
    page.get_by_role("button", name="Rotate").click()
    second = page.input_value("#new-key")
    assert second != first
    assert "holds until" in page.inner_text("table")
    page.fill("#addresses", "10.0.0.0/33")
    page.get_by_role("button", name="Save").click()
    assert "10.0.0.0/33 is no address or network" in page.inner_text("main")

    page.goto(f"{url}/requests/")
    until_sync(lambda: page.reload() is not None and page.locator("tbody tr").count() >= 1, 10)
    page.locator("tbody a").last.click()
    assert "shop front" in page.inner_text("main")
