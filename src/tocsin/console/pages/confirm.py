"""The last look before a send, the send itself, and what became of it. All three have one address: a reload sends nothing."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from tocsin import audit, messaging
from tocsin.console import compose, prepared, public
from tocsin.console.compose import Choices
from tocsin.console.database_now import database_now
from tocsin.console.estimate import Estimate, ask_estimate, open_line, word_reason
from tocsin.console.gauge import say, size_up
from tocsin.console.installation import installation
from tocsin.console.kinds import KINDS, Kind
from tocsin.console.names import PRODUCTS
from tocsin.console.refusals import cut_detail, word_refusal
from tocsin.console.rights import SEND
from tocsin.console.shown import show_rows
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.kit import clock
from tocsin.schema.models import PreparedSend
from tocsin.traffic import Product, Reason

_LISTED: Final = 200  # refused recipients that are kept and shown; all of them are in the log
_FOLLOWED: Final = 10
_FOLLOW_S: Final = 120
_TO_MOST: Final = 120  # characters of recipients on the page
_REASONS: Final = {reason.end.status: reason for reason in reversed(Reason)}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member(SEND)
def show(request: HttpRequest, who: Member, prepared_id: uuid.UUID) -> HttpResponse:
    """What will be sent, or what became of it; a POST sends it, once."""
    found = _find(who, prepared_id)
    kind = KINDS[found.kind]
    if found.answer is not None:
        return redirect("send-confirm", found.id) if request.method == "POST" else _show_result(request, who, found)
    with open_look() as conn:
        choices = compose.read_choices(conn, who.account_id, kind)
    if request.method == "POST":
        return _send(request, who, found, choices)
    body = compose.build_body(kind, found.fields, choices, prepared.read_files(found))
    estimate, faults = ask_estimate(who, kind, body)
    return render(
        request, "console/send_confirm.html", _describe(kind, found, choices, (estimate, list(faults.values())))
    )


def _find(who: Member, prepared_id: uuid.UUID) -> PreparedSend:
    """Raises Http404."""
    found = prepared.find_prepared(who, prepared_id)
    if found is None:
        raise Http404
    return found


def _describe(
    kind: Kind, found: PreparedSend, choices: Choices, said: tuple[Estimate | None, list[str]]
) -> dict[str, Any]:
    fields = found.fields
    text, subject = say(kind, fields, choices)
    to = ", ".join(fields["numbers"].replace("\n", ",").replace(",,", ",").split(","))
    actions = {"VERIFY": _("Verification code"), "NOTIFICATION": _("Notification"), "MARKETING": _("Marketing")}
    return {
        "kind": kind, "product": PRODUCTS[kind.product], "prepared": found, "fields": fields, "text": text,
        "subject": subject, "estimate": said[0], "troubles": said[1],
        "template": choices.find_template(fields["template"]), "country": choices.find_country(fields["country"]),
        "to": to if len(to) <= _TO_MOST else f"{to[:_TO_MOST]} …", "action": actions.get(fields["action"], ""),
        "size": size_up(text) if kind.product is Product.SMS else None,
        "files": [(name, compose.tell_size(size)) for _id, name, size in prepared.list_files(found)],
        "at": _tell_time(fields),
    }  # fmt: skip


def _tell_time(fields: compose.Fields) -> str:
    """When it goes, on the clock of its own zone; "" of now."""
    return fields["at"].replace("T", " ") if fields["when"] == "later" else ""


def _send(request: HttpRequest, who: Member, found: PreparedSend, choices: Choices) -> HttpResponse:
    """By the API, under the send's own idempotency key; and back to the page, which shows what became of it."""
    kind = KINDS[found.kind]
    if (database_now() - found.made_at).total_seconds() > installation().settings.idempotency_s:
        # The key may be forgotten: it would no longer stop a second send.
        messages.error(request, _("This was written too long ago. Review it once more."))
        return redirect(reverse("send", args=[kind.slug]) + f"?again={found.id}")
    body = compose.build_body(kind, found.fields, choices, prepared.read_files(found))
    if request.POST.get("amount", "") != str(_find_amount(who, kind, body)):
        messages.error(request, _("The price has changed. Look at it once more, then send."))
        return redirect("send-confirm", found.id)
    answer = public.call(open_line(), who.account, kind.path, body, f"console-{found.id}")
    if answer.fate is public.Fate.UNKNOWN:
        messages.error(
            request, _("No answer came. Press Send once more: it is sent once, whatever became of this try.")
        )
    elif answer.fate is public.Fate.AWAY:
        messages.error(request, _("The platform does not answer, and nothing was sent. Try again in a while."))
    elif answer.good or answer.data.get("failData"):
        _keep_answer(who, found, answer)
    else:
        for text in word_refusal(kind, answer.status, cut_detail(answer.message)).values():
            messages.error(request, text)
    return redirect("send-confirm", found.id)


def _find_amount(who: Member, kind: Kind, body: dict[str, Any]) -> int | None:
    estimate, _faults = ask_estimate(who, kind, body)
    return estimate.amount_micros if estimate is not None else None


def _keep_answer(who: Member, found: PreparedSend, answer: public.Answer) -> None:
    """Write down what became of it. A twin that comes later writes the same."""
    data = answer.data
    rows = data.get("successData") or data.get("array") or []
    kept = {
        "status": answer.status, "batch": data["batchNo"], "good": data["success"], "bad": data["fail"],
        "sent": [row["messageId"] if isinstance(row, dict) else row[1] for row in rows[:_FOLLOWED]],
        "refused": [
            (row.get("phone", row.get("email", "")), row["status"], "duplicate" in row["message"])
            for row in data["failData"][:_LISTED]
        ],
    }  # fmt: skip
    with open_change() as conn:
        changed = PreparedSend.objects.filter(id=found.id, account_id=who.account_id, answer__isnull=True).update(
            answer=kept
        )
        if changed:
            facts = {"batch": kept["batch"], "product": found.kind, "accepted": kept["good"], "refused": kept["bad"]}
            audit.record(conn, f"user {who.user.id}", "send", f"account {who.account}", None, facts)


def _show_result(request: HttpRequest, who: Member, found: PreparedSend) -> HttpResponse:
    kind, answer = KINDS[found.kind], found.answer or {}
    refused = [
        (to, word_reason(Reason.DUPLICATE if twice else _REASONS.get(status, Reason.SEND_FAILED)))
        for to, status, twice in answer["refused"]
    ]
    facts = {
        "kind": kind, "product": PRODUCTS[kind.product], "prepared": found, "answer": answer, "refused": refused,
        "more": answer["bad"] - len(refused), "batch_url": _find_batch_url(answer["batch"]),
        "at": _tell_time(found.fields), "fields": found.fields, **_read_states(who, found),
    }  # fmt: skip
    return render(request, "console/send_done.html", facts)


def _find_batch_url(batch_no: str) -> str:
    """Of the page of a batch."""
    try:
        return reverse("batch", args=[int(batch_no)])
    except NoReverseMatch:
        return reverse("messages")


def _read_states(who: Member, found: PreparedSend) -> dict[str, Any]:
    """The first messages as they are now, and whether they are worth another look."""
    with open_look() as conn:
        rows = [messaging.find_message(conn, who.account_id, message_id) for message_id in (found.answer or {})["sent"]]
    there = [row for row in rows if row is not None]
    young = any(row.ended_at is None and clock.now_s() - row.accepted_at < _FOLLOW_S for row in there)
    return {"rows": show_rows(there), "waits": young and found.fields["when"] != "later"}


@require_safe
@never_cache
@member(SEND)
def follow(request: HttpRequest, who: Member, prepared_id: uuid.UUID) -> HttpResponse:
    """The states of the first messages; the page asks again while they are under way."""
    found = _find(who, prepared_id)
    if found.answer is None:
        raise Http404
    facts = {"prepared": found, "answer": found.answer, **_read_states(who, found)}
    return render(request, "console/_send_states.html", facts)
