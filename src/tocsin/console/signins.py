"""Log-ins and tries that failed: written down as allauth tells them, for the user to see. Never a password.

A try with an address that nobody has is nobody's, and is not written down.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_reset, user_logged_in
from allauth.mfa.signals import authentication_failed
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tocsin.console.database_now import database_now
from tocsin.console.installation import installation
from tocsin.console.lazy import StrPromise
from tocsin.kit import clock
from tocsin.schema.models import SignIn, User

MAX_FAILED = 1000
"""Tries of a user that failed and are kept: anybody may try."""
_LONGEST = 200  # characters of a User-Agent line
WAYS: Final[dict[str, StrPromise]] = {
    "password": _("Password"),
    "passkey": _("Passkey"),
    "code": _("Code by mail"),
    "invitation": _("Invitation"),
}
SECONDS: Final[dict[str, StrPromise]] = {
    "totp": _("Authenticator app"),
    "webauthn": _("Passkey"),
    "recovery_codes": _("Recovery code"),
}
FAILURES: Final[dict[str, StrPromise]] = {"password": _("Wrong password"), "second": _("Wrong second factor")}


def note_failure(request: HttpRequest, user: User, failed: str) -> None:
    """A wrong password or second factor of a user who is known."""
    _note(request, user, "password", "", failed)
    tries = SignIn.objects.filter(user=user).exclude(failed="").order_by("-id")
    for oldest in tries.values_list("id", flat=True)[MAX_FAILED : MAX_FAILED + 1]:
        tries.filter(id__lte=oldest).delete()


def find_user(address: str) -> User | None:
    """Whom a try meant."""
    return User.objects.filter(email__iexact=address.strip()).first()


def end_sessions(user: User, besides: str | None) -> int:
    """End the user's sessions but the one with the key `besides`; how many there were."""
    found = UserSession.objects.filter(user=user).exclude(session_key=besides or "")
    ended, _ended = Session.objects.filter(session_key__in=list(found.values_list("session_key", flat=True))).delete()
    found.delete()
    return ended


def connect() -> None:
    """Listen to allauth from now on."""
    user_logged_in.connect(_note_login, dispatch_uid="tocsin")
    authentication_failed.connect(_note_second_failed, dispatch_uid="tocsin")
    password_changed.connect(_end_others, dispatch_uid="tocsin")
    password_reset.connect(_end_others, dispatch_uid="tocsin")


def _note_login(request: HttpRequest, user: User, **_more: Any) -> None:
    records = get_authentication_records(request, user)
    second = next((str(each.get("type", "")) for each in reversed(records) if each["method"] == "mfa"), "")
    way = getattr(request, "way_in", "") or (
        "password" if any(each["method"] == "password" for each in records) else "code"
    )
    if any(each.get("passwordless") for each in records):
        way, second = "passkey", ""
    _note(request, user, way, second, "")
    Session.objects.filter(expire_date__lt=clock.now()).delete()


def _note_second_failed(request: HttpRequest, user: User, **_more: Any) -> None:
    note_failure(request, user, "second")


def _end_others(request: HttpRequest, user: User, **_more: Any) -> None:
    """Django shuts the sessions of an old password out by itself; the list of sessions is to know it."""
    end_sessions(user, request.session.session_key)


def _note(request: HttpRequest, user: User, way: str, second: str, failed: str) -> None:
    SignIn.objects.create(
        user=user, at=database_now(), address=str(request.META["REMOTE_ADDR"]),
        agent=request.META.get("HTTP_USER_AGENT", "")[:_LONGEST], way=way, second=second, failed=failed,
    )  # fmt: skip
    kept = timedelta(days=installation().settings.sign_in_days)
    SignIn.objects.filter(at__lt=database_now() - kept).delete()
