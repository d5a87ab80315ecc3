"""The way into an account: an invitation's link, the choice among one's accounts, and the page of those who are in none."""

from __future__ import annotations

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.console import invitations
from tocsin.console.rights import ROLES
from tocsin.console.tenancy import CHOICE, Member, find_member, member, open_change, person
from tocsin.schema.models import Invitation, User

_LONGEST_NAME = 80


class Newcomer(forms.Form):
    """What somebody new is asked: a password, and what to call him."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=_LONGEST_NAME, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    password = forms.CharField(
        label=gettext_lazy("Password"), max_length=4096, strip=False, help_text=password_validators_help_text_html,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )  # fmt: skip

    def __init__(self, address: str, *words: object, **named: object) -> None:
        super().__init__(*words, **named)  # type: ignore[arg-type]  # Django's own
        self._address = address

    def clean_password(self) -> str:
        """A password that the rules of registration take."""
        password = str(self.cleaned_data["password"])
        validate_password(password, User(email=self._address))
        return password


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, token: str) -> HttpResponse:
    """An invitation: read by GET, accepted by POST."""
    found = invitations.find_open(token)
    if found is None:
        return render(request, "console/joining.html", {"found": None}, status=404)
    if request.user.is_authenticated:
        return _join(request, request.user, found, token)
    if invitations.find_user(found.address) is not None:
        return _show(request, found, None)
    form = Newcomer(found.address, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _show(request, found, form)
    return _register(request, found, form, token)


def _show(request: HttpRequest, found: Invitation, form: Newcomer | None) -> HttpResponse:
    role, means = ROLES[found.role]
    return render(request, "console/joining.html", {"found": found, "form": form, "role": role, "means": means})


def _join(request: HttpRequest, user: User, found: Invitation, token: str) -> HttpResponse:
    if request.method != "POST" or user.email.lower() != found.address:
        return _show(request, found, None)
    with open_change() as conn:
        accepted = invitations.accept(conn, user, token)
    if accepted is None:
        return render(request, "console/joining.html", {"found": None}, status=404)
    return _enter(request, accepted)


def _register(request: HttpRequest, found: Invitation, form: Newcomer, token: str) -> HttpResponse:
    with open_change() as conn:
        user = invitations.make_user(found.address, form.cleaned_data["password"], form.cleaned_data["name"])
        accepted = invitations.accept(conn, user, token)
        if accepted is None:  # another request was first, between the look and the lock
            transaction.set_rollback(True)
    if accepted is None:
        return render(request, "console/joining.html", {"found": None}, status=404)
    request.way_in = "invitation"  # type: ignore[attr-defined]  # for console/signins.py
    answer = perform_login(request, user, email_verification="none")
    if request.user.is_authenticated:
        return _enter(request, accepted)
    return answer  # type: ignore[no-any-return]  # a stage of the log-in: a second factor


def _enter(request: HttpRequest, accepted: Invitation) -> HttpResponse:
    request.session[CHOICE] = accepted.account_id
    facts = {"account": accepted.account.display_name or accepted.account.name, "role": ROLES[accepted.role][0]}
    messages.success(request, _("Welcome to the account %(account)s. Your role: %(role)s.") % facts)
    return redirect("home")


@require_POST
@member()
def choose(request: HttpRequest, who: Member, account_id: int) -> HttpResponse:
    """Work in another of one's accounts; one that is none of his is not found."""
    if all(seat.account_id != account_id for seat in who.seats):
        raise Http404
    request.session[CHOICE] = account_id
    return redirect("home")


@require_safe
@never_cache
@person
def show_none(request: HttpRequest) -> HttpResponse:
    """For those who are in no account any more."""
    if find_member(request) is not None or request.user.opens_account:  # type: ignore[union-attr]  # he is logged in
        return redirect("home")
    return render(request, "console/no_account.html")
