"""Watching: three messages sent by the API, found by their states, and one followed live to its end. As a person does it."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.browser.conftest import Person, Site

DELIVERED, REFUSED, SILENT, SLOW = "81200000001", "81200009907", "81200009904", "81200009906"
"""By the sandbox's rules: the second is undelivered, of the third no receipt ever comes, the last is taken at the third try."""


def send(site: Site, account: str, key: str, number: str) -> str:
    """Its message id."""
    at = str(int(time.time()))
    sign = hashlib.md5(f"{account}{key}{at}".encode(), usedforsecurity=False).hexdigest()
    query = urlencode({"account": account, "sign": sign, "datetime": at})
    line = http.client.HTTPConnection(urlsplit(site.api).netloc, timeout=10)
    body = {"numbers": number, "codeId": 10007, "content": "Watch me", "action": "NOTIFICATION"}
    line.request("POST", f"/api/v1/sms/sendbatchsms?{query}", json.dumps(body), {"Content-Type": "application/json"})
    answer: Any = json.loads(line.getresponse().read())
    line.close()
    return str(answer["data"]["successData"][0]["messageId"])


def test_messages_are_found_and_followed_to_their_end(site: Site, person: Person) -> None:
    page = person.page
    page.click("#make-key")
    page.wait_for_selector("#new-key")
    key = page.input_value("#new-key")
    account = page.locator("code").first.inner_text()
    page.click("#send-test")  # by now the API knows the key
    page.wait_for_selector("#arrival-state:has-text('Delivered')", timeout=20_000)
    for number in (DELIVERED, REFUSED, SILENT):
        send(site, account, key, number)
    asked_again: list[str] = []
    page.on("request", lambda request: asked_again.append(request.url) if request.url.endswith("/now/") else None)
    slow = send(site, account, key, SLOW)
    page.goto(f"{person.console}/messages/{slow}/")
    assert page.inner_text("#state") == "Under way"
    page.wait_for_selector("#state:has-text('Delivered')", timeout=30_000)  # without a reload
    assert asked_again
    steps = page.locator("#steps li strong").all_inner_texts()
    assert [step.partition(":")[0] for step in steps] == [
        "Accepted for sending", "The carrier could not take it just then", "The carrier could not take it just then", "Submitted",
        "Delivered",
    ]  # fmt: skip

    page.goto(f"{person.console}/messages/?state=under-way")
    assert SILENT in page.inner_text("#log-rows")
    assert DELIVERED not in page.inner_text("#log-rows")
    page.fill("#number", f"+62 {REFUSED}")
    page.select_option("#state", "failed")
    page.click("button:visible:has-text('Search')")
    page.wait_for_url("**state=failed**")
    assert "undelivered" in page.inner_text("#log-rows")
    page.click("#log-rows a.number")
    page.wait_for_selector("#steps :text('Failed: undelivered')")
    page.click("header a:has-text('Message log')")
    page.wait_for_selector("#log-rows")
    assert page.locator("#log-rows tr").count() == 5
    page.goto(f"{person.console}/?stay")
    assert REFUSED in page.inner_text("main")
