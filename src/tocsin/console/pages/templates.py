"""Templates of the account: written, submitted, decided by the operator; what each says, and with sample values."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin import audit, templates
from tocsin.console import compose
from tocsin.console.rights import TEMPLATES
from tocsin.console.tenancy import Conn, Member, member, open_change, open_look
from tocsin.console.written import Written, describe_text, read_written, word_fault
from tocsin.templates import State, TemplateError, TemplateRow

_PAGE: Final = 50
_WORDS_MOST: Final = 100
KINDS: Final = {
    "sms": gettext_lazy("SMS"),
    "mms": gettext_lazy("MMS"),
    "voice": gettext_lazy("Voice"),
    "email": gettext_lazy("Email"),
}
_STATES: Final = {
    State.DRAFT: (gettext_lazy("Draft"), "secondary", "pencil"),
    State.PENDING: (gettext_lazy("In review"), "azure", "clock"),
    State.APPROVED: (gettext_lazy("Approved"), "green", "circle-check"),
    State.REJECTED: (gettext_lazy("Rejected"), "red", "circle-x"),
}
_SLUGS: Final = {"sms": "sms", "mms": "mms", "voice": "voice", "email": "email"}


@require_safe
@never_cache
@member()
def show(request: HttpRequest, who: Member) -> HttpResponse:
    """The list, newest first, by key."""
    kind, state = request.GET.get("kind", ""), request.GET.get("state", "")
    words, before = request.GET.get("words", "").replace("\0", "").strip()[:_WORDS_MOST], request.GET.get("before", "")
    wanted = templates.Wanted(
        kind if kind in KINDS else None, state if state in set(State) else None, words, limit=_PAGE + 1
    )
    deep = before.isascii() and before.isdigit() and len(before) < 10
    with open_look() as conn:
        rows = templates.list_own(conn, who.account_id, wanted._replace(before=int(before)) if deep else wanted)
    more = ""
    if len(rows) > _PAGE:
        rows = rows[:_PAGE]
        more = "?" + urlencode({"kind": kind, "state": state, "words": words, "before": rows[-1].id})
    facts = {
        "rows": [_describe(row) for row in rows], "more": more, "deep": deep, "kind": kind, "state": state, "words": words,
        "kinds": KINDS.items(), "states": [(value.value, names[0]) for value, names in _STATES.items()],
        "may": TEMPLATES in who.can,
    }  # fmt: skip
    return render(request, "console/templates.html", facts)


def _describe(row: TemplateRow) -> dict[str, Any]:
    word, colour, icon = _STATES[row.state]
    return {
        "row": row, "product": KINDS[row.kind], "state": word, "colour": colour, "icon": icon, "slug": _SLUGS[row.kind],
        "variables": compose.list_variables(row), "for_all": row.account is None,
    }  # fmt: skip


@require_safe
@never_cache
@member()
def look(request: HttpRequest, who: Member, template_id: int) -> HttpResponse:
    """One template."""
    with open_look() as conn:
        row = _find(conn, who, template_id)
    fields = {compose.VALUE + name: request.GET.get(compose.VALUE + name, "") for name in compose.list_variables(row)}
    is_own, undecided = row.account is not None, row.decided_at is None
    may = TEMPLATES in who.can and is_own
    facts = {
        **_describe(row), **describe_text(row, fields),
        "may_edit": may and undecided and row.state is State.DRAFT,
        "may_submit": may and row.state in {State.DRAFT, State.REJECTED},
        "may_withdraw": may and undecided and row.state is State.PENDING, "may_copy": TEMPLATES in who.can,
    }  # fmt: skip
    return render(request, "console/template.html", facts)


def _find(conn: Conn, who: Member, template_id: int) -> TemplateRow:
    """Raises Http404."""
    row = templates.find_own(conn, who.account_id, template_id)
    if row is None:
        raise Http404
    return row


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member(TEMPLATES)
def write(request: HttpRequest, who: Member, template_id: int = 0) -> HttpResponse:
    """A new draft (with `?copy=ID` from another template), or one that is edited."""
    with open_look() as conn:
        row = _find(conn, who, template_id) if template_id else None
        source = row or _find_source(conn, who, request.GET.get("copy", ""))
    if row is not None and (row.state is not State.DRAFT or row.account is None or row.decided_at is not None):
        messages.error(request, _("Only a draft can be edited."))
        return redirect("template", row.id)
    if request.method != "POST":
        begun = Written(source.kind, source.name, source.subject, source.text) if source else Written("sms", "", "", "")
        return _show_form(request, begun, row, {})
    written = read_written(request.POST)
    try:
        saved = _save(who, written, template_id, submits="submit" in request.POST)
    except TemplateError as error:
        return _show_form(request, written, row, word_fault(str(error)))
    is_pending = "submit" in request.POST
    messages.success(request, _("The template is in review.") if is_pending else _("The draft is saved."))
    return redirect("template", saved)


def _find_source(conn: Conn, who: Member, word: str) -> TemplateRow | None:
    if not (word.isascii() and word.isdigit() and len(word) < 11):
        return None
    return _find(conn, who, int(word))


def _save(who: Member, written: Written, template_id: int, *, submits: bool) -> int:
    """Id of the template. Raises TemplateError, Http404."""
    draft = templates.Draft(account_id=who.account_id, state=State.DRAFT, **written._asdict())
    with open_change() as conn:
        if not template_id:
            saved = templates.add_template(conn, draft).id
        elif templates.edit_draft(conn, template_id, draft):
            saved = template_id
        else:
            raise Http404
        _note(conn, who, "template edit" if template_id else "template add", saved)
        if submits:
            templates.submit_own(conn, who.account_id, saved)
            _note(conn, who, "template submit", saved)
    return saved


def _note(conn: Conn, who: Member, verb: str, template_id: int) -> None:
    audit.record(conn, f"user {who.user.id}", verb, f"template {template_id}", None, {"account": who.account})


def _show_form(request: HttpRequest, written: Written, row: TemplateRow | None, faults: dict[str, str]) -> HttpResponse:
    facts = {"written": written, "row": row, "faults": faults, "kinds": KINDS.items()}
    return render(request, "console/template_form.html", facts)


@require_POST
@member(TEMPLATES)
def submit(request: HttpRequest, who: Member, template_id: int) -> HttpResponse:
    """Ask the operator to decide."""
    return _move(request, who, template_id, ("template submit", _("The template is in review.")))


@require_POST
@member(TEMPLATES)
def withdraw(request: HttpRequest, who: Member, template_id: int) -> HttpResponse:
    """Take it back before anybody decided."""
    return _move(request, who, template_id, ("template withdraw", _("The template is a draft again.")))


def _move(request: HttpRequest, who: Member, template_id: int, what: tuple[str, str]) -> HttpResponse:
    verb, told = what
    move = templates.submit_own if verb == "template submit" else templates.withdraw_own
    with open_change() as conn:
        _find(conn, who, template_id)
        moved = move(conn, who.account_id, template_id)
        if moved:
            _note(conn, who, verb, template_id)
    if moved:
        messages.success(request, told)
    else:
        messages.error(request, _("It was decided meanwhile."))
    return redirect("template", template_id)


@require_POST
@member(TEMPLATES)
def delete(request: HttpRequest, who: Member, template_id: int) -> HttpResponse:
    """End a draft."""
    with open_change() as conn:
        if not templates.delete_draft(conn, who.account_id, template_id):
            raise Http404
        _note(conn, who, "template delete", template_id)
    messages.success(request, _("The draft is deleted."))
    return redirect("templates")
