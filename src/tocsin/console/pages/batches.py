"""Batches of the account: newest first, by key, each with what became of it so far."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import messaging
from tocsin.console.names import PRODUCTS
from tocsin.console.progress import BATCH_STATES, show_batch
from tocsin.console.tenancy import Member, member, open_look
from tocsin.messaging import NEWEST_BATCH, BatchAsk, BatchState
from tocsin.traffic import PRODUCT_NAMES, Product

PAGE = 25
_NAMES = ("number", "product", "state", "from", "to")
_SLOTS = 10_000  # numbers of a millisecond
_is_batch = re.compile(r"[0-9]{17}").fullmatch
_is_key = re.compile(r"[0-9]{1,17}").fullmatch


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of them; the number of a batch leads to it."""
    typed = {name: request.GET.get(name, "").replace("\x00", "").strip()[:40] for name in _NAMES}
    ask, troubles = _read(typed)
    key = request.GET.get("before", "")
    deep = _is_key(key) is not None
    if deep:
        ask = ask._replace(before=min(int(key), ask.before))
    with open_look() as conn:
        if typed["number"] and not troubles:
            if messaging.find_batch(conn, who.account_id, int(typed["number"])):
                return redirect("batch", int(typed["number"]))
            troubles["number"] = _("This account has no such batch.")
        found, after = messaging.page_batches(conn, who.account_id, ask) if not troubles else ([], None)
    given = {name: text for name, text in typed.items() if text}
    facts: dict[str, Any] = {
        "rows": [show_batch(row, who.can) for row in found],
        "typed": typed, "since": typed["from"], "until": typed["to"], "filtered": bool(given), "troubles": troubles, "deep": deep,
        "older": "?" + urlencode({**given, "before": after}) if after else "", "full": len(found) == PAGE,
        "newest": "?" + urlencode(given),
        "products": [(name, PRODUCTS[product]) for name, product in PRODUCT_NAMES.items()],
        "states": [(str(state), words) for state, words in BATCH_STATES.items()],
    }  # fmt: skip
    return render(request, "console/batches.html", facts)


def _read(typed: dict[str, str]) -> tuple[BatchAsk, dict[str, str]]:
    """What is asked; what of it cannot be read, in words."""
    troubles: dict[str, str] = {}
    if typed["number"] and not _is_batch(typed["number"]):
        troubles["number"] = _("A batch number has 17 digits.")
    since, until = (_read_day(typed[name]) for name in ("from", "to"))
    if (typed["from"] and since is None) or (typed["to"] and until is None):
        troubles["day"] = _("Write a day as 2026-01-31.")
    elif since and until and since > until:
        troubles["day"] = _("The last day is before the first.")
    states = {str(state): state for state in BatchState}
    ask = BatchAsk(
        before=_number_of(until + timedelta(days=1)) if until else NEWEST_BATCH,
        low=_number_of(since) if since else 0,
        product=int(PRODUCT_NAMES.get(typed["product"], Product(1))) if typed["product"] in PRODUCT_NAMES else 0,
        state=states.get(typed["state"]),
        limit=PAGE,
    )
    return ask, troubles


def _read_day(text: str) -> date | None:
    """A day of this century."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None


def _number_of(day: date) -> int:
    """The smallest batch number of a day on the visitor's clock."""
    begin = timezone.make_aware(datetime.combine(day, time()))
    return int(begin.timestamp() * 1000) * _SLOTS
