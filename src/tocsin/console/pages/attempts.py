"""Attempts of pushes: a list by key, each with request and answer, and replays of one, of many, or from a time."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, webhooks
from tocsin.console.pages.hooks import show_page
from tocsin.console.pushed import KINDS, OUTCOMES, show_attempt, show_attempts
from tocsin.console.rights import HOOKS
from tocsin.console.tenancy import Member, member, open_change, open_line, open_look
from tocsin.kit import clock

PAGE = 50
_DIGITS_MOST = 18


@require_safe
@never_cache
@member(HOOKS)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """A page of attempts."""
    kind, outcome, before = (request.GET.get(name, "") for name in ("kind", "outcome", "before"))
    kind, outcome = kind if kind in KINDS else "", outcome if outcome in OUTCOMES else ""
    key = read_key(before) or webhooks.NEWEST_ATTEMPT
    with open_look() as conn:
        rows = webhooks.read_attempts(
            conn, who.account_id, webhooks.AskedAttempts(key, kind or None, outcome, PAGE + 1)
        )
        kinds = {view.id: view.kind for view in webhooks.list_endpoints(conn, who.account_id)}
    more = ""
    if len(rows) > PAGE:
        rows = rows[:PAGE]
        more = "?" + urlencode({"kind": kind, "outcome": outcome, "before": rows[-1].id})
    facts = {
        "rows": show_attempts(rows, kinds), "more": more, "kind": kind, "outcome": outcome, "outcomes": OUTCOMES,
        "kinds": [(name, KINDS[name][0]) for name in KINDS], "deep": key != webhooks.NEWEST_ATTEMPT, "has_hook": bool(kinds),
        "again": urlencode({"kind": kind, "outcome": outcome}),
    }  # fmt: skip
    return render(request, "console/attempts.html", facts)


def read_key(text: str) -> int:
    """A key of a page; 0 where it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MOST else 0


@require_safe
@never_cache
@member(HOOKS)
def show_one(request: HttpRequest, who: Member, attempt_id: int) -> HttpResponse:
    """One attempt with request and answer. Another account's is not found."""
    with open_look() as conn:
        found = webhooks.find_attempt(conn, who.account_id, attempt_id)
    if found is None:
        raise Http404
    head, _blank, body = found.attempt.request.partition("\r\n\r\n")
    facts = {
        "shown": show_attempt(found.attempt, found.kind), "kind": found.kind, "request_head": head.replace("\r\n", "\n"),
        "request_body": body, "answer_head": found.attempt.answer_head.replace("\r\n", "\n"),
        "replayable": not found.attempt.test and found.kind != "tracking",
    }  # fmt: skip
    return render(request, "console/attempt.html", facts)


@require_POST
@member(HOOKS)
def replay_chosen(request: HttpRequest, who: Member) -> HttpResponse:
    """Push once more what some attempts pushed, in its present state."""
    chosen = [key for text in request.POST.getlist("attempt")[:PAGE] if (key := read_key(text))]
    if not chosen:
        messages.error(request, _("Choose at least one attempt."))
        return redirect("webhook-attempts")
    with open_line() as conn, conn.transaction():
        count = webhooks.replay_attempts(conn, who.account_id, chosen)
        facts = {"attempts": len(chosen), "rows": count}
        audit.record(conn, f"user {who.user.id}", "webhook replay", f"account {who.account}", None, facts)
    if count:
        said = ngettext("%(count)s row waits to be pushed again.", "%(count)s rows wait to be pushed again.", count)
        messages.success(request, said % {"count": count})
    else:
        messages.error(request, _("Nothing to push again: tests and events of emails have no state to look up."))
    return redirect("webhook-attempts")


@require_POST
@never_cache
@member(HOOKS)
def replay_since(request: HttpRequest, who: Member) -> HttpResponse:
    """Push once more everything of a kind since a time of the user's clock; the workers do it."""
    kind, text = request.POST.get("kind", ""), request.POST.get("since", "")[:40]
    since = _read_time(text)
    mistake = ""
    if kind not in KINDS:
        raise Http404
    if since is None:
        mistake = _("Write a date and a time, like 2026-11-23 08:00.")
    elif since >= clock.now():
        mistake = _("This time is yet to come.")
    else:
        mistake = _ask(who, kind, since)
    if mistake:
        return show_page(request, who, replay_mistake=mistake, replay_kind=kind, replay_typed=text)
    messages.success(request, _("The replay has begun: its state is shown below."))
    return redirect("webhooks")


def _ask(who: Member, kind: str, since: datetime) -> str:
    with open_change() as conn:
        try:
            made = webhooks.ask_replay(conn, who.account_id, kind, since, f"user {who.user.id}")
        except ValueError:
            if kind == "tracking":
                return _("Events of emails are not kept for a replay.")
            return _("Set a URL for it first.")
        if made is None:
            return _("A replay of this kind is under way: wait for its end.")
        facts = {"kind": kind, "since": since.isoformat(), "replay": made}
        audit.record(conn, f"user {who.user.id}", "webhook replay", f"account {who.account}", None, facts)
    return ""


def _read_time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip())
        return found if found.tzinfo else timezone.make_aware(found)
    except (ValueError, OverflowError):
        return None
