"""Security of a user, in one place: password, second factors, sessions, log-ins. Changes of the first two are allauth's pages."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import login_webauthn
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin.console.lazy import StrPromise
from tocsin.console.signins import FAILURES, SECONDS, WAYS, end_sessions
from tocsin.console.tenancy import find_member, lacks_second, person
from tocsin.kit import clock
from tocsin.schema.models import SignIn, User

_LATEST = 8
_PAGE = 50
_SESSIONS = 50


def begin_passkey(request: HttpRequest) -> HttpResponse:
    """Log in by a passkey. Each look makes a session that keeps the challenge: allauth bounds answers, we bound looks too."""
    if not ratelimit.consume(request, app="allauth.account", action="passkey", limit_get=True):
        return cast(HttpResponse, ratelimit.respond_429(request))
    return cast(HttpResponse, login_webauthn(request))


class Try(NamedTuple):
    """A log-in, or a try, as it is shown."""

    row: SignIn
    how: list[StrPromise]
    failed: StrPromise | str


@require_safe
@never_cache
@person
def show(request: HttpRequest) -> HttpResponse:
    """All of it, with what is on and what is off."""
    user, who = cast(User, request.user), find_member(request)
    latest = _read_tries(user, None, _LATEST + 1)
    facts = {
        **_describe_factors(user),
        "sessions": _list_sessions(user)[:_SESSIONS],
        "this": request.session.session_key,
        "tries": latest[:_LATEST],
        "more": len(latest) > _LATEST,
        "asked": who is not None and lacks_second(who),
    }
    return render(request, "console/security.html", facts)


def _describe_factors(user: User) -> dict[str, Any]:
    found = list(Authenticator.objects.filter(user=user).order_by("id"))
    codes = next((each.wrap() for each in found if each.type == Authenticator.Type.RECOVERY_CODES), None)
    return {
        "totp": next((each for each in found if each.type == Authenticator.Type.TOTP), None),
        "passkeys": [each for each in found if each.type == Authenticator.Type.WEBAUTHN],
        "codes": codes,
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
    }


def _list_sessions(user: User) -> Any:
    """Those that live, the last seen first."""
    alive = Session.objects.filter(expire_date__gt=clock.now()).values("session_key")
    return UserSession.objects.filter(user=user, session_key__in=alive).order_by("-last_seen_at")


def _read_tries(user: User, before: int | None, most: int) -> list[Try]:
    found = SignIn.objects.filter(user=user).order_by("-id")
    if before is not None:
        found = found.filter(id__lt=before)
    return [_show_try(row) for row in found[:most]]


def _show_try(row: SignIn) -> Try:
    if row.failed:
        return Try(row, [], FAILURES.get(row.failed, row.failed))
    how = [WAYS[row.way]] if row.way in WAYS else []
    return Try(row, how + ([SECONDS[row.second]] if row.second in SECONDS else []), "")


@require_safe
@never_cache
@person
def show_tries(request: HttpRequest) -> HttpResponse:
    """All log-ins that are kept, page by page."""
    typed = request.GET.get("before", "")
    before = int(typed) if typed.isdecimal() and len(typed) < 19 else None
    found = _read_tries(cast(User, request.user), before, _PAGE + 1)
    more = found[_PAGE - 1].row.id if len(found) > _PAGE else None
    facts = {"tries": found[:_PAGE], "more": more, "deep": before is not None}
    return render(request, "console/log_ins.html", facts)


@require_POST
@person
def end_session(request: HttpRequest, session_id: int) -> HttpResponse:
    """End one session; another user's is not found."""
    found = UserSession.objects.filter(user=cast(User, request.user), id=session_id).first()
    if found is None:
        raise Http404
    if found.session_key == request.session.session_key:
        messages.error(request, _("This is the session that you are in: log out to end it."))
        return redirect("security")
    found.end()
    messages.success(request, _("The session is ended."))
    return redirect("security")


@require_POST
@person
def end_others(request: HttpRequest) -> HttpResponse:
    """End all sessions but this one."""
    end_sessions(cast(User, request.user), request.session.session_key)
    messages.success(request, _("All other sessions are ended."))
    return redirect("security")
