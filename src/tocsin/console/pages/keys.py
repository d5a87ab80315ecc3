"""API keys of the account: shown once when they are made, revoked at once."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tocsin import accounts, audit
from tocsin.console.installation import installation
from tocsin.console.rights import KEYS
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look
from tocsin.kit import clock

MOST = 10


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(KEYS)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The keys; a POST makes one and shows it, this once."""
    made = make(who) if request.method == "POST" else ""
    if request.method == "POST" and not made:
        messages.error(request, _("An account has %(most)s keys at most: revoke one first.") % {"most": MOST})
    now = clock.now()
    with open_look() as conn:
        found = accounts.list_keys(conn, who.account_id)
    rows = [(key, key.expires_at is None or key.expires_at > now) for key in reversed(found)]
    return render(request, "console/keys.html", {"rows": rows, "made": made, "most": MOST})


def make(who: Member) -> str:
    """A new key; "" where the account has as many as it may."""
    api_key = accounts.make_key()
    with open_change() as conn:
        if len(list_live(conn, who.account_id)) >= MOST:
            return ""
        key_id = accounts.add_key(conn, who.account_id, installation().seal.seal(api_key))
        audit.record(conn, f"user {who.user.id}", "key create", f"account {who.account}", None, {"key": key_id})
    return api_key


def list_live(conn: Conn, account_id: int) -> list[accounts.KeyFacts]:
    """The keys that hold now, oldest first."""
    now = clock.now()
    return [key for key in accounts.list_keys(conn, account_id) if key.expires_at is None or key.expires_at > now]


@require_POST
@member(KEYS)
def revoke(request: HttpRequest, who: Member, key_id: int) -> HttpResponse:
    """End a key now. Another account's is not found."""
    with open_change() as conn:
        if not accounts.end_key(conn, who.account_id, key_id, clock.now()):
            raise Http404
        audit.record(conn, f"user {who.user.id}", "key revoke", f"account {who.account}", {"key": key_id}, None)
    messages.success(request, _("The key is revoked: requests signed with it are refused from now on."))
    return redirect("keys")
