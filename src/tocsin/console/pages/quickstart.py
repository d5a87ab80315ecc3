"""Quick start: from a new account to a delivered message, step by step."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import billing, messaging, routing, webhooks
from tocsin.console.installation import installation
from tocsin.console.pages import keys
from tocsin.console.rights import KEYS, SEND
from tocsin.console.shown import Shown, show_rows
from tocsin.console.tenancy import Conn, Member, member, open_look
from tocsin.console.testsend import Sent, fill_samples, send_test
from tocsin.kit import clock
from tocsin.traffic import Product

FIRST_KIND = "sms"  # of the webhook that Quick start sets
_WATCH_S = 120  # a receipt that takes longer is seen in the log
_is_id = re.compile("[0-9a-f]{32}").fullmatch


def read_steps(conn: Conn, who: Member) -> dict[str, object]:
    """Which steps are done, and how many of how many."""
    newest = messaging.read_log(conn, who.account_id, messaging.Asked(limit=5))
    steps = {
        "has_key": bool(keys.list_live(conn, who.account_id)),
        "has_sent": bool(newest),
        "has_report": any(row.ended_at for row in newest),
        "has_hook": webhooks.has_answered(conn, who.account_id),
    }
    done = 1 + sum(steps.values())
    return {**steps, "done": done, "of": 5, "percent": done * 20}


def _goes_to_sandbox(conn: Conn) -> bool:
    """Whether the test can only end in the sandbox: its number may be somebody's, and real carriers cost money."""
    kinds = {channel.name: channel.kind for channel in routing.list_channels(conn)}
    return all(kinds[row.channel] == routing.SANDBOX for row in routing.list_routes(conn) if row.product == Product.SMS)


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The steps."""
    with open_look() as conn:
        facts = {**read_steps(conn, who), "safe": _goes_to_sandbox(conn)}
        wallet = billing.read_wallet(conn, who.account_id)
        hooks = {view.kind: view.url for view in webhooks.list_endpoints(conn, who.account_id)}
    facts |= {"hook_url": hooks.get(FIRST_KIND, ""), "saved": FIRST_KIND in hooks, "kind": FIRST_KIND}
    money = billing.text_of(wallet.balance_micros + wallet.gift_micros)
    facts |= {"money": money, "api_url": installation().api_url, "samples": fill_samples(who.account, "")}
    return render(request, "console/quickstart.html", facts)


@require_POST
@never_cache
@member(KEYS)
def make_key(request: HttpRequest, who: Member) -> HttpResponse:
    """A key, shown this once, and the sample with it."""
    api_key = keys.make(who)
    with open_look() as conn:
        facts = read_steps(conn, who)
    facts |= {"made": api_key, "most": keys.MOST, "samples": fill_samples(who.account, api_key), "moved": True}
    return render(request, "console/_key.html", facts)


@require_POST
@member(SEND)
def send(request: HttpRequest, who: Member) -> HttpResponse:
    """Send the test through the public API, signed with the newest key."""
    with open_look() as conn:
        live = keys.list_live(conn, who.account_id)
        safe = _goes_to_sandbox(conn)
    sent = Sent("", _("Create a key first."))
    if not safe:
        sent = Sent("", _("SMS go to real carriers here: run the sample with a number of your own."))
    elif live:
        sent = send_test(who.account, installation().seal.open(live[-1].sealed))
    if not sent.message_id:
        return render(request, "console/_trouble.html", {"trouble": sent.trouble})
    return _show_arrival(request, who, sent.message_id)


@require_safe
@never_cache
@member()
def watch(request: HttpRequest, who: Member, message_id: str) -> HttpResponse:
    """The message as it is now; the page asks again while it is under way. Another account's is not found."""
    return _show_arrival(request, who, message_id)


def _show_arrival(request: HttpRequest, who: Member, message_id: str) -> HttpResponse:
    with open_look() as conn:
        row = messaging.find_message(conn, who.account_id, message_id) if _is_id(message_id) else None
        facts = read_steps(conn, who)
    if row is None:
        raise Http404
    shown: Shown = show_rows([row])[0]
    waits = row.ended_at is None and clock.now_s() - row.accepted_at < _WATCH_S
    return render(request, "console/_arrival.html", {**facts, "row": shown, "waits": waits, "moved": True})
