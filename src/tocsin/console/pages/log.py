"""Message log: newest first, by key and not by offset, so that a deep page costs what the first one costs."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import messaging
from tocsin.console.shown import STATES, show_rows
from tocsin.console.tenancy import Member, member, open_look
from tocsin.messaging import State

PAGE = 50
_WORDS = {"under-way": State.UNDER_WAY, "delivered": State.DELIVERED, "failed": State.FAILED}
_is_id = re.compile("[0-9a-f]{32}").fullmatch
_NO_DIGIT = re.compile(r"\D")


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of the log."""
    number, word, before = (request.GET.get(name, "") for name in ("number", "state", "before"))
    prefix = _NO_DIGIT.sub("", number)[:15]
    asked = messaging.Asked(before if _is_id(before) else messaging.NEWEST, prefix, _WORDS.get(word), PAGE + 1)
    with open_look() as conn:
        rows = messaging.read_log(conn, who.account_id, asked)
    more = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        more = "?" + urlencode({"number": prefix, "state": word, "before": rows[-1].id})
    facts = {
        "rows": show_rows(rows), "more": more, "number": prefix, "state": word, "deep": asked.before != messaging.NEWEST,
        "states": [(name, STATES[state]) for name, state in _WORDS.items()],
    }  # fmt: skip
    return render(request, "console/messages.html", facts)
