"""A batch seen to its end, another that is paused, resumed and cancelled: sent by the API, led by a person at the console."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from hashlib import md5
from typing import Any

from tests.browser.conftest import Person, Site
from tests.flows.plant import make_numbers

MANY = 2_000


def send(site: Site, account: str, key: str, first: int, **fields: Any) -> str:
    """The number of an accepted batch of MANY."""
    at = str(int(time.time()))
    sign = md5(f"{account}{key}{at}".encode(), usedforsecurity=False).hexdigest()
    numbers = ",".join(make_numbers(MANY, first))
    body = {"numbers": numbers, "codeId": 10007, "content": "hello", "action": "NOTIFICATION", **fields}
    url = f"{site.api}/api/v1/sms/sendbatchsms?account={account}&sign={sign}&datetime={at}"
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        said = json.load(answer)
    assert said["status"] == 0, said
    return str(said["data"]["batchNo"])


def test_progress_pause_resume_cancel(site: Site, person: Person) -> None:
    page = person.page
    page.click("#make-key")
    page.wait_for_selector("#new-key")
    key, account = page.input_value("#new-key"), page.locator(".step code").first.inner_text()

    credit = [sys.executable, "-m", "tocsin", "account", "credit", account, "1000"]
    subprocess.run(credit, env=site.environ, check=True, capture_output=True)
    batch_no = send(site, account, key, 0)
    page.goto(f"{person.console}/batches/")
    page.click(f"text={batch_no}")
    page.wait_for_selector("#batch-percent:text-is('100 %')", timeout=30_000)
    assert page.inner_text("#batch-delivered") == str(MANY)
    assert page.locator("#batch-pause").count() == 0

    due_s = int(time.time()) + 3600
    later = send(site, account, key, 10_000, sendTime=str(due_s))
    page.goto(f"{person.console}/scheduled/?day={time.strftime('%Y-%m-%d', time.gmtime(due_s))}&zone=UTC")
    assert f"{MANY} messages" in page.inner_text("main")
    page.click(f"text={later}")
    page.click("#batch-pause")
    page.wait_for_selector("#batch-state:text-is('Paused')")
    page.click("#batch-resume")
    page.wait_for_selector("#batch-state:text-is('Scheduled')")
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#batch-cancel")
    page.wait_for_selector("#batch-percent:text-is('100 %')", timeout=30_000)
    assert page.inner_text("#batch-state") == "Cancelled"
    assert page.inner_text("#batch-delivered") == "0"
