"""What was done with the emails of a batch: opened, clicked, bounced, unsubscribed; by link, country and device; the latest."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import messaging
from tocsin.console.lazy import StrPromise
from tocsin.console.pages.batch import find
from tocsin.console.progress import show_batch, tell_percent
from tocsin.console.rights import CONTENTS
from tocsin.console.tenancy import Member, member, open_look
from tocsin.kit.clock import UTC
from tocsin.messaging import EVENTS_LISTED, NEWEST_EVENT, MailSums, Part, Progress
from tocsin.traffic import Product, ReactionKind, Reason

PAGE = 50
KINDS: dict[ReactionKind, tuple[StrPromise, str]] = {
    ReactionKind.OPENED: (_("Opened"), "green"),
    ReactionKind.CLICKED: (_("Clicked"), "azure"),
    ReactionKind.UNSUBSCRIBED: (_("Unsubscribed"), "yellow"),
    ReactionKind.COMPLAINED: (_("Complained"), "red"),
    ReactionKind.BOUNCED: (_("Bounced"), "red"),
}
_DEVICES: dict[str, StrPromise] = {"desktop": _("Desktop"), "mobile": _("Mobile"), "tablet": _("Tablet")}
_HARD = {Reason.NUMBER_ERROR, Reason.REJECTED, Reason.UNREACHABLE}
"""There is no such mailbox, or its server refuses us."""
_SOFT = {Reason.UNDELIVERED, Reason.SEND_FAILED, Reason.EXPIRED}
"""It took nothing for now, for as long as was tried."""
_is_key = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


class Figure(NamedTuple):
    """How many emails, and their share."""

    title: StrPromise
    emails: int
    share: str
    note: StrPromise | str = ""
    machines: int = 0


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """Of a batch of emails of this account; another is not found."""
    key = request.GET.get("before", "")
    before = key if _is_key(key) else NEWEST_EVENT
    with open_look() as conn:
        row = find(conn, who, batch_no)
        if row.batch.product != Product.EMAIL:
            raise Http404
        sums = messaging.read_mail_sums(conn, who.account_id, batch_no)
        events = messaging.page_mail_events(conn, who.account_id, batch_no, before, PAGE + 1)
    facts: dict[str, Any] = {
        "batch": show_batch(row, who.can),
        "figures": _list_figures(row.progress, sums),
        "links": _show_parts(sums.links) if CONTENTS in who.can else [],
        "reads": CONTENTS in who.can,
        "listed": EVENTS_LISTED,
        "countries": _show_parts(sums.countries),
        "devices": [(_DEVICES.get(name, name or _("unknown")), *rest) for name, *rest in _show_parts(sums.devices)],
        "events": [(KINDS[each.kind], datetime.fromtimestamp(each.at, UTC), each) for each in events[:PAGE]],
        "older": "?" + urlencode({"before": events[PAGE - 1].id}) if len(events) > PAGE else "",
        "deep": before != NEWEST_EVENT,
    }  # fmt: skip
    return render(request, "console/batch_mail.html", facts)


def _list_figures(progress: Progress, sums: MailSums) -> list[Figure]:
    def count(reasons: set[Reason]) -> int:
        return sum(each.messages for each in progress.sums if each.reason in reasons and not each.is_refused)

    sent, delivered = progress.submitted, progress.delivered
    hard, soft = count(_HARD), count(_SOFT)
    figures = [
        Figure(_("Sent"), sent, ""),
        Figure(_("Delivered"), delivered, tell_percent(delivered, sent), _("of what was sent")),
        Figure(_("Bounced hard"), hard, tell_percent(hard, sent), _("no such mailbox, or refused")),
        Figure(_("Bounced soft"), soft, tell_percent(soft, sent), _("full or busy until it was given up")),
    ]
    for kind in (ReactionKind.OPENED, ReactionKind.CLICKED):
        found, machines = sums.people.get(kind, 0), sums.machines.get(kind, 0)
        share = tell_percent(found, delivered)
        figures.append(Figure(KINDS[kind][0], found, share, _("of what was delivered"), machines))
    for kind in (ReactionKind.UNSUBSCRIBED, ReactionKind.COMPLAINED):
        found = sums.people.get(kind, 0) + sums.machines.get(kind, 0)
        figures.append(Figure(KINDS[kind][0], found, tell_percent(found, delivered), _("of what was delivered")))
    return figures


def _show_parts(parts: list[Part]) -> list[tuple[str, int, int, int]]:
    """Name, events, emails, and its share of the largest in percent, for a bar."""
    most = max((part.emails for part in parts), default=0)
    return [(part.name, part.events, part.emails, round(100 * part.emails / most)) for part in parts]
