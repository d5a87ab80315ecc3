"""Statements over templates; private to this context."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.kit.db import Queries, Session
from tocsin.templates.model import State, TemplateRow

QUERIES = Queries(Path(__file__).with_name("queries.sql"))

Conn = Connection[TupleRow]


class ApprovedRow(NamedTuple):
    """An approved template. `account_id` 0: of every account."""

    id: int
    account_id: int
    kind: str
    subject: str
    text: str


class ChangedRow(NamedTuple):
    """A template that changed; not approved: without its texts."""

    id: int
    version: int
    account_id: int
    kind: str
    is_approved: bool
    subject: str
    text: str


async def read_clock(session: Session) -> int:
    """The table's clock; a row that is committed has no later version. Raises LOST."""
    return next((int(row[0]) for row in await session.rows(QUERIES["clock"])), 0)


async def read_page(session: Session, after_id: int, limit: int) -> list[ApprovedRow]:
    """The next approved templates, by id. Raises LOST."""
    return [ApprovedRow(*row) for row in await session.rows(QUERIES["page"], (after_id, limit))]


async def read_changed(session: Session, since: int, limit: int) -> list[ChangedRow]:
    """The next templates that are newer than version `since`, by version. Raises LOST."""
    return [ChangedRow(*row) for row in await session.rows(QUERIES["changed"], (since, limit))]


def insert_template(conn: Conn, fields: dict[str, Any]) -> int:
    """Id of the new template."""
    row = conn.execute(QUERIES["add"], fields).fetchone()
    assert row is not None
    return int(row[0])


def lock_template(conn: Conn, template_id: int) -> None:
    """Hold the template's row until the transaction ends."""
    conn.execute(QUERIES["lock_row"], (template_id,))


def update_state(conn: Conn, template_id: int, state: State, reason: str) -> None:
    """Write a new state, and when it was decided."""
    conn.execute(QUERIES["decide"], (state, reason, state in {State.APPROVED, State.REJECTED}, template_id))


def find_template(conn: Conn, template_id: int) -> TemplateRow | None:
    """The template of that id."""
    row = conn.execute(QUERIES["find"], (template_id,)).fetchone()
    return None if row is None else _build(row)


def find_own(conn: Conn, account_id: int, template_id: int) -> TemplateRow | None:
    """The account's template of that id, or everybody's approved one."""
    row = conn.execute(QUERIES["find_own"], {"account": account_id, "id": template_id}).fetchone()
    return None if row is None else _build(row)


def list_own(conn: Conn, wanted: dict[str, Any]) -> list[TemplateRow]:
    """A page of them, newest first. `wanted`: account, kind, state, words (None: any), before (an id), limit."""
    return [_build(row) for row in conn.execute(QUERIES["own_rows"], wanted)]


def update_draft(conn: Conn, fields: dict[str, Any]) -> bool:
    """Write what a draft says; False where the account has no such draft. `fields`: account, id, kind, name, subject, text."""
    return conn.execute(QUERIES["own_edit"], fields).fetchone() is not None


def move_own(conn: Conn, account_id: int, template_id: int, sources: Sequence[State], state: State) -> bool:
    """Write a new state; False where the account has no such template in one of `sources`."""
    wanted = {"account": account_id, "id": template_id, "from": [str(each) for each in sources], "state": state}
    return conn.execute(QUERIES["own_move"], wanted).fetchone() is not None


def delete_draft(conn: Conn, account_id: int, template_id: int) -> bool:
    """False where the account has no such draft that nobody decided about."""
    return conn.execute(QUERIES["own_delete"], (account_id, template_id)).fetchone() is not None


def list_templates(conn: Conn, wanted: dict[str, Any]) -> list[TemplateRow]:
    """The newest ones, newest first. `wanted`: account (0: of every account), kind, state (None: any), limit."""
    return [_build(row) for row in conn.execute(QUERIES["rows"], wanted)]


def _build(row: TupleRow) -> TemplateRow:
    found = TemplateRow(*row)
    return found._replace(state=State(found.state))
