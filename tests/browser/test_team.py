"""Team and security as people use them: an invitation taken up in another browser, an authenticator app, a passkey."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct
import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Person, Site
from tests.browser.person import PASSWORD, register, watch


def read_link(page: Page, console: str, address: str) -> str:
    """The link of the newest mail to the address."""
    outbox = page.context.new_page()
    outbox.goto(f"{console}/outbox/")
    text = outbox.locator("article", has_text=address).first.locator("pre").inner_text()
    outbox.close()
    found = re.search(r"http://\S+/invitation/\S+", text)
    assert found, text
    return found[0]


def compute_code(secret: str, at_s: float) -> str:
    """The six digits that an authenticator app shows then (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    found = hmac.new(key, struct.pack(">Q", int(at_s) // 30), hashlib.sha1).digest()
    at = found[-1] & 15
    return f"{(int.from_bytes(found[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def log_in(page: Page, console: str, address: str) -> None:
    page.goto(f"{console}/user/login/")
    page.fill("[name=login]", address)
    page.fill("[name=password]", PASSWORD)
    page.click("form[action$='login/'] button[type=submit]")


def look(page: Page) -> None:
    """Pages behind a confirmed password are not on the way of the test that walks all others with axe."""
    found = [each for each in Axe().run(page).response["violations"] if each["impact"] in {"serious", "critical"}]
    assert found == [], [each["nodes"][0]["html"] for each in found]


def log_out(page: Page) -> None:
    page.locator("button:has(.ti-user-circle):visible").click()
    page.locator("form[action$='logout/'] button:visible").click()
    page.wait_for_url("**/user/login/")


def test_a_viewer_joins_and_is_made_a_developer(person: Person, browser: Browser) -> None:
    owner, guest_address = person.page, f"g-{secrets.token_hex(4)}@example.com"
    owner.goto(f"{person.console}/team/")
    owner.fill("#address", guest_address)
    owner.select_option("#role", "viewer")
    owner.click("form[action$='invite/'] button")
    owner.wait_for_selector(f"text=The invitation is on its way to {guest_address}")
    context = browser.new_context(viewport={"width": 390, "height": 844})
    guest = context.new_page()
    watch(guest, person.console, person.troubles)
    guest.goto(read_link(owner, person.console, guest_address))
    guest.fill("#id_name", "Gil Guest")
    guest.fill("#id_password", PASSWORD)
    guest.click("text=Register and join")
    guest.wait_for_selector("text=Welcome to the account")
    assert guest.locator("#make-key").count() == 0
    assert guest.locator("#send-test").count() == 0
    guest.click(".navbar-toggler")
    assert guest.locator("#menu a[href='/keys/']").count() == 0
    owner.goto(f"{person.console}/team/")
    row = owner.locator("tr", has_text="Gil Guest")
    row.locator("select").select_option("developer")
    row.get_by_role("button", name="Change").click()
    owner.wait_for_selector("text=The role is changed")
    guest.goto(f"{person.console}/quick-start/")
    guest.click("#make-key")
    guest.wait_for_selector("#new-key")
    owner.on("dialog", lambda dialog: dialog.accept())
    owner.locator("tr", has_text="Gil Guest").get_by_role("button", name="Remove").click()
    owner.wait_for_selector("text=The member is removed")
    guest.goto(f"{person.console}/keys/")
    guest.wait_for_selector("text=You are in no account")
    context.close()


def test_an_authenticator_app_and_a_passkey_let_in(site: Site, browser: Browser) -> None:
    console = site.console.replace("127.0.0.1", "localhost")  # a passkey wants a name
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, troubles, address = context.new_page(), list[str](), f"s-{secrets.token_hex(4)}@example.com"
    watch(page, console, troubles)
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "isUserVerified": True}})
    register(page, console, address)
    page.goto(f"{console}/security/")
    page.click("#totp-on")
    page.fill("[name=password]", PASSWORD)
    page.click("form[action$='reauthenticate/'] button[type=submit]")
    secret = page.input_value("#authenticator_secret")
    look(page)
    page.fill("[name=code]", compute_code(secret, time.time()))
    page.click("text=Turn on")
    assert len(page.inner_text("#codes").split()) == 10
    look(page)
    page.click("text=I have them")
    assert page.inner_text("#second-state") == "On"
    log_out(page)
    log_in(page, console, address)
    page.wait_for_selector("h1:has-text('Second factor')")
    look(page)
    page.fill("[name=code]", compute_code(secret, time.time() + 30))  # the present one was used for the set-up
    page.click("main button:has-text('Log in')")
    page.wait_for_url("**/quick-start/")
    page.goto(f"{console}/security/")
    page.click("#passkey-add")
    page.fill("[name=password]", PASSWORD)
    page.click("form[action$='reauthenticate/'] button[type=submit]")
    look(page)
    page.fill("#id_name", "My laptop")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("strong:has-text('My laptop')")
    log_out(page)
    page.click("#passkey_login")
    page.wait_for_url("**/quick-start/")
    page.goto(f"{console}/security/")
    log = page.locator(".card", has=page.get_by_role("heading", name="Log-ins")).inner_text()
    assert [word in log for word in ("Password + Authenticator app", "Passkey", "Chrome on Linux")] == [True] * 3
    context.close()
    assert troubles == []
