"""Balance and ledger, by key; monthly statements to print and as a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tocsin import billing, messaging
from tocsin.billing import Entry, LedgerAsked, Pots, Statement, TrafficDay, text_of
from tocsin.console.lazy import StrPromise
from tocsin.console.names import MOVEMENTS, PRODUCTS, name_country
from tocsin.console.rights import MONEY
from tocsin.console.tables import Number, answer_csv
from tocsin.console.tenancy import Member, member, open_look
from tocsin.kit import clock
from tocsin.traffic import Product

PAGE = 50
_COLOURS = {"charge": "secondary", "charge again": "orange", "refund": "azure", "recharge": "green", "gift": "green"}
_read_cursor = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.([0-9]{1,18})").fullmatch
_read_month = re.compile(r"[0-9]{4}-[0-9]{2}").fullmatch


class Shown(NamedTuple):
    """An entry in words; `amount` has a sign."""

    entry: Entry
    what: StrPromise | str
    colour: str
    amount: str
    gift: str
    after: str


class Days(NamedTuple):
    """The days that were asked for, as they were typed; a word of trouble where they are none."""

    since: str
    until: str
    trouble: str
    asked: LedgerAsked


@require_safe
@never_cache
@member(MONEY)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The pots, and a page of the ledger."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in MOVEMENTS else ""
    days = _read_days(request.GET.get("since", ""), request.GET.get("until", ""))
    asked = _place(days.asked._replace(kind=kind, limit=PAGE + 1), request.GET.get("before", ""))
    with open_look() as conn:
        wallet = billing.read_wallet(conn, who.account_id)
        reserved = messaging.sum_scheduled(conn, who.account_id)
        rows = [] if days.trouble else billing.read_ledger(conn, who.account_id, asked)
    more = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        place = f"{rows[-1].at.astimezone(clock.UTC).date()}.{rows[-1].id}"
        more = "?" + urlencode({"kind": kind, "since": days.since, "until": days.until, "before": place})
    facts = {
        "rows": [_show(row) for row in rows], "more": more, "deep": asked.before_id != billing.NEWEST, "kind": kind, "days": days,
        "kinds": list(MOVEMENTS.items()), "left": text_of(wallet.balance_micros + wallet.gift_micros + wallet.credit_micros),
        "balance": text_of(wallet.balance_micros), "gift": text_of(wallet.gift_micros), "credit": text_of(wallet.credit_micros),
        "reserved": text_of(reserved), "filtered": bool(kind or days.since or days.until),
    }  # fmt: skip
    return render(request, "console/ledger.html", facts)


def _read_days(since: str, until: str) -> Days:
    """Days of the visitor's zone, the last one too."""
    since, until, asked = since.strip()[:20], until.strip()[:20], LedgerAsked()
    try:
        if since:
            asked = asked._replace(since=_midnight(date.fromisoformat(since)))
        if until:
            asked = asked._replace(until=_midnight(date.fromisoformat(until) + timedelta(days=1)))
    except (ValueError, OverflowError):
        return Days(since, until, _("Give days like 2026-11-24."), asked)
    if asked.since >= asked.until:
        return Days(since, until, _("The first day lies behind the last one."), asked)
    return Days(since, until, "", asked)


def _midnight(day: date) -> datetime:
    if not 2000 <= day.year <= 2200:
        raise ValueError("nobody was here then")
    return datetime(day.year, day.month, day.day, tzinfo=timezone.get_current_timezone())


def _place(asked: LedgerAsked, text: str) -> LedgerAsked:
    """Behind the cursor; one that is none is the first page."""
    found = _read_cursor(text)
    try:
        return asked._replace(before_day=date.fromisoformat(found[1]), before_id=int(found[2])) if found else asked
    except ValueError:
        return asked


def _show(entry: Entry) -> Shown:
    total = entry.balance_micros + entry.gift_micros
    return Shown(
        entry,
        MOVEMENTS.get(entry.kind, entry.kind),
        _COLOURS.get(entry.kind, "secondary"),
        signed(total),
        signed(entry.gift_micros) if entry.gift_micros else "",
        text_of(entry.balance_after),
    )


def signed(micros: int) -> str:
    """The amount with its sign: a true minus, as wide as the plus."""
    return f"+{text_of(micros)}" if micros > 0 else text_of(micros).replace("-", "\u2212")


@require_safe
@never_cache
@member(MONEY)
def statement(request: HttpRequest, who: Member) -> HttpResponse:
    """A month, to read and to print."""
    made, months = _make(request, who)
    return render(request, "console/statement.html", {**_describe(made), "months": months})


@require_safe
@never_cache
@member(MONEY)
def statement_file(request: HttpRequest, who: Member) -> HttpResponse:
    """The same as a file."""
    made, _months = _make(request, who)
    rows: list[Sequence[object]] = [
        (_("Opening balance"), "", "", "", "", *_cells(made.opening)),
        *((MOVEMENTS.get(kind, kind), "", "", "", "", *_cells(pots)) for kind, pots in made.moved.items()),
        (_("Closing balance"), "", "", "", "", *_cells(made.closing)),
        *(
            (_("Of it traffic"), PRODUCTS[Product(row.product)], name_country(row.country_id), row.messages, row.parts, "", "",
             Number(text_of(-row.cost_micros)))
            for row in made.traffic
        ),
    ]  # fmt: skip
    if made.unassigned_micros:
        rows.append([_("Not assigned yet"), "", "", "", "", "", "", Number(text_of(-made.unassigned_micros))])
    head = [_("Line"), _("Product"), _("Country"), _("Messages"), _("Parts"), _("Balance"), _("Gift"), _("Total")]
    head[5:] = [f"{word} ({who.currency})" for word in head[5:]]
    return answer_csv(f"statement-{who.account}-{made.first:%Y-%m}", head, rows)


def _cells(pots: Pots) -> list[Number]:
    return [Number(text_of(each)) for each in (*pots, pots.total_micros)]


def _make(request: HttpRequest, who: Member) -> tuple[Statement, list[date]]:
    text = request.GET.get("month", "")
    with open_look() as conn:
        months = billing.list_months(conn, who.account_id, clock.now().date())
        first = find_month(text, months)
        return billing.read_statement(conn, who.account_id, first), months


def find_month(text: str, months: list[date]) -> date:
    """The month that a visitor asks for; without a word the newest. One in which nothing can be is not found."""
    if not text:
        return months[0]
    found = [month for month in months if _read_month(text) and f"{month:%Y-%m}" == text]
    if not found:
        raise Http404
    return found[0]


def _describe(made: Statement) -> dict[str, object]:
    rows = sorted(made.traffic, key=lambda row: (row.product, -row.cost_micros))
    return {
        "first": made.first,
        "last": made.until - timedelta(days=1),
        "is_open": made.until > clock.now().date(),
        "made_at": clock.now(),
        "opening": _tell(made.opening),
        "moved": [(MOVEMENTS.get(kind, kind), [signed(each) for each in (*pots, pots.total_micros)])
                  for kind, pots in made.moved.items()],
        "closing": _tell(made.closing),
        "traffic": [(PRODUCTS[Product(row.product)], name_country(row.country_id), row, *_tell_traffic(row)) for row in rows],
        "unassigned": text_of(made.unassigned_micros) if made.unassigned_micros else "",
        "cost": text_of(made.cost_micros),
    }  # fmt: skip


def _tell(pots: Pots) -> list[str]:
    return [text_of(each) for each in (*pots, pots.total_micros)]


def _tell_traffic(row: TrafficDay) -> tuple[str, str, str]:
    return text_of(row.charged_micros), text_of(row.returned_micros), text_of(row.cost_micros)
