"""What is done for every request: who calls, what he chose, and a page in place of a database that is away."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import get_language

from tocsin.console.installation import installation
from tocsin.kit.visitor import client_address, is_within, read_visitor

Answer = Callable[[HttpRequest], HttpResponse]
_LOG = logging.getLogger("tocsin.console")
_LONGEST_SENTENCE = 300


class Visitors:
    """REMOTE_ADDR is the visitor's, and the scheme the one he used, where a trusted proxy says so."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer, trusted = str(request.META.get("REMOTE_ADDR", "")), installation().settings.trusted_proxies
        if is_within(read_visitor(peer), trusted):
            request.META["REMOTE_ADDR"] = client_address(peer, request.META.get("HTTP_X_FORWARDED_FOR"), trusted)
            if request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]  # a WSGI request has it
        return self._answer(request)


class DatabaseAway:
    """A loss of the database is a page that says so and comes back by itself; the process stays."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self._answer(request)
        except (OperationalError, InterfaceError) as error:
            return _say_away(error)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Of a view; what other middleware raises comes up by itself."""
        return _say_away(error) if isinstance(error, OperationalError | InterfaceError) else None


def _say_away(error: Exception) -> HttpResponse:
    _LOG.error("the database does not answer: %s", " ".join(str(error).split())[:_LONGEST_SENTENCE])
    answer = HttpResponse(render_to_string("console/away.html"), status=503)  # without the user: he is in the database
    answer["Retry-After"] = "5"
    return answer


class Choices:
    """The language that the user chose; without one it is the browser's."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = getattr(request.user, "language", "")
        if chosen and chosen != get_language():
            translation.activate(chosen)
            request.LANGUAGE_CODE = chosen
        return self._answer(request)
