"""Webhooks: where each kind of news goes, in which state that is, and how it is changed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import audit, webhooks
from tocsin.console.installation import installation
from tocsin.console.pushed import KINDS, show_places
from tocsin.console.rights import HOOKS
from tocsin.console.tenancy import Conn, Member, member, open_change, open_line, open_look

URL_MOST = 2048


@require_safe
@never_cache
@member(HOOKS)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """All kinds."""
    return show_page(request, who)


def show_page(request: HttpRequest, who: Member, **more: object) -> HttpResponse:
    """The page; `more`: a new secret, or a mistake and what was typed."""
    with open_look() as conn:
        places = show_places(webhooks.list_endpoints(conn, who.account_id))
        replays = webhooks.list_replays(conn, who.account_id)
    facts = {
        "places": places, "replays": [(each, KINDS[each.kind][0]) for each in replays], "kinds": KINDS,
        "has_one": any(place.view for place in places), **more,
    }  # fmt: skip
    return render(request, "console/webhooks.html", facts)


@require_POST
@never_cache
@member(HOOKS)
def set_url(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Push a kind to a URL; the secret of a new endpoint is shown this once."""
    url = request.POST.get("url", "").strip()[: URL_MOST + 1]
    mistake, secret = save_url(who, kind, url)
    if mistake:
        return show_page(request, who, mistake=mistake, mistake_kind=kind, typed=url)
    if secret:
        return show_page(request, who, secret=secret, secret_kind=kind)
    messages.success(request, _("The URL is changed; what waits follows it."))
    return redirect("webhooks")


def save_url(who: Member, kind: str, url: str) -> tuple[str, str]:
    """A mistake in words, or "" and the secret where it is new. Raises Http404 for a kind that is none."""
    _check(kind)
    if not url:
        return _("Write the URL of your server."), ""
    with open_change() as conn:
        before = _find_url(conn, who, kind)
        try:
            made = webhooks.set_endpoint(conn, who.account_id, kind, url, installation().seal.seal)
        except ValueError as error:
            return word_mistake(str(error)), ""
        was = {"kind": kind, "url": before} if before else None
        audit.record(
            conn, f"user {who.user.id}", "webhook set", f"account {who.account}", was, {"kind": kind, "url": url}
        )
    return "", made.secret or ""


def word_mistake(text: str) -> str:
    """What is wrong with a URL, in the visitor's language."""
    known = {
        "the URL has blanks or control characters": _("The URL has blanks or control characters."),
        "the URL must begin with http:// or https://": _("The URL must begin with http:// or https://."),
        "the URL must not hold a user or password": _("The URL must not hold a user or password."),
        "the URL names no host": _("The URL names no host."),
        "the URL's port is no port": _("The URL's port is no port."),
        "the URL's host is no name": _("The URL's host is no name."),
        "the URL's address must not name an interface": _("The URL's address must not name an interface."),
    }
    if text.startswith("the URL is longer"):
        return _("The URL is too long: %(most)s characters at most.") % {"most": URL_MOST}
    return known.get(text, _("This is no URL: write one like https://example.com/hooks/sms."))


@require_POST
@never_cache
@member(HOOKS)
def renew_secret(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Sign with a new secret from now on."""
    _check(kind)
    with open_change() as conn:
        secret = webhooks.renew_secret(conn, who.account_id, kind, installation().seal.seal)
        if secret is None:
            raise Http404
        audit.record(conn, f"user {who.user.id}", "webhook secret", f"account {who.account}", None, {"kind": kind})
    return show_page(request, who, secret=secret, secret_kind=kind)


@require_POST
@member(HOOKS)
def remove(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Push a kind nowhere; workers drop what waits."""
    with open_change() as conn:
        view = _find(conn, who, kind)
        webhooks.remove_endpoint(conn, view.id)
        was = {"kind": kind, "url": view.url}
        audit.record(conn, f"user {who.user.id}", "webhook remove", f"account {who.account}", was, None)
    messages.success(request, _("The webhook is removed. Reports are kept: the log shows them."))
    return redirect("webhooks")


@require_POST
@member(HOOKS)
def resume(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Go on with a paused endpoint, and try at once what waits."""
    with open_change() as conn:
        view = _find(conn, who, kind)
        webhooks.resume(conn, view.id)
        audit.record(conn, f"user {who.user.id}", "webhook resume", f"account {who.account}", None, {"kind": kind})
    messages.success(request, _("It goes on: what waits is tried now."))
    return redirect("webhooks")


@require_POST
@member(HOOKS)
def retry_aside(request: HttpRequest, who: Member, kind: str) -> HttpResponse:
    """Try once more what the endpoint could not take."""
    with open_line() as conn:
        _find(conn, who, kind)
        try:
            count = webhooks.retry_aside(conn, who.account_id, kind)
        except ValueError:  # events have no present state
            raise Http404 from None
        facts = {"kind": kind, "aside": True, "rows": count}
        audit.record(conn, f"user {who.user.id}", "webhook replay", f"account {who.account}", None, facts)
    said = ngettext("%(count)s row waits to be pushed again.", "%(count)s rows wait to be pushed again.", count)
    messages.success(request, said % {"count": count})
    return redirect("webhooks")


def _check(kind: str) -> None:
    if kind not in KINDS:
        raise Http404


def _find(conn: Conn, who: Member, kind: str) -> webhooks.EndpointView:
    for view in webhooks.list_endpoints(conn, who.account_id):
        if view.kind == kind:
            return view
    raise Http404


def _find_url(conn: Conn, who: Member, kind: str) -> str:
    return next((view.url for view in webhooks.list_endpoints(conn, who.account_id) if view.kind == kind), "")
