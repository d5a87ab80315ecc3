"""What is done for every request: who calls, what he chose, and a page in place of a database that is away."""

from __future__ import annotations

import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import get_language

from tocsin.console.installation import installation
from tocsin.content import find_zone
from tocsin.kit import clock
from tocsin.kit.visitor import client_address, is_within, read_visitor, undress

_SEEN_AGAIN_S = 600
Answer = Callable[[HttpRequest], HttpResponse]


class Visitors:
    """REMOTE_ADDR is the visitor's, and the scheme the one he used, where a trusted proxy says so."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer, trusted = str(request.META.get("REMOTE_ADDR", "")), installation().settings.trusted_proxies
        request.META["REMOTE_ADDR"] = undress(peer)
        if is_within(read_visitor(peer), trusted):
            found = client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR"), trusted)
            # What a proxy calls "unknown" is no address, and is counted as the proxy's.
            request.META["REMOTE_ADDR"] = undress(peer if read_visitor(found) is None else found)
            if request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]  # a WSGI request has it
        return self._answer(request)


def say_broken(_request: HttpRequest) -> HttpResponse:
    """The page of an exception that nobody caught. A lost database is one that says so, and works again by itself.

    Made without the visitor: who he is stands in the database.
    """
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    answer = HttpResponse(render_to_string("console/away.html" if away else "500.html"), status=503 if away else 500)
    if away:
        answer["Retry-After"] = "5"
    return answer


class Choices:
    """The language and the time zone that the user chose; without one they are the browser's."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        if chosen and chosen != get_language():
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        with timezone.override(find_zone(getattr(request.user, "zone", "") or request.COOKIES.get("tocsin_zone", ""))):
            return self._answer(request)


class Seen:
    """When and where a session was seen last, for the list of sessions: written now and then, not for every request."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and clock.now_s() - request.session.get("seen", 0) > _SEEN_AGAIN_S:
            from allauth.usersessions.models import UserSession  # a model: not before Django is set up

            request.session["seen"] = int(clock.now_s())
            UserSession.objects.create_from_request(request)
        return self._answer(request)
