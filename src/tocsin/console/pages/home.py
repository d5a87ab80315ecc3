"""Overview: money, volume and ends of some days from the roll-ups, the latest failures and messages."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import billing, messaging
from tocsin.console.names import PRODUCTS, name_country
from tocsin.console.shown import STATUSES, show_rows
from tocsin.console.tenancy import Member, member, open_look
from tocsin.messaging import Count, State, Sums
from tocsin.traffic import PRODUCT_NAMES, Product

CHOICES: Final = (7, 14, 30, 90)
DAYS: Final = 14
_LATEST: Final = 6
_COUNTRIES: Final = 8
_WORDS: Final = {product: word for word, product in PRODUCT_NAMES.items()}


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """Overview; an account that never sent begins with Quick start."""
    chosen = request.GET.get("days", "")
    days = int(chosen) if chosen in {str(each) for each in CHOICES} else DAYS
    edges = list_edges(days, timezone.localdate())
    with open_look() as conn:
        latest = messaging.read_log(conn, who.account_id, messaging.Asked(limit=_LATEST))
        if not latest and "stay" not in request.GET and not chosen:
            return redirect("quick-start")
        wallet = billing.read_wallet(conn, who.account_id)
        sums = messaging.read_sums(conn, who.account_id, edges, edges[0] - (edges[-1] - edges[0]))
        failed = messaging.Asked(state=State.FAILED, limit=_LATEST, floor=messaging.key_of(edges[0]))
        failures = messaging.search_log(conn, who.account_id, failed).rows if sums.all.failed else []
    facts = {
        "balance": billing.text_of(wallet.balance_micros),
        "gift": billing.text_of(wallet.gift_micros) if wallet.gift_micros else "",
        "days": days,
        "choices": CHOICES,
        "rows": show_rows(latest),
        "failures": show_rows(failures),
        "failed_query": urlencode({"state": "failed", "from": f"{timezone.localtime(edges[0]):%Y-%m-%dT%H:%M}"}),
        **_describe_figures(sums),
        **_describe_charts(sums, edges),
    }
    return render(request, "console/home.html", facts)


def list_edges(days: int, today: date) -> list[datetime]:
    """Midnights of the visitor's zone: `days` of them up to today's, and the next one."""
    return [
        timezone.make_aware(datetime.combine(today - timedelta(days=turn), time())) for turn in range(days - 1, -2, -1)
    ]


def _describe_figures(sums: Sums) -> dict[str, object]:
    """The figures at the top, each with its change against the time before."""
    now, before = sums.all, sums.before
    rate, rate_before = now.delivered_percent, before.delivered_percent
    return {
        "sent": now.messages,
        "sent_change": _compare(now.messages, before.messages),
        "rate": "–" if rate is None else f"{rate:.1f} %",
        "rate_change": "" if rate is None or rate_before is None else f"{rate - rate_before:+.1f}",
        "spent": billing.text_of(now.fee_micros),
        "spent_change": _compare(now.fee_micros, before.fee_micros),
        "under_way": now.under_way,
    }


def _compare(now: int, before: int) -> str:
    """In percent, with its sign; "" where there is nothing to compare with."""
    return f"{100 * (now - before) / before:+.0f} %" if before > 0 else ""


def _describe_charts(sums: Sums, edges: list[datetime]) -> dict[str, object]:
    names = [_name_day(timezone.localtime(edge).date()) for edge in edges[:-1]]
    series = [
        {"label": _("Delivered"), "colour": "green", "values": [day.delivered for day in sums.days]},
        {"label": _("Failed"), "colour": "red", "values": [day.failed for day in sums.days]},
        {"label": _("Under way"), "colour": "azure", "values": [day.under_way for day in sums.days]},
    ]
    since = {"from": f"{timezone.localtime(edges[0]):%Y-%m-%dT%H:%M}"}
    return {
        "chart": {"labels": names, "series": series},
        "by_day": [
            (name, day, billing.text_of(day.fee_micros))
            for name, day in reversed(list(zip(names, sums.days, strict=True)))
            if day.messages
        ],
        "by_country": _list_countries(sums.countries, since),
        "by_product": [
            _line(str(PRODUCTS[Product(key)]), count, sums.all.messages, {"product": _WORDS[Product(key)], **since})
            for key, count in _rank(sums.products)
        ],
        "by_status": [
            _line(str(STATUSES.get(key, key)), count, sums.all.messages, {"state": _state_word(key), **since})
            for key, count in _rank(sums.statuses)
        ],
    }


def _list_countries(counts: dict[int, Count], since: dict[str, str]) -> list[dict[str, object]]:
    """The largest, and the others as one."""
    ranked = _rank(counts)
    whole = sum(count.messages for _key, count in ranked)
    lines = [
        _line(name_country(key) or _("Email, without a country"), count, whole, {"country": str(key), **since})
        for key, count in ranked[:_COUNTRIES]
    ]
    if rest := [count for _key, count in ranked[_COUNTRIES:]]:
        count = Count(*(sum(each) for each in zip(*rest, strict=True)))
        lines.append(_line(_("Others"), count, whole, {}))
    return lines


def _rank(counts: dict[int, Count]) -> list[tuple[int, Count]]:
    return sorted(((key, count) for key, count in counts.items() if count.messages), key=lambda each: -each[1].messages)


def _line(name: str, count: Count, whole: int, query: dict[str, str]) -> dict[str, object]:
    """A row of a ranking; `query` is what the log is asked for by its link."""
    rate = count.delivered_percent
    return {
        "name": name,
        "messages": count.messages,
        "share": round(100 * count.messages / whole, 1) if whole else 0,
        "rate": "–" if rate is None else f"{rate:.1f} %",
        "spent": billing.text_of(count.fee_micros),
        "url": f"{reverse('messages')}?{urlencode(query)}" if query else "",
    }


def _state_word(status: int) -> str:
    return {0: "under-way", 1: "delivered"}.get(status, "failed")


def _name_day(day: date) -> str:
    return date_format(day, "n月j日" if (get_language() or "").startswith("zh") else "j M")
