"""One message: what it says, what it cost, and its time line, live while it is under way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import billing, messaging, routing, webhooks
from tocsin.console import explained, timeline
from tocsin.console.contents import may_hold_code, read_text
from tocsin.console.rights import CODES, CONTENTS
from tocsin.console.shown import show_rows
from tocsin.console.tenancy import Member, member, open_look
from tocsin.content import is_html, measure
from tocsin.kit import clock
from tocsin.kit.clock import UTC
from tocsin.messaging import KINDS, State, Trace
from tocsin.traffic import Product
from tocsin.webhooks import Pushes

_SOON: Final = timedelta(minutes=2)
"""So long a page that shows something under way asks often, and for a push that has not come."""
_is_id = re.compile("[0-9a-f]{32}").fullmatch


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member, message_id: str) -> HttpResponse:
    """The page. Another account's message is not found."""
    return render(request, "console/message.html", _describe(who, message_id))


@require_safe
@never_cache
@member()
def show_now(request: HttpRequest, who: Member, message_id: str) -> HttpResponse:
    """The part of it that changes."""
    return render(request, "console/_trace.html", _describe(who, message_id))


def _describe(who: Member, message_id: str) -> dict[str, object]:
    with open_look() as conn:
        trace = messaging.trace_message(conn, who.account_id, message_id) if _is_id(message_id) else None
        if trace is None:
            raise Http404
        ended = [(message_id, trace.reports[-1].at)] if trace.reports and trace.row.ended_at else []
        pushes = webhooks.trace_pushes(conn, who.account_id, KINDS[Product(trace.row.product)], ended)
        kinds = {channel.id: channel.kind for channel in routing.list_channels(conn)}
    reader = timeline.Reader(kinds, who.currency, CONTENTS in who.can)
    push = pushes.state_of(message_id) if pushes is not None and ended else ""
    channel_id = trace.submitted[-1].channel_id if trace.submitted else trace.channel_id
    return {
        "trace": trace,
        "row": show_rows([trace.row])[0],
        "ended": trace.row.ended_at is not None,
        "steps": timeline.tell(trace, pushes, reader),
        "push": push,
        "pushes": pushes,
        "waiting_push": next(iter(pushes.waiting), None) if pushes is not None else None,
        "every_s": _find_pause(trace, pushes, push),
        "now": clock.now(),
        "kind": explained.KINDS.get(kinds.get(channel_id, ""), kinds.get(channel_id, "")),
        "priority": explained.PRIORITIES[trace.priority],
        "price": billing.text_of(trace.price_micros),
        "refund": billing.text_of(trace.reports[-1].refund_micros if trace.reports else 0),
        "minutes": trace.reports[-1].billed if trace.reports and _is_voice(trace) else 0,
        "refused": trace.row.state is State.FAILED and not trace.reports,
        **_describe_said(who, trace),
    }


def _is_voice(trace: Trace) -> bool:
    return trace.row.product in {Product.VOICE_NOTICE, Product.VOICE_OTP}


def _describe_said(who: Member, trace: Trace) -> dict[str, object]:
    """The text as far as the role may read it."""
    said, product = trace.said, trace.row.product
    kind = (trace.priority, product)
    size = measure(said.content)
    text = {"title": read_text(said.title, kind, who.can), "content": read_text(said.content, kind, who.can)}
    return {
        "readable": CONTENTS in who.can,
        "masked": CODES not in who.can and may_hold_code(*kind),
        "codes_masked": text != {"title": said.title, "content": said.content},
        "said": text,
        "html": is_html(said.content),
        "encoding": ("UCS-2" if size.ucs2 else "GSM-7") if product == Product.SMS else "",
        "units": size.units,
    }


def _find_pause(trace: Trace, pushes: Pushes | None, push: str) -> int:
    """Seconds until the page asks again; 0: nothing more is to be expected."""
    age = clock.now() - datetime.fromtimestamp(trace.row.ended_at or trace.row.accepted_at, UTC)
    if trace.row.ended_at is None:
        return 1 if age < _SOON else 10
    if pushes is not None and not pushes.paused and trace.reports and push in {"", "waiting"} and age < _SOON:
        return 2
    return 0
