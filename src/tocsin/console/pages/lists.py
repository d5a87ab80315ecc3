"""The account's opt-outs and its blacklist: pages by key, search, many added at once, one removed. Changes need LISTS."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, compliance
from tocsin.compliance import Barred, ListAsked
from tocsin.console.lazy import StrPromise
from tocsin.console.rights import LISTS
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look

PAGE: Final = 50
MOST: Final = 1000
_SHOWN_BAD = 10
_MOST_SENDER = 32
_NO_NUMBER = re.compile(r"[^0-9]")
ORIGINS: dict[str, StrPromise] = {
    "reply": gettext_lazy("Reply STOP"),
    "unsubscribe": gettext_lazy("Unsubscribed"),
    "complaint": gettext_lazy("Complaint"),
    "console": gettext_lazy("By hand"),
    "operator": gettext_lazy("By the operator"),
}
_COLOURS = {"reply": "orange", "unsubscribe": "orange", "complaint": "red", "console": "azure", "operator": "secondary"}
OPT_OUTS, BLACKLIST = "opt-outs", "blacklist"
_OF = {OPT_OUTS: ("reply", "console", "operator"), BLACKLIST: ("unsubscribe", "complaint", "console", "operator")}


class Typed(NamedTuple):
    """What was typed into the form, and what is wrong with it."""

    values: str = ""
    sender: str = ""
    troubles: tuple[str, ...] = ()


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member, which: str) -> HttpResponse:
    """A page of one of the lists."""
    return _render(request, who, which, Typed())


def _render(request: HttpRequest, who: Member, which: str, typed: Typed) -> HttpResponse:
    start, origin, before = (request.GET.get(name, "").strip()[:254] for name in ("q", "origin", "before"))
    origin = origin if origin in _OF[which] else ""
    asked = ListAsked(
        int(before) if before.isdecimal() and len(before) < 19 else compliance.NEWEST, _read_start(start), origin
    )
    with open_look() as conn:
        rows = _read(conn, who.account_id, which, asked._replace(limit=PAGE + 1))
    more = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        more = "?" + urlencode({"q": start, "origin": origin, "before": rows[-1].id})
    facts = {
        "which": which, "is_opt_outs": which == OPT_OUTS, "more": more, "deep": asked.before != compliance.NEWEST, "q": start,
        "origin": origin, "origins": [(name, ORIGINS[name]) for name in _OF[which]], "may": LISTS in who.can, "typed": typed,
        "rows": [(row, ORIGINS.get(row.origin, row.origin), _COLOURS.get(row.origin, "secondary")) for row in rows],
        "most": MOST, "filtered": bool(start or origin),
    }  # fmt: skip
    return render(request, "console/lists.html", facts, status=422 if typed.troubles else 200)


def _read(conn: Conn, account_id: int, which: str, asked: ListAsked) -> list[Barred]:
    read = compliance.page_opt_outs if which == OPT_OUTS else compliance.page_listed
    return read(conn, account_id, asked)


def _read_start(text: str) -> str:
    """How what is looked for is stored: digits, or an address in lower case."""
    if re.search(r"[@A-Za-z]", text):
        return text.lower()
    return _NO_NUMBER.sub("", text).removeprefix("00")


@require_POST
@never_cache
@member(LISTS)
def add(request: HttpRequest, who: Member, which: str) -> HttpResponse:
    """Add all that was typed, or, where a line is wrong, nothing: then it is shown and stays as it was typed."""
    text, sender = request.POST.get("values", ""), request.POST.get("sender", "").strip()
    values, troubles = _check(text, sender, which)
    if troubles:
        return _render(request, who, which, Typed(text, sender, tuple(troubles)))
    with open_change() as conn:
        if which == OPT_OUTS:
            added = compliance.add_many_opt_outs(conn, who.account_id, values, sender)
        else:
            added = compliance.add_many_listed(conn, who.account_id, values)
        facts = {"added": added, "values": values[:20], **({"sender": sender} if sender else {})}
        audit.record(conn, f"user {who.user.id}", f"{which} add", f"account {who.account}", None, facts)
    said = ngettext("%(n)s entry added.", "%(n)s entries added.", added) % {"n": added}
    known = len(set(values)) - added
    if known:
        said += " " + ngettext("%(n)s was there already.", "%(n)s were there already.", known) % {"n": known}
    messages.success(request, said)
    return redirect(which)


def _check(text: str, sender: str, which: str) -> tuple[list[str], list[str]]:
    """The values as they are stored; what is wrong, a sentence each."""
    lines = [word for line in text.splitlines() for word in re.split(r"[,;，；\t]", line)]
    filled = [line for line in lines if line.strip()]
    if not filled:
        return [], [_("Write at least one number.")]
    if len(filled) > MOST:
        return [], [_("%(n)s are too many at once: %(most)s at most.") % {"n": len(filled), "most": MOST}]
    if len(sender) > _MOST_SENDER or not sender.isprintable():
        return [], [_("A sender has %(most)s characters at most.") % {"most": _MOST_SENDER}]
    values, bad = compliance.read_list(lines)
    troubles = [
        _("“%(text)s” is no number with country code and no address.") % {"text": each.text[:60]}
        for each in bad[:_SHOWN_BAD]
    ]
    if which == OPT_OUTS:
        addresses = [value for value in values if "@" in value][:_SHOWN_BAD]
        troubles += [_("%(text)s: an email address belongs on the blacklist.") % {"text": each} for each in addresses]
    if len(bad) > _SHOWN_BAD:
        troubles.append(_("%(n)s more are wrong.") % {"n": len(bad) - _SHOWN_BAD})
    if not values and not troubles:
        troubles = [_("Write at least one number.")]
    return values, troubles


@require_POST
@member(LISTS)
def remove(request: HttpRequest, who: Member, which: str, row_id: int) -> HttpResponse:
    """Take a row off: it may be sent to again. Another account's is not found."""
    with open_change() as conn:
        take = compliance.remove_opt_out_row if which == OPT_OUTS else compliance.remove_listed_row
        value = take(conn, who.account_id, row_id)
        if value is None:
            raise Http404
        audit.record(conn, f"user {who.user.id}", f"{which} remove", f"account {who.account}", {"value": value}, None)
    messages.success(request, _("%(value)s may be sent to again.") % {"value": value})
    return redirect(which)
