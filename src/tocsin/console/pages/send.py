"""Send: what to whom, with what it comes to while it is typed. What is complete goes on to be confirmed (pages/confirm.py)."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.console import compose, prepared
from tocsin.console.compose import VALUE, Choices, Faults, Fields
from tocsin.console.estimate import ask_estimate
from tocsin.console.gauge import gauge
from tocsin.console.kinds import KINDS, Kind
from tocsin.console.names import PRODUCTS
from tocsin.console.public import File
from tocsin.console.rights import SEND
from tocsin.console.space import has_room, tell_full
from tocsin.console.tenancy import Member, member, open_change, open_look
from tocsin.schema.models import PreparedSend
from tocsin.templates import TemplateRow

_ACTIONS = [
    ("NOTIFICATION", gettext_lazy("Notification"), gettext_lazy("orders, reminders, alerts")),
    ("VERIFY", gettext_lazy("Verification code"), gettext_lazy("goes before all others")),
    ("MARKETING", gettext_lazy("Marketing"), gettext_lazy("goes last; opt-outs and quiet hours hold it")),
]


def find_kind(slug: str) -> Kind:
    """Raises Http404."""
    try:
        return KINDS[slug]
    except KeyError:
        raise Http404 from None


@require_safe
@member(SEND)
def begin(request: HttpRequest, who: Member) -> HttpResponse:  # noqa: ARG001  a view's form
    """The first product."""
    return redirect("send", "sms")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member(SEND)
def show(request: HttpRequest, who: Member, slug: str) -> HttpResponse:
    """The form; a POST goes on to be confirmed, or shows what is wrong with nothing lost."""
    kind = find_kind(slug)
    with open_look() as conn:
        choices = compose.read_choices(conn, who.account_id, kind)
    if request.method != "POST":
        return _show_form(request, (kind, choices), *_begin(request, who, kind, choices), {})
    fields = compose.read_fields(request.POST.dict())
    kept = prepared.find_open(who, request.POST.get("kept", ""), kind)
    new, dropped = _read_new_files(request), _read_dropped(request)
    kept_files = [file for file in prepared.list_files(kept) if file[0] not in dropped]
    faults = compose.find_faults(kind, fields, choices, new)
    if sum(size for _, _, size in kept_files) + sum(len(file.data) for file in new) > kind.files_bytes:
        faults["files"] = compose.tell_too_large(kind)
        new = []
    elif new and not _have_room(who, new):
        faults["files"] = tell_full()
        new = []
    if kept is not None or new or not faults:
        kept = prepared.save(who, kind, kept, fields, new, dropped)
    if not faults and kept is not None:
        faults = ask_estimate(who, kind, compose.build_body(kind, fields, choices, prepared.read_files(kept)))[1]
    if not faults and kept is not None:
        return redirect("send-confirm", kept.id)
    return _show_form(request, (kind, choices), fields, kept, faults)


def _have_room(who: Member, new: Collection[File]) -> bool:
    with open_change() as conn:
        return has_room(conn, who.account_id, sum(len(file.data) for file in new))


def _read_new_files(request: HttpRequest) -> list[File]:
    return [File(file.name or "", file.read()) for file in request.FILES.getlist("files") if file.size]


def _read_dropped(request: HttpRequest) -> Collection[int]:
    return {int(word) for word in request.POST.getlist("drop") if word.isascii() and word.isdigit() and len(word) < 19}


def _begin(
    request: HttpRequest, who: Member, kind: Kind, choices: Choices
) -> tuple[dict[str, str], PreparedSend | None]:
    """What the form begins with: what was written before, or the ways of the last time, and a template that was chosen."""
    fields = compose.read_fields(
        {"action": "NOTIFICATION", "when": "now", "zone": timezone.get_current_timezone_name()}
    )
    kept = prepared.find_open(who, request.GET.get("edit", ""), kind)
    if kept is not None:
        return fields | kept.fields, kept
    again = _find_again(who, request.GET.get("again", ""), kind)
    if again is not None:
        return fields | again.fields | {"when": "now", "at": ""}, None
    last = prepared.find_last(who, kind)
    if last is not None:
        fields |= {name: last.fields.get(name, "") for name in ("country", "sender", "from", "action", "zone")}
    if choices.find_template(request.GET.get("template", "")):
        fields["template"] = request.GET["template"]
    return fields, None


def _find_again(who: Member, word: str, kind: Kind) -> PreparedSend | None:
    try:
        found = prepared.find_prepared(who, uuid.UUID(word))
    except ValueError:
        return None
    return found if found is not None and found.kind == kind.slug else None


def _show_form(
    request: HttpRequest,
    what: tuple[Kind, Choices],
    fields: Fields,
    kept: PreparedSend | None,
    faults: Faults,
) -> HttpResponse:
    kind, choices = what
    facts = {
        **describe_content(kind, fields, choices, faults),
        "kinds": [(each.slug, each.icon, PRODUCTS[each.product]) for each in KINDS.values()],
        "countries": choices.countries, "senders": choices.senders, "channels": choices.channels,
        "templates": choices.templates, "actions": _ACTIONS, "zones": compose.list_zones(),
        "kept": kept, "files": [(file_id, name, compose.tell_size(size)) for file_id, name, size in prepared.list_files(kept)],
        "files_most": compose.tell_size(kind.files_bytes), "at_once": f"{kind.most:,}",
    }  # fmt: skip
    return render(request, "console/send.html", facts)


def describe_content(kind: Kind, fields: Fields, choices: Choices, faults: Faults) -> dict[str, Any]:
    """What the part of the form says that a template changes."""
    template = choices.find_template(fields["template"])
    return {
        "kind": kind, "product": PRODUCTS[kind.product], "fields": fields, "faults": faults, "template": template,
        "variables": _list_inputs(template, fields, faults) if template else [],
        "listed": {name: text for name, text in faults.items() if name not in _PLACED and not name.startswith(VALUE)},
    }  # fmt: skip


_PLACED = frozenset({
    "country", "numbers", "sender", "template", "content", "title", "from", "action", "routing", "at", "files",
})  # fmt: skip
"""Faults that stand beside their field; the others stand above the form."""


def _list_inputs(template: TemplateRow, fields: Fields, faults: Faults) -> Sequence[tuple[str, str, str, str]]:
    """Name of the field, of the variable, its value, what is wrong with it."""
    return [
        (VALUE + name, name, fields.get(VALUE + name, ""), faults.get(VALUE + name, ""))
        for name in compose.list_variables(template)
    ]


@require_POST
@never_cache
@member(SEND)
def change_template(request: HttpRequest, who: Member, slug: str) -> HttpResponse:
    """The part of the form that a template changes."""
    kind, fields = find_kind(slug), compose.read_fields(request.POST.dict())
    with open_look() as conn:
        choices = compose.read_choices(conn, who.account_id, kind)
    return render(request, "console/_send_content.html", describe_content(kind, fields, choices, {}))


@require_POST
@never_cache
@member(SEND)
def preview(request: HttpRequest, who: Member, slug: str) -> HttpResponse:
    """What it comes to so far."""
    kind, fields = find_kind(slug), compose.read_fields(request.POST.dict())
    with open_look() as conn:
        choices = compose.read_choices(conn, who.account_id, kind)
    return render(request, "console/_send_preview.html", gauge(who, kind, fields, choices))
