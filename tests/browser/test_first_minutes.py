"""The first five minutes: register, code, key, test send, report seen, webhook tested. In a real browser, on the real product."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.browser.hook_server import take_pushes
from tests.browser.person import open_browser, register, watch
from tests.flows.conftest import home, port  # noqa: F401  fixtures
from tests.flows.plant import find_port
from tests.flows.up_bed import Up


def test_from_registration_to_a_webhook_that_answers(
    home: Path,  # noqa: F811
    port: int,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    console_port = find_port()
    url = f"http://127.0.0.1:{console_port}"
    up = Up(home, port, TOCSIN_CONSOLE_PORT=str(console_port))
    up.wait_ready()
    assert f"console  {url}" in up.text()
    troubles: list[str] = []
    with open_browser() as browser, take_pushes() as server:
        page = browser.new_context().new_page()
        watch(page, url, troubles)
        begun_s = time.monotonic()
        register(page, url, "ada@example.com")
        assert "1 of 5" in page.inner_text("#progress")
        page.click("#make-key")
        page.wait_for_selector("#new-key")
        key = page.input_value("#new-key")
        assert len(key) == 32
        assert f"KEY={key}" in page.inner_text("#sample-curl")
        assert f"http://127.0.0.1:{port}/api/v1/sms/sendbatchsms" in page.inner_text("#sample-curl")
        page.click("#send-test")
        page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
        assert "4 of 5" in page.inner_text("#progress")
        page.fill("#hook-url", server.url)
        page.click("#save-hook")
        page.wait_for_selector("#new-secret")
        page.click("#send-event")
        page.wait_for_selector(".test-state:has-text('Taken')", timeout=20_000)
        took_s = time.monotonic() - begun_s
        assert "5 of 5" in page.inner_text("#progress")
        assert "thank you" in page.inner_text("#test-sms")
        assert server.tests == 1
        page.goto(f"{url}/messages/")
        assert "81234567801" in page.inner_text("table")
        page.goto(f"{url}/keys/")
        assert key not in page.content(), "a key is shown once"
    with capsys.disabled():
        print(f"\nfrom registration to a webhook that answers: {took_s:.1f} s")
    assert troubles == []
    up.stop()
