"""The six samples of Quick start, copied from the page in each language of the console and run by their interpreters."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.browser.conftest import Person, Site
from tests.poll import until_sync
from tocsin.console.samples import LANGUAGES, Language

TEXTS = {"en": "Hello from Tocsin", "zh-hans": "Tocsin 向您问好"}
PHONE = "6281234567801"
_SHIFT = {name: os.environ[name] for name in ("LD_PRELOAD", "TEST_CLOCK_SHIFT_S") if name in os.environ}
# Programs in Go ask the kernel for the time: a shift of the clock (tests/clock) does not reach them.
RUN = [language for language in LANGUAGES if "TEST_CLOCK_SHIFT_S" not in _SHIFT or language.name != "go"]


def copy_sample(person: Person, language: Language) -> str:
    """Choose the tab and read what its button copies."""
    page = person.page
    page.click(f"#tab-{language.name}")
    page.click(f"[data-copy='#sample-{language.name}']")
    return str(page.evaluate("navigator.clipboard.readText()"))


def run(language: Language, text: str, folder: Path) -> str:
    """As the page says; what it printed."""
    command = ["bash", "-c", text]
    if language.file:
        (folder / language.file).write_text(text, encoding="utf-8")
        command = shlex.split(language.command)
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "GOPROXY": "off", **_SHIFT}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=100, check=False
    )
    assert done.returncode == 0, f"{language.title}: {done.stdout}{done.stderr}"
    return done.stdout


def read_messages(site: Site, account: str) -> list[tuple[str, str]]:
    """Number and text of each message of the account that was delivered."""
    dsn = json.loads((site.home / "demo.json").read_text(encoding="utf-8"))["database_url"]
    with psycopg.connect(dsn) as conn:
        return conn.execute(
            "SELECT m.phone, b.content FROM message m JOIN account a ON a.id = m.account_id"
            " JOIN batch b ON b.account_id = m.account_id AND b.batch_no = m.batch_no"
            " JOIN report r ON r.message_id = m.id AND r.status = 1 WHERE a.name = %s",
            (account,),
        ).fetchall()


@pytest.mark.parametrize("code", TEXTS)
def test_each_sample_sends_a_message_that_arrives(site: Site, person: Person, tmp_path: Path, code: str) -> None:
    page = person.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if code == "zh-hans":
        page.locator("button[name=language]:visible").click()
        page.wait_for_selector("html[lang=zh-hans]")
    page.click("#tab-go")
    assert "YOUR_KEY" in page.inner_text("#sample-go")
    page.click("#make-key")
    page.wait_for_selector("#new-key")
    key = page.input_value("#new-key")
    assert page.get_attribute("#tab-go", "aria-selected") == "true", "the choice stays"
    page.click("#send-test")  # the API knows a new key within a second: the button waits for it
    page.wait_for_selector("#arrival-state")
    account = page.locator("code").first.inner_text()
    for language in RUN:
        text = copy_sample(person, language)
        assert key in text
        assert f"{site.api}/api/v1/sms/sendbatchsms" in text
        assert "Submit success" in run(language, text, tmp_path)
    until_sync(lambda: len(read_messages(site, account)) == len(RUN) + 1, 30)
    assert set(read_messages(site, account)) == {(PHONE, TEXTS[code])}


def test_the_tabs_obey_the_keyboard_and_the_choice_outlives_the_page(person: Person) -> None:
    page = person.page
    page.focus("#tab-curl")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#pane-node.active")
    assert page.evaluate("document.activeElement.id") == "tab-node"
    assert page.locator("#samples [role=tabpanel]:visible").count() == 1
    page.reload()
    page.wait_for_selector("#pane-node.active")
