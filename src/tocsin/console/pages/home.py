"""Overview: money, the last 14 days from the roll-ups, the latest messages."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import billing, messaging
from tocsin.console.shown import show_rows
from tocsin.console.tenancy import Member, member, open_look
from tocsin.kit import clock
from tocsin.messaging import Day

DAYS = 14
_LATEST = 8


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """Overview; an account that never sent begins with Quick start."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight - timedelta(days=DAYS - 1)
    with open_look() as conn:
        latest = messaging.read_log(conn, who.account_id, messaging.Asked(limit=_LATEST))
        if not latest and "stay" not in request.GET:
            return redirect("quick-start")
        wallet = billing.read_wallet(conn, who.account_id)
        found = {day.day: day for day in messaging.read_days(conn, who.account_id, since)}
    days = [found.get(at, Day(at, 0, 0, 0, 0)) for at in (since.date() + timedelta(days=turn) for turn in range(DAYS))]
    return render(
        request,
        "console/home.html",
        {
            "balance": billing.text_of(wallet.balance_micros + wallet.gift_micros),
            "gift": billing.text_of(wallet.gift_micros),
            "chart": _describe_chart(days),
            "rows": show_rows(latest),
            **_sum(days),
        },
    )


def _sum(days: list[Day]) -> dict[str, object]:
    delivered, failed = sum(day.delivered for day in days), sum(day.failed for day in days)
    ended = delivered + failed
    return {
        "sent": ended + sum(max(day.under_way, 0) for day in days),
        "rate": f"{100 * delivered / ended:.1f} %" if ended else "–",
        "spent": billing.text_of(sum(day.fee_micros for day in days)),
    }


def _describe_chart(days: list[Day]) -> dict[str, object]:
    return {
        "labels": [
            date_format(day.day, "n月j日" if (get_language() or "").startswith("zh") else "j M") for day in days
        ],
        "series": [
            {"label": _("Delivered"), "colour": "green", "values": [day.delivered for day in days]},
            {"label": _("Failed"), "colour": "red", "values": [day.failed for day in days]},
            {"label": _("Under way"), "colour": "azure", "values": [max(day.under_way, 0) for day in days]},
        ],
    }
