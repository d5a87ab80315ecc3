"""API keys of the account: shown once when made, rotated with an overlap, revoked at once; and from where they may sign."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from tocsin import accounts, audit
from tocsin.console.database_now import database_now
from tocsin.console.installation import installation
from tocsin.console.lazy import StrPromise
from tocsin.console.rights import KEYS
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look

MOST = 10
NAME_MOST = 60
ADDRESSES_MOST = 100
_TEXT_MOST = 8192
OVERLAPS: dict[str, tuple[int, StrPromise]] = {
    "1h": (1, gettext_lazy("1 hour")),
    "24h": (24, gettext_lazy("24 hours")),
    "7d": (168, gettext_lazy("7 days")),
}
"""How long an old key holds beside its successor: hours, words."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@member(KEYS)
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The keys; a POST makes one and shows it, this once."""
    if request.method != "POST":
        return _show_page(request, who)
    name, mistake = _read_name(request)
    if mistake:
        return _show_page(request, who, name_mistake=mistake, typed_name=name[:200])
    made = make(who, name)
    if not made:
        messages.error(request, _("An account has %(most)s keys at most: revoke one first.") % {"most": MOST})
        return _show_page(request, who, typed_name=name)
    return _show_page(request, who, made=made)


def _read_name(request: HttpRequest) -> tuple[str, str]:
    """The key's name, and what is wrong with it."""
    name = " ".join(request.POST.get("name", "").split())
    if len(name) > NAME_MOST or not name.isprintable():
        return name, _("A name has %(most)s characters at most, and no control characters.") % {"most": NAME_MOST}
    return name, ""


def _show_page(request: HttpRequest, who: Member, **more: object) -> HttpResponse:
    now = database_now()
    with open_look() as conn:
        found = accounts.list_keys(conn, who.account_id)
        allowed = accounts.find_account(conn, who.account).allow_ips
    rows = [(key, _holds(key, now)) for key in reversed(found)]
    facts = {
        "rows": rows, "most": MOST, "name_most": NAME_MOST, "overlaps": OVERLAPS, "addresses": "\n".join(allowed),
        "is_limited": bool(allowed), "here": request.META["REMOTE_ADDR"], **more,
    }  # fmt: skip
    return render(request, "console/keys.html", facts)


def make(who: Member, name: str = "") -> str:
    """A new key; "" where the account has as many as it may."""
    api_key = accounts.make_key()
    with open_change() as conn:
        if len(list_live(conn, who.account_id)) >= MOST:
            return ""
        key_id = accounts.add_key(conn, who.account_id, installation().seal.seal(api_key), name)
        facts = {"key": key_id, "name": name}
        audit.record(conn, f"user {who.user.id}", "key create", f"account {who.account}", None, facts)
    return api_key


def list_live(conn: Conn, account_id: int) -> list[accounts.KeyFacts]:
    """The keys that hold now, oldest first."""
    now = database_now()
    return [key for key in accounts.list_keys(conn, account_id) if _holds(key, now)]


def _holds(key: accounts.KeyFacts, now: datetime) -> bool:
    return key.expires_at is None or key.expires_at > now


@require_POST
@never_cache
@member(KEYS)
def rotate(request: HttpRequest, who: Member, key_id: int) -> HttpResponse:
    """A new key, shown this once, in place of one that holds a while longer. Another account's is not found."""
    overlap = OVERLAPS.get(request.POST.get("overlap", ""))
    if overlap is None:
        raise Http404
    api_key, until = accounts.make_key(), database_now() + timedelta(hours=overlap[0])
    with open_change() as conn:
        if len(list_live(conn, who.account_id)) >= MOST:
            messages.error(request, _("An account has %(most)s keys at most: revoke one first.") % {"most": MOST})
            return redirect("keys")
        sealed = installation().seal.seal(api_key)
        new_id = accounts.replace_key(conn, who.account_id, key_id, sealed, until)
        if new_id is None:
            raise Http404
        facts = {"key": new_id, "old_until": until.isoformat()}
        audit.record(conn, f"user {who.user.id}", "key rotate", f"account {who.account}", {"key": key_id}, facts)
    return _show_page(request, who, made=api_key, rotated=key_id, old_until=until)


@require_POST
@never_cache
@member(KEYS)
def rename(request: HttpRequest, who: Member, key_id: int) -> HttpResponse:
    """Call a key otherwise. Another account's is not found."""
    name, mistake = _read_name(request)
    if mistake:
        messages.error(request, mistake)
        return redirect("keys")
    with open_change() as conn:
        before = accounts.rename_key(conn, who.account_id, key_id, name)
        if before is None:
            raise Http404
        if before != name:
            was, now = {"key": key_id, "name": before}, {"key": key_id, "name": name}
            audit.record(conn, f"user {who.user.id}", "key rename", f"account {who.account}", was, now)
    messages.success(request, _("The key's name is saved."))
    return redirect("keys")


@require_POST
@member(KEYS)
def revoke(request: HttpRequest, who: Member, key_id: int) -> HttpResponse:
    """End a key now. Another account's is not found."""
    with open_change() as conn:
        if not accounts.end_key(conn, who.account_id, key_id, database_now()):
            raise Http404
        audit.record(conn, f"user {who.user.id}", "key revoke", f"account {who.account}", {"key": key_id}, None)
    messages.success(request, _("The key is revoked: requests signed with it are refused from now on."))
    return redirect("keys")


@require_POST
@never_cache
@member(KEYS)
def set_addresses(request: HttpRequest, who: Member) -> HttpResponse:
    """From where requests may come; none named: from everywhere."""
    text = request.POST.get("addresses", "")[:_TEXT_MOST]
    named = [word for word in text.replace(",", " ").split() if word]
    mistake = _find_mistake(named)
    if mistake:
        return _show_page(request, who, addresses=text, address_mistake=mistake)
    with open_change() as conn:
        before, after = accounts.set_account(conn, who.account, allow_ips=list(dict.fromkeys(named)))
        was, now = {"allow_ips": before.allow_ips}, {"allow_ips": after.allow_ips}
        audit.record(conn, f"user {who.user.id}", "account set", f"account {who.account}", was, now)
    if after.allow_ips:
        messages.success(request, _("From now on only these addresses may send."))
    else:
        messages.success(request, _("From now on requests may come from every address."))
    return redirect("keys")


def _find_mistake(named: list[str]) -> str:
    if len(named) > ADDRESSES_MOST:
        return _("%(most)s addresses at most.") % {"most": ADDRESSES_MOST}
    for word in named:
        try:
            accounts.read_network(word)
        except accounts.AccountError:
            said = _("%(word)s is no address or network: write 203.0.113.7 or 10.0.0.0/8.")
            return said % {"word": word[:60]}
    return ""
