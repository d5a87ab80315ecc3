"""The console's views, in process: one account never sees another's, roles, CSRF, policy, assets, start balances."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

import psycopg
import pytest

from tests.doors.console import change, log_in, read
from tocsin import accounts, billing
from tocsin.kit.ids import Ids

PAGES = ["/?stay", "/quick-start/", "/messages/", "/keys/", "/outbox/", "/user/password/change/"]
PAGES += ["/team/", "/security/", "/security/log-ins/", "/preferences/", "/user/email/"]
PAGES += ["/webhooks/", "/webhooks/attempts/", "/requests/"]
PAGES += ["/send/sms/", "/send/mms/", "/send/email/", "/send/code/", "/templates/", "/templates/new/"]
ENTRANCE = ["/user/login/", "/user/signup/", "/user/password/reset/"]


def add_message(dsn: str, account_id: int) -> UUID:
    message_id = UUID(bytes=Ids().one())
    with psycopg.connect(dsn) as conn:
        at = datetime.fromtimestamp((message_id.int >> 80) / 1000, UTC)
        conn.execute("SELECT partition_ensure('message', %s)", (at,))
        conn.execute(
            "INSERT INTO message (id, account_id, batch_no, product, phone, country_id, parts, price_micros, status, reason)"
            " VALUES (%s, %s, 1, 1, '6281234567801', 10007, 1, 100000, 0, 0)",
            (message_id, account_id),
        )
    return message_id


def test_another_accounts_message_and_key_are_not_found(project: str) -> None:
    mine, me = log_in()
    other, _ = log_in()
    message_id = add_message(project, me.account_id)
    with psycopg.connect(project) as conn:
        key_id = accounts.add_key(conn, me.account_id, "sealed")
    assert mine.get(f"/quick-start/arrival/{message_id.hex}/").status_code == 200
    assert "6281234567801" in read(mine.get("/messages/?number=62812"))
    assert "6281234567801" not in read(mine.get("/messages/?number=62813"))
    assert "6281234567801" not in read(mine.get("/messages/?state=delivered"))
    assert other.get(f"/quick-start/arrival/{message_id.hex}/").status_code == 404
    assert "6281234567801" not in read(other.get("/messages/"))
    assert other.post(f"/keys/{key_id}/revoke/").status_code == 404
    with psycopg.connect(project) as conn:
        assert [key.expires_at for key in accounts.list_keys(conn, me.account_id)] == [None]
    assert mine.post(f"/keys/{key_id}/revoke/").status_code == 302
    assert mine.post(f"/keys/{key_id}/revoke/").status_code == 404, "it has ended"


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "viewer"])
def test_roles(project: str, role: str) -> None:
    client, who = log_in(role)
    may = role in {"owner", "developer"}
    assert client.get("/keys/").status_code == (200 if may else 403)
    assert client.post("/keys/").status_code == (200 if may else 403)
    assert client.post("/quick-start/key/").status_code == (200 if may else 403)
    assert client.post("/quick-start/send/").status_code == (200 if may else 403)
    assert client.get("/messages/").status_code == 200
    with psycopg.connect(project) as conn:
        assert len(accounts.list_keys(conn, who.account_id)) == (2 if may else 0)


@pytest.mark.parametrize("path", [page for page in PAGES if page != "/outbox/"])
def test_a_stranger_is_sent_to_log_in(project: str, path: str) -> None:
    from django.test import Client

    answer = Client().get(path)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/user/login/")


@pytest.mark.parametrize("path", PAGES)
def test_a_monitor_may_ask_by_head(project: str, path: str) -> None:
    client, _ = log_in()
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", ["/keys/", "/quick-start/key/", "/quick-start/send/", "/keys/1/revoke/", "/choose/"])
def test_a_post_without_token_is_refused(project: str, path: str) -> None:
    client, _ = log_in(enforce_csrf_checks=True)
    assert client.post(path).status_code == 403


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("path", PAGES + ENTRANCE)
def test_a_page_asks_nothing_elsewhere_and_misses_nothing(project: str, path: str, language: str) -> None:
    from django.contrib.staticfiles import finders
    from django.test import Client

    client = Client() if path in ENTRANCE else log_in()[0]
    client.cookies["tocsin_language"] = language
    answer = client.get(path)
    text = read(answer)
    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//[^"]*', text) == []
    assert re.findall(r"<script>|<style|\sstyle=|\son\w+=", text) == []
    assert f'lang="{language}"' in text
    assets = re.findall(r'(?:src|href)="/static/([^"?]+)', text)
    assert len(assets) > 6
    assert [asset for asset in assets if finders.find(asset) is None] == []


def test_what_is_named_in_style_sheets_is_there(project: str) -> None:
    from django.contrib.staticfiles import finders

    sheet = cast(str, finders.find("tabler/css/tabler-icons.min.css"))
    fonts = re.findall(r'url\("([^"?]+)', Path(sheet).read_text(encoding="utf-8"))
    assert fonts
    assert all((Path(sheet).parent / font).is_file() for font in fonts)


def test_chinese_is_complete(project: str) -> None:
    import gettext

    import tocsin.console

    folder = Path(tocsin.console.__file__).parent
    with (folder / "locale/zh_Hans/LC_MESSAGES/django.mo").open("rb") as file:
        known = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # what it holds
    words = set[str]()
    for page in folder.rglob("*.html"):
        words |= set(re.findall(r"{% translate [\"']([^\"]+?)[\"'] %}", page.read_text(encoding="utf-8")))
    for module in folder.rglob("*.py"):
        words |= set(re.findall(r"\b(?:_|gettext_lazy)\(\"([^\"]+)\"", module.read_text(encoding="utf-8")))
    assert len(words) > 80
    assert words - set(known) == set()


def register(address: str, visitor: str) -> int:
    """Open the account of a new user; its gift in micro-units."""
    from tocsin.console.installation import installation
    from tocsin.console.opening import open_account
    from tocsin.console.tenancy import open_change
    from tocsin.schema.models import Membership, User

    user = User.objects.create_user(address, None)
    with open_change() as conn:
        open_account(conn, installation().settings, user, visitor)
        open_account(conn, installation().settings, user, visitor)  # a second request at once
        found = Membership.objects.get(user=user)
        return billing.read_wallet(conn, found.account_id).gift_micros


def test_a_start_balance_is_given_once_for_a_mailbox_and_a_network(project: str) -> None:
    assert register("ann@example.com", "203.0.113.7") == billing.MICROS
    assert register("ann+2@example.com", "198.51.100.1") == 0, "the same mailbox"
    assert register("bob@example.com", "203.0.113.200") == 0, "the same network"
    assert register("joe.l@gmail.com", "192.0.2.1") == billing.MICROS
    assert register("joel@gmail.com", "198.51.100.9") == 0, "dots count for nothing there"


def test_start_balances_have_a_ceiling_a_day(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.schema.models import StartBalance

    given = StartBalance.objects.count()
    change(monkeypatch, start_balances_per_day=given + 1)
    assert register("cy@example.com", "127.0.0.1") == billing.MICROS
    assert register("di@example.com", "127.0.0.1") == 0


def test_the_outbox_is_shown_only_where_it_is_on(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.test import Client

    change(monkeypatch, console_outbox="off")
    assert Client().get("/outbox/").status_code == 404
    closed = Client().get("/user/signup/")
    assert 'name="password1"' not in read(closed), "no mail, no registration"


def test_the_menu_has_what_the_role_may_and_marks_where_one_is(project: str) -> None:
    keys = log_in("developer")[0].get("/keys/")
    assert re.findall(r'href="([^"]+)" aria-current="page"', read(keys)) == ["/keys/"]
    assert 'href="/keys/"' not in read(log_in("viewer")[0].get("/messages/"))


def test_times_are_those_of_the_users_zone(project: str) -> None:
    client, me = log_in()
    add_message(project, me.account_id)

    def read_minutes() -> int:
        found = re.findall(r"\b(\d\d):(\d\d):\d\d\b", read(client.get("/messages/")))
        return int(found[0][0]) * 60 + int(found[0][1])

    client.cookies["tocsin_zone"] = "Asia/Shanghai"
    assert "Times in Asia/Shanghai" in read(client.get("/messages/"))
    there = read_minutes()
    me.user.zone = "Asia/Kolkata"
    me.user.save()
    assert (there - read_minutes()) % 1440 == 150, "what the user chose goes before what his browser says"
