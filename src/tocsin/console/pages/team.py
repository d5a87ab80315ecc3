"""Team: who is in the account, in which role; invitations; what the account asks of its members. Changes are for owners."""

from __future__ import annotations

from typing import NamedTuple

from allauth.core import ratelimit
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit
from tocsin.console import invitations, memberships
from tocsin.console.invitations import Invited
from tocsin.console.rights import ROLES, TEAM
from tocsin.console.tenancy import CHOICE, SECOND, Member, find_member, member, open_change
from tocsin.kit import clock
from tocsin.schema.models import Invitation, Membership

_LONGEST = 254  # characters of an address


class Typed(NamedTuple):
    """What stands in the invitation's form, and what is wrong with it."""

    address: str = ""
    role: str = "developer"
    trouble: str = ""


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The team."""
    return _show(request, who, Typed())


def _show(request: HttpRequest, who: Member, typed: Typed) -> HttpResponse:
    has_second = Authenticator.objects.filter(user=OuterRef("user"), type__in=SECOND)
    found = Membership.objects.filter(account_id=who.account_id).select_related("user")
    facts: dict[str, object] = {
        "rows": found.annotate(has_second=Exists(has_second)).order_by("id"),
        "roles": [(name, *words) for name, words in ROLES.items()],
        "typed": typed,
    }
    if TEAM in who.can:
        waiting = Invitation.objects.filter(account_id=who.account_id).select_related("invited_by")
        facts |= {"invitations": waiting.order_by("id"), "now": clock.now(), "days": invitations.VALID.days}
    return render(request, "console/team.html", facts)


@require_POST
@never_cache
@member(TEAM)
def invite(request: HttpRequest, who: Member) -> HttpResponse:
    """Invite an address, and mail it the link."""
    typed = Typed(request.POST.get("address", "").strip()[: _LONGEST + 1], request.POST.get("role", ""))
    trouble = _find_trouble(typed)
    if not trouble and not _may_mail(request, who, typed.address):
        trouble = _("Too many invitations in a short time. Try again later.")
    if not trouble:
        with open_change() as conn:
            invited = invitations.invite(conn, who, typed.address, typed.role)
        trouble = invited.trouble
        if not trouble:
            return _mail(request, who, invited)
    return _show(request, who, typed._replace(trouble=trouble))


def _find_trouble(typed: Typed) -> str:
    if typed.role not in ROLES:
        return _("Choose a role.")
    try:
        validate_email(typed.address)
    except ValidationError:
        return _("That is no email address.")
    return _("That is no email address.") if len(typed.address) > _LONGEST else ""


def _may_mail(request: HttpRequest, who: Member, address: str) -> bool:
    """Neither many mails of one account, nor many to one mailbox."""
    return bool(
        ratelimit.consume(request, action="invite", key=f"account {who.account_id}")
        and ratelimit.consume(request, action="invite_address", key=address.lower())
    )


def _mail(request: HttpRequest, who: Member, invited: Invited) -> HttpResponse:
    address = invited.invitation.address if invited.invitation else ""
    if invitations.send(request, who, invited):
        messages.success(request, _("The invitation is on its way to %(address)s.") % {"address": address})
    else:
        messages.error(
            request, _("The mail to %(address)s could not be sent. Send it again later.") % {"address": address}
        )
    return redirect("team")


@require_POST
@member(TEAM)
def send_again(request: HttpRequest, who: Member, invitation_id: int) -> HttpResponse:
    """A new link for an open invitation; the old one ends."""
    found = Invitation.objects.filter(id=invitation_id, account_id=who.account_id).first()
    if found is None:
        raise Http404
    if not _may_mail(request, who, found.address):
        messages.error(request, _("Too many invitations in a short time. Try again later."))
        return redirect("team")
    with open_change() as conn:
        invited = invitations.renew(conn, who, invitation_id)
    return _mail(request, who, invited)


@require_POST
@member(TEAM)
def withdraw(request: HttpRequest, who: Member, invitation_id: int) -> HttpResponse:
    """End an open invitation."""
    with open_change() as conn:
        address = invitations.withdraw(conn, who, invitation_id)
    messages.success(request, _("The invitation of %(address)s is withdrawn.") % {"address": address})
    return redirect("team")


@require_POST
@member(TEAM)
def change_role(request: HttpRequest, who: Member, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    role = request.POST.get("role", "")
    if not Membership.objects.filter(id=membership_id, account_id=who.account_id).exists():
        raise Http404
    if role not in ROLES:
        messages.error(request, _("Choose a role."))
        return redirect("team")
    with open_change() as conn:
        done = memberships.change_role(conn, who, membership_id, role)
    return _tell(request, _("The role is changed."), done=done)


@require_POST
@member(TEAM)
def remove(request: HttpRequest, who: Member, membership_id: int) -> HttpResponse:
    """Take a member out of the account."""
    with open_change() as conn:
        done = memberships.remove(conn, who, membership_id)
    return _tell(request, _("The member is removed."), done=done)


@require_POST
@member()
def leave(request: HttpRequest, who: Member) -> HttpResponse:
    """Go out of the account."""
    with open_change() as conn:
        done = memberships.leave(conn, who)
    if not done:
        return _tell(request, "", done=False)
    request.session.pop(CHOICE, None)
    messages.success(request, _("You have left the account %(account)s.") % {"account": who.title})
    return redirect("home" if find_member(request) else "no-account")


def _tell(request: HttpRequest, words: str, *, done: bool) -> HttpResponse:
    if done:
        messages.success(request, words)
    else:
        messages.error(request, _("An account needs an owner: make somebody else one first."))
    return redirect("team")


@require_POST
@member(TEAM)
def ask_second(request: HttpRequest, who: Member) -> HttpResponse:
    """Ask a second factor of every member, or no longer. Who asks has one: else he would shut himself out."""
    wanted = request.POST.get("second_factor") == "on"
    if wanted and not Authenticator.objects.filter(user=who.user, type__in=SECOND).exists():
        messages.error(request, _("Set up a second factor of your own first."))
        return redirect("team")
    with open_change() as conn:
        account = memberships.lock_team(who)
        before, account.second_factor = account.second_factor, wanted
        account.save(update_fields=["second_factor"])
        facts = [{"second_factor": value} for value in (before, wanted)]
        audit.record(conn, f"user {who.user.id}", "account second factor", f"account {who.account}", *facts)
    words = (
        _("Every member needs a second factor now.") if wanted else _("A second factor is each member's choice now.")
    )
    messages.success(request, words)
    return redirect("team")
