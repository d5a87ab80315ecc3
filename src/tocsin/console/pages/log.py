"""Message log: newest first, by key and not by offset, so that a deep page costs what the first one costs.

A search that has not filled its page when its time is over goes on by itself: the page asks for the next piece (`go_on`).
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import messaging
from tocsin.console.filters import STATE_WORDS, Filter, read_filter, read_key
from tocsin.console.names import PRODUCTS, list_countries
from tocsin.console.shown import STATES, show_rows
from tocsin.console.tenancy import Conn, Member, member, open_look
from tocsin.kit.clock import UTC
from tocsin.messaging import Found
from tocsin.traffic import PRODUCT_NAMES

PAGE = 50


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of the log; the id of a message leads to it."""
    wanted = read_filter(request.GET)
    before = read_key(request.GET.get("before", ""))
    with open_look() as conn:
        if wanted.message_id and messaging.find_message(conn, who.account_id, wanted.message_id):
            return redirect("message", wanted.message_id)
        found = Found([]) if wanted.troubles or wanted.message_id else _search(conn, who, wanted, before, 0)
    typed = wanted.typed
    facts = {
        **_describe(found, wanted, 0),
        "filter": wanted,
        "typed": typed,
        "since": typed["from"],
        "until": typed["to"],
        "deep": before != messaging.NEWEST,
        "states": [(name, STATES[state]) for name, state in STATE_WORDS.items()],
        "products": [(name, PRODUCTS[product]) for name, product in PRODUCT_NAMES.items()],
        "countries": [(str(code), name) for code, name in list_countries()],
        "more_filters": sum(bool(typed[name]) for name in ("product", "country", "batch", "from", "to")),
    }
    return render(request, "console/messages.html", facts)


@require_safe
@never_cache
@member()
def go_on(request: HttpRequest, who: Member) -> HttpResponse:
    """The next piece of a search, for a page that has `had` rows by now."""
    wanted = read_filter(request.GET)
    had = request.GET.get("had", "")
    count = min(int(had), PAGE - 1) if had.isascii() and had.isdigit() and len(had) <= 3 else 0
    with open_look() as conn:
        found = _search(conn, who, wanted, read_key(request.GET.get("before", "")), count)
    return render(request, "console/_search.html", {**_describe(found, wanted, count), "filter": wanted, "piece": True})


def _search(conn: Conn, who: Member, wanted: Filter, before: str, had: int) -> Found:
    asked = wanted.asked
    asked = asked._replace(before=min(before, asked.before), limit=PAGE - had)
    return messaging.search_log(conn, who.account_id, asked)


def _describe(found: Found, wanted: Filter, had: int) -> dict[str, object]:
    """Rows, and what the foot of the table says: whether it goes on by itself, or may be asked to."""
    count = had + len(found.rows)
    query = {**wanted.given, "before": found.next}
    return {
        "rows": show_rows(found.rows),
        "count": count,
        "older": "?" + urlencode(query) if found.next and found.full else "",
        "goes_on": urlencode({**query, "had": count}) if found.next and not found.full else "",
        "search_on": "?" + urlencode(query) if found.next and not found.full else "",
        "back_to": datetime.fromtimestamp(messaging.time_of(found.next), UTC) if found.next else None,
    }
