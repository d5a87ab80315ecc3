"""Test events: sent from Webhooks and from Quick start, and their answer shown while it comes. Step 5 of Quick start."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, webhooks
from tocsin.console.pages.hooks import URL_MOST, save_url
from tocsin.console.pages.quickstart import FIRST_KIND, read_steps
from tocsin.console.pushed import show_attempt
from tocsin.console.rights import HOOKS
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.kit import clock

_WAIT_S = 25  # an attempt ends after 20


@require_POST
@never_cache
@member(HOOKS)
def save(request: HttpRequest, who: Member) -> HttpResponse:
    """Set the webhook of Quick start."""
    url = request.POST.get("url", "").strip()[: URL_MOST + 1]
    mistake, secret = save_url(who, FIRST_KIND, url)
    facts = {"hook_url": url, "mistake": mistake, "secret": secret, "saved": not mistake, "kind": FIRST_KIND}
    return render(request, "console/_hook.html", facts)


@require_POST
@never_cache
@member(HOOKS)
def send(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Ask for a test event; the answer is shown in its place."""
    quick = "quick" in request.GET
    try:
        with open_change() as conn:
            test_id = webhooks.ask_test(conn, who.account_id, kind)
            audit.record(conn, f"user {who.user.id}", "webhook test", f"account {who.account}", None, {"kind": kind})
    except webhooks.NoEndpointError:
        return render(request, "console/_test.html", {"kind": kind, "trouble": _("Set a URL first.")})
    except webhooks.TooManyTestsError:
        most = _("%(most)s test events a minute at most: wait a little.") % {"most": webhooks.MOST_A_MINUTE}
        return render(request, "console/_test.html", {"kind": kind, "trouble": most})
    return _show(request, who, test_id, quick=quick)


@require_safe
@never_cache
@member(HOOKS)
def watch(request: HttpRequest, who: Member, test_id: int) -> HttpResponse:
    """What came of a test event by now; the page asks again while nothing did. Another account's is not found."""
    return _show(request, who, test_id, quick="quick" in request.GET)


def _show(request: HttpRequest, who: Member, test_id: int, *, quick: bool) -> HttpResponse:
    with open_look() as conn:
        found = webhooks.find_test(conn, who.account_id, test_id)
        if found is None:
            raise Http404
        facts = read_steps(conn, who) if quick else {}
    waited_s = (clock.now() - found.asked_at).total_seconds()
    shown = show_attempt(found.attempt, found.kind) if found.attempt else None
    facts |= {
        "kind": found.kind, "test": found, "shown": shown, "quick": quick, "moved": quick,
        "waits": shown is None and waited_s < _WAIT_S,
    }  # fmt: skip
    return render(request, "console/_test.html", facts)
