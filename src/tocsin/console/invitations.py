"""Invitations to an account: a link by mail, for one address, once, for seven days. The database has the link's hash alone.

Who holds the link reads the mailbox: that verifies the address. The link is shown to nobody else, not even to who invites.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from datetime import timedelta
from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.core.mail import send_mail
from django.http import Http404, HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tocsin import audit
from tocsin.console.database_now import database_now
from tocsin.console.installation import installation
from tocsin.console.memberships import join, lock_account, lock_team
from tocsin.console.rights import ROLES
from tocsin.console.tenancy import Conn, Member
from tocsin.schema.models import Invitation, Membership, User

VALID = timedelta(days=7)
MOST = 200  # members and open invitations of an account
_MAIL = "console/mails/invitation.txt"
_LOG = logging.getLogger("tocsin.console")


class Invited(NamedTuple):
    """An invitation with what its link carries, which is known this once; or why there is none."""

    invitation: Invitation | None
    token: str
    trouble: str = ""


def hash_token(token: str) -> str:
    """As it is stored. The token has 256 random bits: it needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def invite(conn: Conn, who: Member, address: str, role: str) -> Invited:
    """Invite an address; one that is invited already gets a new link and the new role."""
    account = lock_team(who)
    address = address.lower()
    if Membership.objects.filter(account=account, user__email__iexact=address).exists():
        return Invited(None, "", _("%(address)s is in the team already.") % {"address": address})
    seats = Membership.objects.filter(account=account).count()
    if seats + Invitation.objects.filter(account=account).exclude(address=address).count() >= MOST:
        return Invited(None, "", _("A team has %(most)s members and invitations at most.") % {"most": MOST})
    token, facts = _describe_link()
    found, _new = Invitation.objects.update_or_create(
        account=account, address=address, defaults={**facts, "role": role, "invited_by": who.user}
    )
    _record(conn, who.user, "member invite", found, made=True)
    return Invited(found, token)


def renew(conn: Conn, who: Member, invitation_id: int) -> Invited:
    """A new link for an invitation; the old one ends. Another account's is not found."""
    lock_team(who)
    found = _find(who, invitation_id)
    token, facts = _describe_link()
    Invitation.objects.filter(id=found.id).update(**facts)
    _record(conn, who.user, "member invite", found, made=True)
    return Invited(found, token)


def withdraw(conn: Conn, who: Member, invitation_id: int) -> str:
    """End an invitation; its address. Another account's is not found."""
    lock_team(who)
    found = _find(who, invitation_id)
    _record(conn, who.user, "member invite withdraw", found, made=False)
    found.delete()
    return found.address


def find_open(token: str) -> Invitation | None:
    """The invitation behind a link, unless it is used, withdrawn or over."""
    return (
        Invitation.objects.select_related("account", "invited_by")
        .filter(token_hash=hash_token(token), expires_at__gt=database_now())
        .first()
    )


def accept(conn: Conn, user: User, token: str) -> Invitation | None:
    """Let the user in and use the link up. None: it is no good any more, or for another address."""
    found = find_open(token)
    if found is None:
        return None
    account = lock_account(found.account_id)
    found = find_open(token)  # another request may have used it meanwhile
    if found is None or found.address != user.email.lower():
        return None
    join(conn, user, account, found.role)
    found.delete()
    return found


def find_user(address: str) -> User | None:
    """The user who has shown that the address is his. One who never did may be anybody: the link makes him start anew."""
    known = EmailAddress.objects.select_related("user").filter(email__iexact=address, verified=True, primary=True)
    found = known.first()
    return found.user if found else None


def make_user(address: str, password: str, name: str) -> User:
    """The user of an address that his link has verified, with a password that he chose now."""
    user = User.objects.filter(email__iexact=address).first() or User(email=address)
    user.name, user.language = name, user.language or (get_language() or "")
    user.set_password(password)
    user.save()
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=address, verified=True, primary=True)
    return user


def send(request: HttpRequest, who: Member, invited: Invited) -> bool:
    """Mail the link, outside of any transaction. False: the mail server did not take it; the log says why."""
    found = invited.invitation
    assert found is not None  # for the type checker: the caller looked
    path = reverse("invitation", args=[invited.token])
    site = installation().settings.console_url
    reader = find_user(found.address)
    with translation.override((reader.language if reader else "") or get_language()):
        facts = {
            "account": who.title,
            "role": ROLES[found.role][0],
            "means": ROLES[found.role][1],
            "inviter": who.user.email,
            "url": site.rstrip("/") + path if site else request.build_absolute_uri(path),
            "days": VALID.days,
        }
        subject = _("%(inviter)s invites you to %(account)s on Tocsin") % facts
        try:
            return send_mail(subject, render_to_string(_MAIL, facts), None, [found.address]) > 0
        except OSError as error:
            _LOG.error("an invitation was not sent: %s", error)
            return False


def _describe_link() -> tuple[str, dict[str, object]]:
    token, now = secrets.token_urlsafe(32), database_now()
    return token, {"token_hash": hash_token(token), "sent_at": now, "expires_at": now + VALID}


def _find(who: Member, invitation_id: int) -> Invitation:
    found = Invitation.objects.filter(id=invitation_id, account_id=who.account_id).select_related("account").first()
    if found is None:
        raise Http404
    return found


def _record(conn: Conn, actor: User, verb: str, found: Invitation, *, made: bool) -> None:
    facts = {"address": found.address, "role": found.role}
    before, after = (None, facts) if made else (facts, None)
    audit.record(conn, f"user {actor.id}", verb, f"account {found.account.name}", before, after)
