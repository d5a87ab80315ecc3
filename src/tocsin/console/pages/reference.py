"""API reference: every endpoint and push from the OpenAPI document, how to sign with an example of the reader's own, statuses."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin.console.installation import installation
from tocsin.console.reference import read_reference
from tocsin.console.tenancy import Member, member
from tocsin.content import Status
from tocsin.traffic import Reason

_KEY = "0123456789abcdef0123456789abcdef"
_AT = "1795406169"


class Signed(NamedTuple):
    """The signing rule, worked out for an account with a key that is nobody's."""

    account: str
    api_key: str
    at: str
    text: str
    sign: str


def _sign(account: str) -> Signed:
    text = account + _KEY + _AT
    return Signed(account, _KEY, _AT, text, hashlib.md5(text.encode(), usedforsecurity=False).hexdigest())


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The page."""
    facts = {
        "sections": read_reference(),
        "signed": _sign(who.account),
        "api_url": installation().api_url,
        "drawn": _draw(get_language() or "en"),
    }
    return render(request, "console/reference.html", facts)


def _list_ends() -> list[tuple[int, str]]:
    return sorted({(each.end.status, each.end.phrase) for each in Reason}, reverse=True)


@cache
def _draw(language: str) -> str:
    """What is the same for everybody, as HTML: drawn once for a language, whose translation is active."""
    chinese = language.startswith("zh")
    facts = {
        "sections": read_reference(),
        "statuses": [(int(each), each.text, each.text_zh if chinese else "") for each in Status],
        "ends": [(number, text, gettext(text)) for number, text in _list_ends()],
        "chinese": chinese,
    }
    return render_to_string("console/_reference.html", facts)
