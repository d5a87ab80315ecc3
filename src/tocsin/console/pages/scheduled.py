"""Scheduled sends: a month of days with what is due on each, and the list of them, on the clock of a zone that one may choose."""

from __future__ import annotations

import calendar
from collections import Counter
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, billing, messaging
from tocsin.console.contents import read_text
from tocsin.console.installation import installation
from tocsin.console.names import PRODUCTS
from tocsin.console.rights import SEND
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.content import find_zone, list_zone_names, zones
from tocsin.kit import clock
from tocsin.messaging import NEWEST_BATCH, Planned, Slot
from tocsin.traffic import Product

PAGE = 50
_MONTHS = 12 * 3  # around this one
_DAYS = [
    gettext_lazy("Mon"), gettext_lazy("Tue"), gettext_lazy("Wed"), gettext_lazy("Thu"), gettext_lazy("Fri"), gettext_lazy("Sat"),
    gettext_lazy("Sun"),
]  # fmt: skip
_FOREVER_S = 4_000_000_000.0


class Day(NamedTuple):
    """A day of the grid."""

    day: date
    within: bool  # the month
    today: bool
    chosen: bool
    batches: int
    messages: int


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The month, and what is due in it or on one of its days."""
    typed = request.GET.get("zone", "").strip()[:64]
    zone = find_zone(typed) if typed else None
    with timezone.override(zone or timezone.get_current_timezone()):
        here = timezone.get_current_timezone()
        today = datetime.now(here).date()
        chosen = _read_day(request.GET.get("day", ""), today)
        month = (chosen or _read_day(request.GET.get("month", "") + "-01", today) or today).replace(day=1)
        weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
        grid = _span(weeks[0][0], weeks[-1][-1], here)
        listed = _span(chosen, chosen, here) if chosen else _span(month, _last_of(month), here)
        with open_look() as conn:
            slots = messaging.read_slots(conn, who.account_id, *grid)
            after = _read_place(request.GET.get("after", ""))
            rows = messaging.page_planned(conn, who.account_id, listed, after, PAGE + 1)
            following = messaging.page_planned(conn, who.account_id, (listed[0], _FOREVER_S), (0.0, 0), 1)
        keep = {"zone": typed} if zone else {}
        facts: dict[str, Any] = {
            "weeks": _lay_out(weeks, slots, here, (month, today, chosen)),
            "days": _DAYS, "month": month, "chosen": chosen, "keep": urlencode(keep), "today": today,
            "before": _step(month, -1, today), "behind": _step(month, 1, today),
            "rows": [_show(each, who) for each in rows[:PAGE]],
            "more": urlencode({**keep, **_where(chosen, month), "after": _word_place(rows[PAGE - 1])}) if len(rows) > PAGE else "",
            "next_one": datetime.fromtimestamp(following[0].scheduled.due_at, here) if following and not rows else None,
            "typed": typed, "bad_zone": bool(typed) and zone is None,
            "names": list_zone_names(), "offsets": zones(),
            "drops": installation().settings.schedule_late == "drop",
            "late_min": round(installation().settings.schedule_late_s / 60),
            "may_cancel": SEND in who.can,
        }  # fmt: skip
        return render(request, "console/scheduled.html", facts)


def _read_day(text: str, today: date) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if abs((day.year - today.year) * 12 + day.month - today.month) <= _MONTHS else None


def _step(month: date, by: int, today: date) -> date | None:
    """The month before or behind; None at the ends."""
    at = month.year * 12 + month.month - 1 + by
    return _read_day(date(at // 12, at % 12 + 1, 1).isoformat(), today)


def _last_of(month: date) -> date:
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def _span(first: date, last: date, zone: tzinfo) -> tuple[float, float]:
    """Epoch seconds from the begin of `first` to the end of `last` in a zone."""
    return tuple(  # type: ignore[return-value]  # two of them
        datetime.combine(day, time(), zone).timestamp() for day in (first, last + timedelta(days=1))
    )


def _lay_out(
    weeks: list[list[date]], slots: list[Slot], zone: tzinfo, place: tuple[date, date, date | None]
) -> list[list[Day]]:
    batches, counts = Counter[date](), Counter[date]()
    for slot in slots:
        day = datetime.fromtimestamp(slot.begin_s, zone).date()
        batches[day] += slot.batches
        counts[day] += slot.messages
    month, today, chosen = place
    return [
        [Day(day, day.month == month.month, day == today, day == chosen, batches[day], counts[day]) for day in week]
        for week in weeks
    ]


def _where(chosen: date | None, month: date) -> dict[str, str]:
    return {"day": chosen.isoformat()} if chosen else {"month": month.isoformat()[:7]}


def _read_place(text: str) -> tuple[float, int]:
    due, _sep, batch_no = text.partition("-")
    if due.isascii() and due.isdigit() and batch_no.isascii() and batch_no.isdigit() and len(text) < 40:
        return int(due) / 1000, min(int(batch_no), NEWEST_BATCH)
    return 0.0, 0


def _word_place(planned: Planned) -> str:
    return f"{round(planned.scheduled.due_at * 1000)}-{planned.scheduled.batch_no}"


def _show(planned: Planned, who: Member) -> dict[str, Any]:
    found = planned.scheduled
    text = " ".join(read_text(planned.content, (planned.priority, found.product), who.can).split())
    return {
        "batch_no": found.batch_no,
        "due": datetime.fromtimestamp(found.due_at, clock.UTC),
        "zone": found.zone,
        "product": PRODUCTS[Product(found.product)],
        "sender": planned.sender,
        "text": text[:80] + ("…" if len(text) > 80 else ""),
        "messages": found.messages,
        "amount": billing.text_of(found.amount_micros),
    }


@require_POST
@member(SEND)
def cancel(request: HttpRequest, who: Member, batch_no: int) -> HttpResponse:
    """End it before it goes, with its money back. Another account's is not found."""
    with open_change() as conn:
        if not 0 < batch_no < NEWEST_BATCH or messaging.find_batch(conn, who.account_id, batch_no) is None:
            raise Http404
        count = messaging.cancel_batch(conn, who.account_id, batch_no)
        if count is not None:
            audit.record(conn, f"user {who.user.id}", "batch cancel", f"batch {batch_no}", None, {"messages": count})
    if count:
        words = ngettext(
            "%(count)s message is cancelled and refunded.", "%(count)s messages are cancelled and refunded.", count
        )
        messages.success(request, words % {"count": count})
    else:
        messages.error(request, _("Nothing of it waits any more."))
    return redirect("scheduled")
