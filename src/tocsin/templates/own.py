"""What an account does with its own templates; the account id is in every statement. In the caller's transaction."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.templates import store
from tocsin.templates.change import Draft, check_draft
from tocsin.templates.model import State, TemplateRow

ID_BELOW: Final = 2**31


class Wanted(NamedTuple):
    """Which ones: None or "" is any. `words`: in name, subject or text, in any case, or the id; `before`: ids below it."""

    kind: str | None = None
    state: str | None = None
    words: str = ""
    before: int = ID_BELOW - 1
    limit: int = 50


def find_own(conn: Connection[TupleRow], account_id: int, template_id: int) -> TemplateRow | None:
    """The account's template of that id, or an approved one of every account."""
    return store.find_own(conn, account_id, template_id) if 0 < template_id < ID_BELOW else None


def list_own(conn: Connection[TupleRow], account_id: int, wanted: Wanted) -> list[TemplateRow]:
    """A page of the account's templates and of everybody's approved ones, newest first."""
    fields = wanted._asdict() | {
        "account": account_id, "kind": wanted.kind or None, "state": wanted.state or None, "words": wanted.words or None,
    }  # fmt: skip
    return store.list_own(conn, fields)


def edit_draft(conn: Connection[TupleRow], template_id: int, draft: Draft) -> bool:
    """Say something else; False where its account has no such draft. Raises TemplateError."""
    check_draft(draft)
    fields = msgspec.structs.asdict(draft)
    return store.update_draft(conn, {"account": fields.pop("account_id"), "id": template_id, **fields})


def submit_own(conn: Connection[TupleRow], account_id: int, template_id: int) -> bool:
    """Ask for a decision about a draft, or about a rejected template once more; False where there is none."""
    return store.move_own(conn, account_id, template_id, (State.DRAFT, State.REJECTED), State.PENDING)


def withdraw_own(conn: Connection[TupleRow], account_id: int, template_id: int) -> bool:
    """Take back what nobody decided about yet: it is a draft again; False where there is none."""
    return store.move_own(conn, account_id, template_id, (State.PENDING,), State.DRAFT)


def delete_draft(conn: Connection[TupleRow], account_id: int, template_id: int) -> bool:
    """End a draft that nobody decided about; False where there is none."""
    return store.delete_draft(conn, account_id, template_id)
