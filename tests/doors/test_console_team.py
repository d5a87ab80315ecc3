"""Team: roles, invitations, several accounts, nobody's account, a second factor that is asked of all."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.doors.console import change, log_in, read
from tests.poll import until_sync
from tocsin.kit import clock

LINK = re.compile(r"/invitation/([\w-]{43})/")
ROLES = ["owner", "developer", "finance", "viewer"]
PASSWORD = "a lamp by the window"


def visit(**options: Any) -> Any:
    from django.test import Client

    return Client(**options)


def add_member(account: Any, role: str) -> tuple[Any, Any]:
    """A user of an own account who is a member of this one too; his client works in it."""
    from tocsin.schema.models import Membership

    client, own = log_in()
    made = Membership.objects.create(user=own.user, account=account, role=role)
    client.post(f"/account/{account.id}/")
    return client, made


def invite(owner: Any, address: str, role: str = "viewer") -> str:
    """The token of the link that was mailed."""
    from tocsin.schema.models import LocalMail

    assert owner.post("/team/invite/", {"address": address, "role": role}).status_code == 302
    mail = LocalMail.objects.filter(to=address.lower()).order_by("-id")[0]
    found = LINK.search(mail.body)
    assert found, mail.body
    return found[1]


def count_waiting(conn: psycopg.Connection[Any]) -> int:
    """Statements of this database that wait for a lock."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(conn.execute(asked).fetchall()[0][0])


def list_team(account_id: int) -> dict[str, str]:
    from tocsin.schema.models import Membership

    return dict(Membership.objects.filter(account_id=account_id).values_list("user__email", "role"))


def add_second(user: Any) -> None:
    """An authenticator app, set up."""
    from allauth.mfa.models import Authenticator

    from tocsin.console.installation import installation

    Authenticator.objects.create(user=user, type="totp", data={"secret": installation().seal.seal("JBSWY3DPEHPK3PXP")})


def list_deeds(dsn: str, account: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        return [
            row[0]
            for row in conn.execute(
                "SELECT action FROM audit_entry WHERE subject = %s ORDER BY id", (f"account {account}",)
            )
        ]


def test_somebody_new_joins_by_the_link_and_gets_no_account_of_his_own(project: str) -> None:
    from allauth.account.models import EmailAddress

    from tocsin.schema.models import Invitation, Membership, StartBalance

    owner, me = log_in()
    given = StartBalance.objects.count()
    token = invite(owner, "New.Person@example.com", "developer")
    stored = Invitation.objects.get(account=me.account)
    assert token not in stored.token_hash
    assert stored.expires_at - clock.now() < timedelta(days=7)
    assert "new.person@example.com" in read(owner.get("/team/"))
    guest = visit()
    page = read(guest.get(f"/invitation/{token}/"))
    assert me.account.name in page
    assert "Developer" in page
    weak = guest.post(f"/invitation/{token}/", {"name": "Nell", "password": "short"})
    assert "too short" in read(weak)
    assert 'value="Nell"' in read(weak), "what was typed stays"
    assert guest.post(f"/invitation/{token}/", {"name": "Nell", "password": PASSWORD})["Location"] == "/"
    assert list_team(me.account_id)["new.person@example.com"] == "developer"
    assert guest.get("/keys/").status_code == 200
    found = Membership.objects.get(user__email="new.person@example.com")
    assert found.account_id == me.account_id, "his only one"
    assert EmailAddress.objects.get(user=found.user).verified
    assert StartBalance.objects.count() == given
    assert visit().get(f"/invitation/{token}/").status_code == 404, "it works once"
    assert list_deeds(project, me.account.name) == ["member invite", "member join"]


def test_a_user_joins_a_second_account_and_chooses_between_them(project: str) -> None:
    from allauth.account.models import EmailAddress

    owner, me = log_in()
    guest, own = log_in()
    EmailAddress.objects.create(user=own.user, email=own.user.email, verified=True, primary=True)
    token = invite(owner, own.user.email)
    assert "Log in as" in read(visit().get(f"/invitation/{token}/")), "a link alone sets nobody's password"
    assert "Log in as" in read(visit().post(f"/invitation/{token}/", {"password": PASSWORD}))
    assert list_team(me.account_id) == {me.user.email: "owner"}
    assert guest.get(f"/invitation/{token}/").status_code == 200
    assert list_team(me.account_id) == {me.user.email: "owner"}, "looking at it accepts nothing"
    guest.post(f"/invitation/{token}/")
    assert guest.get("/keys/").status_code == 403, "he is there, a viewer"
    guest.post(f"/account/{own.account_id}/")
    assert guest.get("/keys/").status_code == 200
    assert me.account.name in read(guest.get("/messages/")), "the other one is offered"
    _, stranger = log_in()
    assert guest.post(f"/account/{stranger.account_id}/").status_code == 404
    assert own.account.name in read(guest.get("/keys/"))
    session = guest.session
    session["account"] = stranger.account_id
    session.save()
    assert stranger.account.name not in read(guest.get("/messages/"))
    assert guest.get("/keys/").status_code == 200, "an unknown choice falls back to the first account, his own"


def test_an_invitation_is_for_its_address_alone(project: str) -> None:
    from tocsin.console import invitations
    from tocsin.console.tenancy import open_change

    owner, me = log_in()
    other, him = log_in()
    token = invite(owner, "somebody.else@example.com")
    page = read(other.get(f"/invitation/{token}/"))
    assert "somebody.else@example.com" in page
    assert "Log out and go on" in page
    assert "Log out and go on" in read(other.post(f"/invitation/{token}/")), "told again, not only refused"
    with open_change() as conn:
        assert invitations.accept(conn, him.user, token) is None
    assert him.user.email not in list_team(me.account_id)
    assert visit().get(f"/invitation/{'x' * 43}/").status_code == 404


def test_who_registered_without_a_code_starts_anew_by_the_link(project: str) -> None:
    from allauth.account.models import EmailAddress

    from tocsin.schema.models import User

    owner, me = log_in()
    squatter = User.objects.create_user("squatted@example.com", "the squatter's own")
    EmailAddress.objects.create(user=squatter, email=squatter.email, verified=False, primary=True)
    token = invite(owner, "squatted@example.com")
    visit().post(f"/invitation/{token}/", {"password": PASSWORD})
    found = User.objects.get(id=squatter.id)
    assert found.check_password(PASSWORD)
    assert not found.check_password("the squatter's own")
    assert list_team(me.account_id)["squatted@example.com"] == "viewer"


def test_an_invitation_ends_by_time_by_a_new_link_and_by_withdrawal(project: str) -> None:
    from tocsin.schema.models import Invitation

    owner, me = log_in()
    first = invite(owner, "later@example.com")
    found = Invitation.objects.get(account=me.account)
    assert owner.post(f"/team/invitations/{found.id}/send/").status_code == 302
    assert visit().get(f"/invitation/{first}/").status_code == 404
    second = invite(owner, "later@example.com", "finance")
    assert Invitation.objects.get(account=me.account).role == "finance", "one for an address"
    Invitation.objects.filter(id=found.id).update(expires_at=clock.now() - timedelta(seconds=1))
    assert visit().get(f"/invitation/{second}/").status_code == 404
    assert visit().post(f"/invitation/{second}/", {"password": PASSWORD}).status_code == 404
    assert "expired" in read(owner.get("/team/"))
    third = invite(owner, "later@example.com")
    stranger, _ = log_in()
    assert stranger.post(f"/team/invitations/{found.id}/withdraw/").status_code == 404
    assert stranger.post(f"/team/invitations/{found.id}/send/").status_code == 404
    assert visit().get(f"/invitation/{third}/").status_code == 200
    assert owner.post(f"/team/invitations/{found.id}/withdraw/").status_code == 302
    assert visit().get(f"/invitation/{third}/").status_code == 404


@pytest.mark.parametrize(
    ("typed", "trouble"),
    [
        ({"address": "no address", "role": "viewer"}, "no email address"),
        ({"address": f"{'a' * 250}@example.com", "role": "viewer"}, "no email address"),
        ({"address": "a@example.com", "role": "king"}, "Choose a role"),
    ],
)
def test_what_is_typed_wrong_is_told_and_stays(project: str, typed: dict[str, str], trouble: str) -> None:
    owner, me = log_in()
    page = read(owner.post("/team/invite/", typed))
    assert trouble in page
    assert f'value="{typed["address"][:200]}' in page
    assert trouble in read(owner.post("/team/invite/", typed)), "the same at the second try"
    assert f"{me.user.email} is in the team" in read(
        owner.post("/team/invite/", {"address": me.user.email.upper(), "role": "viewer"})
    )


def test_invitations_to_a_mailbox_are_throttled(project: str) -> None:
    owner, _ = log_in()
    for _turn in range(5):
        invite(owner, "bombed@example.com")
    assert "Too many invitations" in read(
        owner.post("/team/invite/", {"address": "bombed@example.com", "role": "viewer"})
    )
    other, _ = log_in()
    again = other.post("/team/invite/", {"address": "Bombed@example.com", "role": "viewer"})
    assert "Too many invitations" in read(again), "of another account, too"
    assert other.post("/team/invite/", {"address": "calm@example.com", "role": "viewer"}).status_code == 302


def test_roles_change_and_an_owner_stays(project: str) -> None:
    owner, me = log_in()
    dev, him = add_member(me.account, "viewer")
    assert dev.get("/keys/").status_code == 403
    owner.post(f"/team/{him.id}/role/", {"role": "developer"})
    assert dev.get("/keys/").status_code == 200, "at once"
    owner.post(f"/team/{him.id}/role/", {"role": "king"})
    assert list_team(me.account_id)[him.user.email] == "developer"
    for path, body in (
        (f"/team/{me.id}/role/", {"role": "viewer"}),
        (f"/team/{me.id}/remove/", {}),
        ("/team/leave/", {}),
    ):
        assert "needs an owner" in read(owner.post(path, body, follow=True))
    assert list_team(me.account_id)[me.user.email] == "owner"
    assert dev.post(f"/team/{me.id}/remove/").status_code == 403
    owner.post(f"/team/{him.id}/role/", {"role": "owner"})
    owner.post(f"/team/{me.id}/role/", {"role": "finance"})
    assert list_team(me.account_id) == {me.user.email: "finance", him.user.email: "owner"}
    assert owner.post(f"/team/{him.id}/remove/").status_code == 403
    assert list_deeds(project, me.account.name) == ["member role"] * 3


def test_a_removed_member_is_outside_at_once_and_opens_no_account(project: str) -> None:
    from tocsin.schema.models import Membership

    owner, me = log_in()
    guest, him = add_member(me.account, "developer")
    Membership.objects.filter(user=him.user).exclude(id=him.id).delete()
    assert guest.get("/keys/").status_code == 200
    assert owner.post(f"/team/{him.id}/remove/").status_code == 302
    for path in ("/keys/", "/?stay", "/team/"):
        assert guest.get(path)["Location"] == "/no-account/"
    assert "in no account" in read(guest.get("/no-account/"))
    part = guest.post("/quick-start/key/", HTTP_HX_REQUEST="true")
    assert part["HX-Redirect"] == "/no-account/", "a part of a page is not filled with a whole one"
    assert not Membership.objects.filter(user=him.user).exists()
    assert guest.get("/security/").status_code == 200
    assert guest.get("/preferences/").status_code == 200
    token = invite(owner, him.user.email)
    guest.post(f"/invitation/{token}/")
    assert guest.get("/messages/").status_code == 200, "and is welcome again"


def test_a_member_leaves(project: str) -> None:
    _, me = log_in()
    guest, him = add_member(me.account, "viewer")
    assert guest.post("/team/leave/")["Location"] == "/"
    assert him.user.email not in list_team(me.account_id)
    assert f"You have left the account {me.account.name}" in read(guest.get("/messages/"))
    assert me.account.name not in read(guest.get("/messages/"))


def test_two_owners_who_go_at_once_leave_one(project: str) -> None:
    from django.db import connections

    owner, me = log_in()
    other, him = add_member(me.account, "owner")

    def go(client: Any) -> None:
        client.post("/team/leave/")
        connections.close_all()

    threads = [threading.Thread(target=go, args=(client,)) for client in (owner, other)]
    with psycopg.connect(project) as holder, psycopg.connect(project, autocommit=True) as watcher:
        holder.execute("SELECT FROM account WHERE id = %s FOR NO KEY UPDATE", (me.account_id,))
        for thread in threads:
            thread.start()
        until_sync(lambda: count_waiting(watcher) == 2)  # both were let in as owners: now it is the lock that decides
        holder.rollback()
        for thread in threads:
            thread.join(30)
    assert list(list_team(me.account_id).values()) == ["owner"], him


def test_another_accounts_team_is_not_found(project: str) -> None:
    owner, _ = log_in()
    _, me = log_in()
    _, him = add_member(me.account, "viewer")
    assert owner.post(f"/team/{him.id}/role/", {"role": "owner"}).status_code == 404
    assert owner.post(f"/team/{him.id}/role/", {"role": "king"}).status_code == 404
    assert owner.post(f"/team/{him.id}/remove/").status_code == 404
    assert him.user.email not in read(owner.get("/team/"))
    assert list_team(me.account_id)[him.user.email] == "viewer"


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_sees_and_may(project: str, role: str) -> None:
    from tocsin.console.rights import RIGHTS, TEAM

    client, me = log_in(role)
    may = TEAM in RIGHTS[role]
    page = read(client.get("/team/"))
    assert me.user.email in page
    assert ('action="/team/invite/"' in page) is may
    assert ("Open invitations" in page) is may
    posts = ["/team/invite/", f"/team/{me.id}/role/", f"/team/{me.id}/remove/", "/team/second-factor/"]
    assert [client.post(path).status_code != 403 for path in posts] == [may] * 4
    assert client.post("/team/invitations/1/send/").status_code == (404 if may else 403)
    assert client.post("/team/invitations/1/withdraw/").status_code == (404 if may else 403)


RIGHT_OF_PAGE = {"/keys/": "keys"}
"""Pages of the menu that a right opens; the others are open to every role."""


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_has_what_a_role_may_and_the_pages_agree(project: str, role: str) -> None:
    from tocsin.console.menu import describe_menu
    from tocsin.console.rights import RIGHTS

    client, _ = log_in(role)
    every = {
        entry.url for section in describe_menu("/", frozenset().union(*RIGHTS.values())) for entry in section.entries
    }
    shown = set(re.findall(r'class="nav-link" href="([^"?]+)', read(client.get("/messages/")))) - {"/outbox/"}
    assert shown == {entry.url for section in describe_menu("/", RIGHTS[role]) for entry in section.entries}
    for url in every:
        opens = client.get(url, follow=True).status_code == 200
        assert opens is (url in shown), url


def test_rights_are_those_that_are_agreed(project: str) -> None:
    from tocsin.console import rights

    work = {"send", "templates", "lists", "export", "contents", "codes", "keys", "hooks"}
    assert {name: set(can) for name, can in rights.RIGHTS.items()} == {
        "owner": work | {"money", "team"}, "developer": work, "finance": {"money"}, "viewer": {"contents"},
    }  # fmt: skip


def test_a_second_factor_is_asked_of_every_member(project: str) -> None:
    from allauth.mfa.models import Authenticator

    owner, me = log_in()
    guest, him = add_member(me.account, "viewer")
    assert "of your own first" in read(owner.post("/team/second-factor/", {"second_factor": "on"}, follow=True))
    add_second(me.user)
    owner.post("/team/second-factor/", {"second_factor": "on"})
    assert owner.get("/messages/").status_code == 200
    assert guest.get("/messages/")["Location"] == "/security/"
    assert guest.post("/quick-start/key/").status_code == 302
    assert me.account.name in read(guest.get("/security/")), "it says who asks"
    add_second(him.user)
    assert guest.get("/messages/").status_code == 200
    owner.post("/team/second-factor/", {"second_factor": "off"})
    Authenticator.objects.filter(user=him.user).delete()
    assert guest.get("/messages/").status_code == 200
    assert list_deeds(project, me.account.name) == ["account second factor"] * 2


def test_the_mail_is_in_the_readers_language(project: str) -> None:
    from allauth.account.models import EmailAddress

    from tocsin.schema.models import LocalMail

    owner, _ = log_in()
    _, reader = log_in()
    reader.user.language = "zh-hans"
    reader.user.save()
    EmailAddress.objects.create(user=reader.user, email=reader.user.email, verified=True, primary=True)
    invite(owner, reader.user.email)
    mail = LocalMail.objects.filter(to=reader.user.email)[0]
    assert "邀请" in mail.subject
    assert "邀请" in mail.body
    assert re.findall(r"\b(?:invites|Accept|link)\b", mail.body) == []


def test_a_mail_that_cannot_go_is_told(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.schema.models import Invitation

    owner, me = log_in()
    change(monkeypatch, console_outbox="off")
    page = read(owner.post("/team/invite/", {"address": "far@example.com", "role": "viewer"}, follow=True))
    assert "The mail to far@example.com could not be sent" in page
    assert Invitation.objects.filter(account=me.account).count() == 1, "it can be sent again"
