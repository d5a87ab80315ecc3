"""A file of numbers, good, bad and double, from upload to delivered; and the log as a file that is opened."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from playwright.sync_api import Page
from python_calamine import CalamineWorkbook

from tests.browser.conftest import Person
from tests.poll import until_sync

ROWS = [
    "Name;Mobile",
    "Ann;+62 812-3456-7801",
    "Bob;081234567802",
    "nobody;12",
    "Ann again;6281234567801",
    ";6281234567803",
    "=Eve;6281234567804",
]


def take(page: Page, selector: str) -> bytes:
    with page.expect_download() as found:
        page.click(selector)
    return Path(found.value.path()).read_bytes()


def count_delivered(page: Page, console: str) -> int:
    page.goto(f"{console}/messages/?state=delivered")
    return page.locator("main tbody tr").count()


def test_a_file_is_checked_and_sent_and_the_log_is_exported(person: Person) -> None:
    page, console = person.page, person.console
    page.goto(f"{console}/uploads/")
    page.set_input_files(
        "[name=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": "\n".join(ROWS).encode()}
    )
    page.click("form[enctype] button")
    page.wait_for_selector("#content", timeout=20_000)
    assert page.locator("#number option:checked").inner_text() == "B · Mobile", "guessed by the head"
    page.select_option("#usual", label="Indonesia")
    page.fill("#content", "Hello {Surname}")
    page.click("text=Check all rows")
    assert "There is no column {Surname}" in page.inner_text("main")
    page.fill("#content", "Hello {Name}, your table is ready")
    page.click("text=Check all rows")
    page.wait_for_selector("#good", timeout=20_000)
    assert (page.inner_text("#good"), page.inner_text("#bad")) == ("3", "3")
    assert "Hello Ann, your table is ready" in page.inner_text("pre")
    bad = list(csv.reader(io.StringIO(take(page, "text=Download them all").decode("utf-8-sig"))))
    assert bad == [
        ["Row", "Reason"],
        ["4", "no valid number", "nobody", "12"],
        ["5", "the number is in an earlier row already", "Ann again", "6281234567801"],
        ["6", "a value for the text is missing", "", "6281234567803"],
    ]
    page.click("#send")
    page.wait_for_selector("#sent", timeout=30_000)
    assert page.inner_text("#accepted") == "3"
    assert page.locator("a[href*='batch=']").count() == 3, "each text is a request of its own"
    until_sync(lambda: count_delivered(page, console) == 3, 30)
    page.goto(f"{console}/files/")
    page.select_option("#what", "messages")
    page.select_option("#format", "xlsx")
    page.click("main form button:has-text('Export')")
    page.wait_for_selector("a[download]", timeout=20_000)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(take(page, "a[download]"))).get_sheet_by_index(0).to_python()
    head, *found = rows
    assert head[4] == "To"
    assert {row[4] for row in found} == {"6281234567801", "6281234567802", "6281234567804"}
    assert {row[7] for row in found} == {f"Hello {name}, your table is ready" for name in ("Ann", "Bob", "=Eve")}
    assert {row[10] for row in found} == {"Delivered"}
