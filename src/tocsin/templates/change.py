"""What operators do to templates. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

from typing import Final

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.content import parse_template, text_fault
from tocsin.templates import store
from tocsin.templates.model import EMAIL, KINDS, State, TemplateError, TemplateNameError, TemplateRow

_ID_BELOW: Final = 2**31
_NAME_MOST: Final = 100
_REASON_MOST: Final = 500
_SUBJECT_MOST: Final = 500
_EMAIL_MOST: Final = 100_000  # characters; approved ones are kept in the memory of every API process
_FROM: Final = {
    State.PENDING: (State.DRAFT, State.REJECTED),
    State.APPROVED: (State.PENDING, State.REJECTED),
    State.REJECTED: (State.PENDING, State.APPROVED),
}
"""State -> from which it may be reached. An approved template is withdrawn by rejecting it."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A template to be made. `account_id` EVERYBODY: for every account."""

    account_id: int
    kind: str
    text: str
    name: str = ""
    subject: str = ""
    state: State = State.PENDING


def add_template(conn: Connection[TupleRow], draft: Draft) -> TemplateRow:
    """The template that was made. Raises TemplateError."""
    check_draft(draft)
    fields = msgspec.structs.asdict(draft)
    return find_template(conn, store.insert_template(conn, {"account": fields.pop("account_id"), **fields}))


def check_draft(draft: Draft) -> None:
    """Raises TemplateError."""
    if draft.kind not in KINDS:
        raise TemplateError(f"a template is for {', '.join(KINDS)}, not for {draft.kind!r}")
    if draft.state not in {State.DRAFT, State.PENDING}:
        raise TemplateError("a new template is a draft or pending")
    if len(draft.name) > _NAME_MOST or not draft.name.isprintable():
        raise TemplateError(f"a name has at most {_NAME_MOST} characters, none of them a control character")
    if draft.kind == EMAIL:
        _check_email(draft)
        return
    if draft.subject:
        raise TemplateError("only a template of email has a subject")
    try:
        parse_template(draft.text)
    except ValueError as error:
        raise TemplateError(str(error)) from None


def _check_email(draft: Draft) -> None:
    if not draft.subject.strip() or len(draft.subject) > _SUBJECT_MOST or not draft.subject.isprintable():
        raise TemplateError(f"a template of email needs a subject of one line, {_SUBJECT_MOST} characters at most")
    if not draft.text.strip() or len(draft.text) > _EMAIL_MOST:
        raise TemplateError(f"a template of email has 1 to {_EMAIL_MOST} characters")
    if fault := text_fault(draft.text):
        raise TemplateError(f"a template cannot hold a {fault}")


def submit_template(conn: Connection[TupleRow], template_id: int) -> tuple[TemplateRow, TemplateRow]:
    """Ask for a decision about a draft, or once more; before and after. Raises TemplateError."""
    return _move(conn, template_id, State.PENDING, "")


def approve_template(conn: Connection[TupleRow], template_id: int) -> tuple[TemplateRow, TemplateRow]:
    """Let it be sent; before and after. Raises TemplateError."""
    return _move(conn, template_id, State.APPROVED, "")


def reject_template(conn: Connection[TupleRow], template_id: int, reason: str) -> tuple[TemplateRow, TemplateRow]:
    """Refuse it, or withdraw what was approved; before and after. Raises TemplateError."""
    reason = reason.strip()
    if not reason or len(reason) > _REASON_MOST or not reason.isprintable():
        raise TemplateError(f"a rejection needs a reason, {_REASON_MOST} characters at most")
    return _move(conn, template_id, State.REJECTED, reason)


def _move(conn: Connection[TupleRow], template_id: int, state: State, reason: str) -> tuple[TemplateRow, TemplateRow]:
    # Locked first: what is read after it is what nobody changes meanwhile.
    store.lock_template(conn, find_template(conn, template_id).id)
    before = find_template(conn, template_id)
    if before.state not in _FROM[state]:
        what = {State.PENDING: "submitted", State.APPROVED: "approved", State.REJECTED: "rejected"}[state]
        raise TemplateError(f"template {template_id} is {before.state}: only one that is {_word(state)} can be {what}")
    store.update_state(conn, template_id, state, reason)
    return before, find_template(conn, template_id)


def _word(state: State) -> str:
    return " or ".join(_FROM[state])


def find_template(conn: Connection[TupleRow], template_id: int) -> TemplateRow:
    """The template of that id. Raises TemplateError."""
    found = store.find_template(conn, template_id) if 0 < template_id < _ID_BELOW else None
    if found is None:
        raise TemplateNameError("template", str(template_id), "`tocsin template list` has the ids")
    return found


def list_templates(
    conn: Connection[TupleRow], account_id: int | None, kind: str | None, state: str | None, limit: int
) -> list[TemplateRow]:
    """The newest ones, newest first: of an account (EVERYBODY: of all of them; None: any), kind, state (None: any)."""
    return store.list_templates(conn, {"account": account_id, "kind": kind, "state": state, "limit": limit})
