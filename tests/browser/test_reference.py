"""The API reference in a browser: search leaves what has the words, an index that leads there, a call that is copied and works."""

from __future__ import annotations

from tests.browser.conftest import Person, Site
from tests.poll import until_sync


def test_search_and_index_lead_to_an_endpoint(site: Site, person: Person) -> None:
    page = person.page
    page.goto(f"{person.console}/reference/")
    every = page.locator("article.operation:visible").count()
    page.fill("#find", "terminal user")
    assert 0 < page.locator("article.operation:visible").count() < every
    assert page.locator("h3.reference-heading:visible", has_text="Send").count() == 0
    page.click("nav a[href='#uplink']")
    until_sync(lambda: page.evaluate("document.querySelector('#uplink').getBoundingClientRect().top") < 300)
    page.fill("#find", "no such word anywhere")
    assert page.locator("article.operation:visible").count() == 0
    assert page.is_visible("#none")
    page.fill("#find", "")
    assert page.locator("article.operation:visible").count() == every
    assert page.inner_text("#signed-url").startswith(f"{site.api}/api/v1/sms/balance?account=")
