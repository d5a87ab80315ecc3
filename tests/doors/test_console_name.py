"""An account's display name: given at the registration, set by the owner, read on pages and in mails, and safe wherever it goes."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.doors.console import log_in, read
from tests.doors.test_console_team import add_member, invite, visit
from tocsin import accounts, audit

NAME = 'Acme & "Söhne" <b>安可</b>'
ESCAPED = "Acme &amp; &quot;Söhne&quot; &lt;b&gt;安可&lt;/b&gt;"
BAD = ["a\x07b", "\u202egpj", "x" * 81, "https://evil.example", "WWW.evil.example", "—"]
PASSWORD = "a lamp by the window"


def set_name(client: Any, name: str) -> Any:
    return client.post("/settings/name/", {"display_name": name})


def last_audit(dsn: str) -> audit.AuditEntry:
    with psycopg.connect(dsn) as conn:
        return audit.read_last(conn, limit=1)[0]


def name_of(dsn: str, account: str) -> str:
    with psycopg.connect(dsn) as conn:
        return accounts.find_account(conn, account).display_name


@pytest.mark.parametrize(("language", "word"), [("en", "Display name"), ("zh-hans", "显示名称")])
def test_the_owner_sets_it_and_the_pages_show_it(project: str, language: str, word: str) -> None:
    client, member = log_in(headers={"accept-language": language})
    assert word in read(client.get("/settings/"))
    assert set_name(client, f"  {NAME} ").status_code == 302
    entry = last_audit(project)
    assert (entry.actor, entry.subject) == (f"user {member.user.id}", f"account {member.account.name}")
    assert (entry.before, entry.after) == ({"display_name": ""}, {"display_name": NAME})
    for path in ("/settings/", "/?stay", "/keys/"):
        page = read(client.get(path))
        assert ESCAPED in page
        assert "<b>安可" not in page
        assert member.account.name in page, "the name in the API stays in sight"
    assert set_name(client, "").status_code == 302
    assert name_of(project, member.account.name) == ""


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_one_is_refused_and_stays_in_the_field(project: str, bad: str) -> None:
    client, member = log_in()
    answer = set_name(client, bad)
    assert answer.status_code == 422
    page = read(answer)
    assert "Write 80 characters at most" in page
    assert 'aria-invalid="true"' in page
    assert name_of(project, member.account.name) == ""


@pytest.mark.parametrize("role", ["developer", "finance", "viewer"])
def test_only_an_owner_changes_it(project: str, role: str) -> None:
    client, member = log_in(role)
    assert set_name(client, "Mine").status_code == 403
    assert name_of(project, member.account.name) == ""
    assert "Only an owner changes this." in read(client.get("/settings/"))


def test_invitations_and_the_switcher_call_the_account_so(project: str) -> None:
    from tocsin.schema.models import LocalMail

    owner, member = log_in()
    set_name(owner, NAME)
    address = f"new-{member.account.name}@example.com"
    token = invite(owner, address)
    mail = LocalMail.objects.filter(to=address).get()
    assert mail.subject == f"{member.user.email} invites you to {NAME} on Tocsin"
    assert f"the account {NAME} of Tocsin" in mail.body, "a mail of plain text escapes nothing"
    assert ESCAPED in read(visit().get(f"/invitation/{token}/"))
    other, _ = add_member(member.account, "viewer")
    page = read(other.get("/settings/"))
    assert f'aria-label="Choose an account: {ESCAPED}"' in page
    assert f'<span class="d-block small">{member.account.name}</span>' in page


def test_the_low_balance_mail_names_it_and_its_subject_is_one_line(project: str) -> None:
    from datetime import UTC, datetime

    from tocsin.billing import Fall
    from tocsin.console import alerts

    fall = Fall(1, "t1", "en", "USD", 10_000_000, 5_000_000, ["a@example.com"], datetime.now(UTC), NAME)
    mail = alerts._write(fall)
    assert mail.subject == f"Low balance: 5 USD left on account {NAME} (t1)"
    assert f"Account {NAME} (t1) has 5 USD left" in mail.body
    head, _, _ = mail.message().as_bytes().partition(b"\n\n")
    assert head.count(b"\nSubject:") + head.startswith(b"Subject:") == 1
    assert "Account t1 has 5 USD" in alerts._write(fall._replace(display_name="")).body


def register(client: Any, address: str, name: str) -> Any:
    return client.post("/user/signup/", {"email": address, "password1": PASSWORD, "account_name": name})


def test_whoever_registers_may_name_the_account(project: str) -> None:
    from tocsin.console.installation import installation
    from tocsin.console.opening import open_account
    from tocsin.console.tenancy import open_change
    from tocsin.schema.models import Membership, User

    client = visit()
    refused = read(register(client, "namer@example.com", BAD[3]))
    assert "Write 80 characters at most" in refused
    assert not User.objects.filter(email="namer@example.com").exists()
    assert register(client, "namer@example.com", f" {NAME}").status_code == 302
    user = User.objects.get(email="namer@example.com")
    with open_change() as conn:
        open_account(conn, installation().settings, user, "127.0.0.1")
    found = Membership.objects.select_related("account").get(user=user).account
    assert found.display_name == NAME
    assert last_audit(project).after["display_name"] == NAME


def test_a_key_gets_another_name(project: str) -> None:
    client, member = log_in()
    client.post("/keys/", {"name": "shop"})
    with psycopg.connect(project) as conn:
        key_id = accounts.list_keys(conn, member.account_id)[0].id
    assert client.post(f"/keys/{key_id}/rename/", {"name": " web  shop "}).status_code == 302
    assert "web shop" in read(client.get("/keys/"))
    entry = last_audit(project)
    assert (entry.action, entry.before["name"], entry.after["name"]) == ("key rename", "shop", "web shop")
    client.post(f"/keys/{key_id}/rename/", {"name": "x" * 61})
    page = read(client.get("/keys/"))
    assert "A name has 60 characters at most" in page
    assert "web shop" in page
    other, _ = log_in()
    assert other.post(f"/keys/{key_id}/rename/", {"name": "mine"}).status_code == 404
    assert log_in("viewer")[0].post(f"/keys/{key_id}/rename/", {"name": "mine"}).status_code == 403
    client.post(f"/keys/{key_id}/revoke/")
    assert client.post(f"/keys/{key_id}/rename/", {"name": "late"}).status_code == 404, "it has ended"
