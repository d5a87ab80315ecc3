"""Replies of terminal users: newest first, by key, each with the message that it answers, what it changed, and its push."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import compliance, messaging, webhooks
from tocsin.compliance import OptOut
from tocsin.console.lazy import StrPromise
from tocsin.console.rights import CONTENTS
from tocsin.console.tenancy import Member, member, open_look
from tocsin.kit.clock import UTC
from tocsin.messaging import ReplyPlace, ReplyRow

PAGE: Final = 50
_NO_DIGIT = re.compile(r"\D")
_read_place = re.compile(r"([0-9]{1,19})-([0-9a-f]{32})").fullmatch
_PUSHES: Final[dict[str, tuple[StrPromise, str]]] = {
    "pushed": (_("pushed"), "green"),
    "waiting": (_("waits to be pushed"), "azure"),
    "aside": (_("set aside: your server cannot take it"), "red"),
    "tried": (_("not acknowledged"), "red"),
}


class Shown(NamedTuple):
    """A reply in words. effect: what it changed; push: what became of its push, and the colour of that."""

    reply: ReplyRow
    content: str
    effect: StrPromise | str
    push: tuple[StrPromise, str] | None


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of them."""
    typed = {name: request.GET.get(name, "").replace("\x00", "").strip()[:64] for name in ("number", "sender")}
    place = _read_place(request.GET.get("before", ""))
    before: ReplyPlace = (place[1], place[2]) if place and int(place[1]) < 1 << 63 else messaging.NEWEST_REPLY
    numbers = (_NO_DIGIT.sub("", typed["number"])[:15], typed["sender"].removeprefix("+"))
    with open_look() as conn:
        found = messaging.list_replies(conn, who.account_id, before, numbers, PAGE)
        written = [(row.id, datetime.fromtimestamp(messaging.time_of(row.id), UTC)) for row in found.rows]
        pushes = webhooks.trace_pushes(conn, who.account_id, "uplink", written)
    older = urlencode({**typed, "before": "-".join(found.next)}) if found.next else ""
    facts = {
        "typed": typed,
        "filtered": any(typed.values()),
        "rows": [_show(row, pushes, reads=CONTENTS in who.can) for row in found.rows],
        "older": f"?{older}" if older else "",
        "full": found.full,
        "deep": before != messaging.NEWEST_REPLY,
        "has_endpoint": pushes is not None,
        "readable": CONTENTS in who.can,
    }
    return render(request, "console/replies.html", facts)


def _show(row: ReplyRow, pushes: webhooks.Pushes | None, *, reads: bool) -> Shown:
    choice = compliance.read_reply(row.content) if row.message_id else None
    effect: StrPromise | str = ""
    if choice is not None:
        effect = _("opted out of marketing") if isinstance(choice, OptOut) else _("opted in again")
    state = pushes.state_of(row.id) if pushes is not None else ""
    return Shown(row, row.content if reads else "", effect, _PUSHES.get(state))
