"""A person sends an SMS by the page and sees it arrive; and writes a template, which the operator approves."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.browser.conftest import Person, Site


def test_an_sms_from_the_form_to_delivered(person: Person) -> None:
    page = person.page
    page.goto(f"{person.console}/send/sms/")
    page.fill("#country", "Indonesia (+62)")
    page.fill("#numbers", "81234567801\nnonsense")
    page.fill("#content", "Hello “you”")
    page.wait_for_selector("#total:has-text('0.1 USD')")
    page.wait_for_selector("#counted:has-text('1 left out')")
    assert "Unicode" in page.inner_text("#size")
    page.click("#review")
    page.wait_for_selector("#send-now")
    assert "Hello “you”" in page.inner_text("main")
    page.click("#send-now")
    page.wait_for_selector("#good:has-text('1')")
    page.wait_for_selector("#states .badge:has-text('Delivered')", timeout=20_000)
    page.reload()
    assert page.inner_text("#bad") == "1"
    page.goto(f"{person.console}/messages/")
    assert page.locator("text=6281234567801").count() == 1, "a reload sends nothing"


def test_a_template_through_its_states(person: Person, site: Site) -> None:
    page = person.page
    page.goto(f"{person.console}/templates/new/")
    page.fill("#text", "Your order {2} is ready.")
    page.click("#submit-template")
    page.wait_for_selector(".invalid-feedback:has-text('{1} is missing')")
    page.fill("#text", "Your order {1} is ready.")
    page.click("#submit-template")
    page.wait_for_selector("#template-state:has-text('In review')")
    found = re.search(r"/templates/(\d+)/", page.url)
    assert found
    environ = {**os.environ, "TOCSIN_HOME": str(site.home)}
    command = [sys.executable, "-m", "tocsin", "template", "approve", found[1]]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    page.reload()
    page.wait_for_selector("#template-state:has-text('Approved')")
    page.click("main a:has-text('Use')")
    page.fill("[name=value-1]", "4821")
    page.fill("#country", "Indonesia (+62)")
    page.fill("#numbers", "81234567801")
    page.wait_for_selector(".bubble:has-text('Your order 4821 is ready.')")
    page.wait_for_selector("#total:has-text('0.1 USD')")
