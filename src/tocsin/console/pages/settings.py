"""The account's settings: what its owner may choose, its low-balance alert, and its limits to read.

What the operator sets (plan, rate, longest text, caps, credit) is shown and not offered: an account must not lift its own limits.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tocsin import accounts, audit, billing, compliance
from tocsin.accounts import AccountFacts
from tocsin.billing import text_of
from tocsin.compliance import Cap, CapKind
from tocsin.console import alerts
from tocsin.console.installation import installation
from tocsin.console.lazy import StrPromise
from tocsin.console.names import name_country
from tocsin.console.registration import tell_display_name_rule
from tocsin.console.rights import MONEY, TEAM
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.content import check_address
from tocsin.traffic import Priority

MOST_NETWORKS: Final = 100
_LANGUAGES = {"en": "English", "zh": "中文"}
_SWITCHES: dict[str, tuple[StrPromise, StrPromise]] = {
    "eight_fields": (gettext_lazy("8 fields in every report"), gettext_lazy("Reports of voice and email have 6 otherwise.")),
    "swap_uplink": (gettext_lazy("Swap sender and receiver in replies"), gettext_lazy("fromNum is the terminal user then.")),
    "extra_events": (
        gettext_lazy("Push more events of emails"), gettext_lazy("Unsubscribed, complained and bounced, beside opened and clicked.")
    ),
    "drop_machine_opens": (
        gettext_lazy("Leave out machines"), gettext_lazy("Opens and clicks of scanners and privacy proxies are not pushed.")
    ),
}  # fmt: skip
_KINDS: dict[int, StrPromise] = {
    CapKind.NUMBER: gettext_lazy("Messages to one number"),
    CapKind.PREFIX: gettext_lazy("Messages to one range of numbers"),
    CapKind.COUNTRY: gettext_lazy("Messages to one country"),
    CapKind.SPEND: gettext_lazy("Spend"),
}
_ACTIONS: dict[int, str] = {
    Priority.VERIFY: "VERIFY",
    Priority.NOTIFICATION: "NOTIFICATION",
    Priority.MARKETING: "MARKETING",
}
_WINDOWS: dict[int, StrPromise] = {
    60: gettext_lazy("a minute"), 3600: gettext_lazy("an hour"), 86400: gettext_lazy("a day (UTC)"),
}  # fmt: skip


class Typed(NamedTuple):
    """What was typed into a form, and what is wrong with it."""

    facts: dict[str, Any]
    trouble: str = ""


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """Settings and limits."""
    return _render(request, who)


def _render(
    request: HttpRequest,
    who: Member,
    chosen: Typed | None = None,
    alert: Typed | None = None,
    name: Typed | None = None,
) -> HttpResponse:
    with open_look() as conn:
        facts = accounts.find_account(conn, who.account)
        caps = compliance.read_caps(conn, who.account_id)
        known = billing.read_alert(conn, who.account_id) if MONEY in who.can else None
    if chosen is None:
        chosen = Typed({**facts._asdict(), "networks": "\n".join(facts.allow_ips)})
    if alert is None:
        words = {"threshold": text_of(known.threshold_micros), "addresses": "\n".join(known.addresses)} if known else {}
        alert = Typed(words or {"threshold": "", "addresses": who.user.email})
    if name is None:
        name = Typed({"display_name": facts.display_name})
    shown = {
        **name.facts, "name_trouble": name.trouble, "most_display_name": accounts.MAX_DISPLAY_NAME,
        "account": facts, "languages_of_account": _LANGUAGES, "chosen": chosen, "alert": alert, "has_alert": known is not None,
        "switches": [(name, words, hint, chosen.facts[name]) for name, (words, hint) in _SWITCHES.items()],
        "may_set": TEAM in who.can, "may_money": MONEY in who.can, "can_mail": alerts.can_mail(),
        "caps": [_tell_cap(cap, who.currency) for cap in caps], "retention_days": installation().settings.retention_days,
        "most_addresses": billing.MOST_ADDRESSES,
    }  # fmt: skip
    return render(
        request, "console/settings.html", shown, status=422 if chosen.trouble or alert.trouble or name.trouble else 200
    )


def _tell_cap(cap: Cap, currency: str) -> tuple[str, str]:
    where = [
        word for word in (_ACTIONS.get(-1 if cap.action is None else cap.action), name_country(cap.country_id)) if word
    ]
    most = f"{text_of(cap.most or 0)} {currency}" if cap.kind == CapKind.SPEND else str(cap.most)
    limit = _("%(most)s in %(window)s") % {"most": most, "window": _WINDOWS[cap.window_s]}
    return str(_KINDS[cap.kind]) + (f" ({', '.join(where)})" if where else ""), limit


@require_POST
@never_cache
@member(TEAM)
def save(request: HttpRequest, who: Member) -> HttpResponse:
    """Set what the owner may set."""
    typed: dict[str, Any] = {name: name in request.POST for name in _SWITCHES}
    typed |= {"language": request.POST.get("language", ""), "networks": request.POST.get("networks", "")[:10_000]}
    networks = typed["networks"].replace(",", " ").split()
    if typed["language"] not in _LANGUAGES:
        return _render(request, who, chosen=Typed(typed, _("Choose a language.")))
    if len(networks) > MOST_NETWORKS:
        return _render(request, who, chosen=Typed(typed, _("%(most)s networks at most.") % {"most": MOST_NETWORKS}))
    for text in networks:
        try:
            accounts.read_network(text)
        except accounts.AccountError:
            said = _("“%(text)s” is no address or network, like 203.0.113.7 or 10.0.0.0/8.") % {"text": text[:60]}
            return _render(request, who, chosen=Typed(typed, said))
    changes = {name: typed[name] for name in ("language", *_SWITCHES)} | {"allow_ips": networks}
    with open_change() as conn:
        before, after = accounts.set_account(conn, who.account, **changes)
        old, new = _differ(before, after)
        if new:
            audit.record(conn, f"user {who.user.id}", "account set", f"account {who.account}", old, new)
    messages.success(request, _("The settings are saved. They hold within a second."))
    return redirect("settings")


@require_POST
@never_cache
@member(TEAM)
def save_name(request: HttpRequest, who: Member) -> HttpResponse:
    """Set what people read in place of the account's name; "" takes it away."""
    typed = request.POST.get("display_name", "")[: 2 * accounts.MAX_DISPLAY_NAME]
    try:
        accounts.read_display_name(typed)
    except accounts.AccountError:
        said = tell_display_name_rule()
        return _render(request, who, name=Typed({"display_name": typed}, said))
    with open_change() as conn:
        before, after = accounts.set_account(conn, who.account, display_name=typed)
        old, new = _differ(before, after)
        if new:
            audit.record(conn, f"user {who.user.id}", "account set", f"account {who.account}", old, new)
    messages.success(request, _("The display name is saved."))
    return redirect("settings")


def _differ(before: AccountFacts, after: AccountFacts) -> tuple[dict[str, Any], dict[str, Any]]:
    old, new = before._asdict(), after._asdict()
    names = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in names}, {name: new[name] for name in names}


@require_POST
@never_cache
@member(MONEY)
def save_alert(request: HttpRequest, who: Member) -> HttpResponse:
    """Set the low-balance alert, or take it away."""
    threshold, text = request.POST.get("threshold", "").strip()[:40], request.POST.get("addresses", "")[:5_000]
    if "off" in request.POST:
        with open_change() as conn:
            if billing.drop_alert(conn, who.account_id):
                audit.record(conn, f"user {who.user.id}", "alert off", f"account {who.account}", {}, None)
        messages.success(request, _("The low-balance alert is off."))
        return redirect("settings")
    micros, addresses, trouble = _read_alert(threshold, text)
    if trouble:
        return _render(request, who, alert=Typed({"threshold": threshold, "addresses": text}, trouble))
    with open_change() as conn:
        billing.set_alert(conn, who.account_id, micros, addresses)
        facts = {"threshold": text_of(micros), "addresses": addresses}
        audit.record(conn, f"user {who.user.id}", "alert set", f"account {who.account}", None, facts)
    messages.success(request, _("The low-balance alert is on."))
    return redirect("settings")


def _read_alert(threshold: str, text: str) -> tuple[int, list[str], str]:
    """Micro-units, addresses, and what is wrong."""
    try:
        micros = billing.to_micros(threshold)
    except billing.MoneyError:
        micros = 0
    if micros <= 0:
        return 0, [], _("Write an amount above 0, with at most 6 decimals, like 12.5.")
    addresses = list(dict.fromkeys(text.replace(",", " ").replace(";", " ").split()))
    if not 1 <= len(addresses) <= billing.MOST_ADDRESSES:
        return 0, [], _("Write 1 to %(most)s email addresses.") % {"most": billing.MOST_ADDRESSES}
    verdicts = [check_address(address) for address in addresses]
    bad = [address for address, verdict in zip(addresses, verdicts, strict=True) if verdict.fault]
    if bad:
        return 0, [], _("“%(text)s” is no email address.") % {"text": bad[0][:80]}
    return micros, [verdict.address for verdict in verdicts], ""
