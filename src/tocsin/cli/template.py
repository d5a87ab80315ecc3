"""Verbs over templates."""

from __future__ import annotations

import sys
from typing import Any

import click

from tocsin import accounts, templates
from tocsin.cli.base import Choice, show, table, verbs
from tocsin.cli.change import Conn, note, open_change, tell_time
from tocsin.templates import EMAIL, EVERYBODY, KINDS, Draft, State, TemplateRow

_ALL = "*"
_SHOWN = 60  # characters of a text in a list
_KIND = Choice(KINDS)


@verbs()
def template() -> None:
    """Templates: texts that a send names by id, and that free content must fit where a country demands it."""


@template.command("add")
@click.argument("name")
@click.argument("kind", type=_KIND)
@click.argument("text")
@click.option("--subject", default="", help="Of an email; it needs one.")
@click.option("--label", default="", help="What people call it.")
@click.option("--draft", is_flag=True, help="Nobody decides about it until `template submit`.")
def add(name: str, kind: str, text: str, subject: str, label: str, draft: bool) -> None:
    """Make a template of an account, pending until it is approved, and print its id.

    NAME is the account; '*' makes it one of every account. TEXT has variables {1}, {2} and so on, that of an email
    placeholders like {name}; - reads it from standard input.

    \b
    Examples: tocsin template add acme sms 'Your code is {1}. It holds for {2} minutes.'
              tocsin template add '*' voice 'Your order {1} is ready.'
              tocsin template add acme email - --subject 'Hello {name}' < mail.html
    """
    if text == "-":
        # What is no UTF-8 becomes lone surrogates, which no template may hold.
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape").rstrip("\r\n")
    state = State.DRAFT if draft else State.PENDING
    with open_change() as conn:
        owner = _find_owner(conn, name)
        made = templates.add_template(
            conn, Draft(account_id=owner, kind=kind, text=text, name=label, subject=subject, state=state)
        )
        facts = _facts(made)
        note(conn, "template add", f"template {made.id}", None, facts)
    show(facts, f"id      {made.id}\naccount {made.account or 'all'}\nstate   {made.state}")


def _find_owner(conn: Conn, name: str) -> int:
    """Raises AccountError."""
    return EVERYBODY if name == _ALL else accounts.find_account(conn, name).id


def _facts(row: TemplateRow) -> dict[str, Any]:
    facts = row._asdict() | {"state": row.state.value, "created_at": tell_time(row.created_at)}
    facts["label"] = facts.pop("name")
    facts["decided_at"] = tell_time(row.decided_at)
    return facts


@template.command("approve")
@click.argument("template_id", metavar="ID", type=int)
def approve(template_id: int) -> None:
    """Let a template be sent; what it says cannot be changed any more."""
    with open_change() as conn:
        facts = _note_move(conn, "template approve", templates.approve_template(conn, template_id))
    show(facts, f"template {template_id} may be sent")


@template.command("reject")
@click.argument("template_id", metavar="ID", type=int)
@click.argument("reason")
def reject(template_id: int, reason: str) -> None:
    """Refuse a template, or withdraw an approved one: sends that name it are answered -17.

    \b
    Example: tocsin template reject 12 'names no company'
    """
    with open_change() as conn:
        facts = _note_move(conn, "template reject", templates.reject_template(conn, template_id, reason))
    show(facts, f"template {template_id} is rejected: {facts['reason']}")


@template.command("submit")
@click.argument("template_id", metavar="ID", type=int)
def submit(template_id: int) -> None:
    """Ask for a decision about a draft, or about a rejected template once more."""
    with open_change() as conn:
        facts = _note_move(conn, "template submit", templates.submit_template(conn, template_id))
    show(facts, f"template {template_id} is pending")


def _note_move(conn: Conn, action: str, moved: tuple[TemplateRow, TemplateRow]) -> dict[str, Any]:
    """Audit what a decision changed; the template as it is now."""
    before, after = (_facts(row) for row in moved)
    fields = ("state", "reason")
    was, now = ({name: facts[name] for name in fields} for facts in (before, after))
    note(conn, action, f"template {after['id']}", was, now)
    return after


@template.command("show")
@click.argument("template_id", metavar="ID", type=int)
def show_template(template_id: int) -> None:
    """Show everything about one template."""
    with open_change() as conn:
        facts = _facts(templates.find_template(conn, template_id))
    shown = {**facts, "account": facts["account"] or "all"}
    text = shown.pop("text")
    width = max(map(len, shown))
    lines = [f"{name.replace('_', ' ').ljust(width)}  {value}".rstrip() for name, value in shown.items()]
    show(facts, "\n".join([*lines, "", text]))


@template.command("list")
@click.argument("name", required=False)
@click.option("--kind", type=_KIND, help="Of this product alone.")
@click.option("--state", type=Choice([state.value for state in State]), help="In this state alone.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
def list_templates(name: str | None, kind: str | None, state: str | None, limit: int) -> None:
    """List templates, newest first: of an account, of every account ('*'), or all.

    \b
    Example: tocsin template list --state pending
    """
    with open_change() as conn:
        owner = _find_owner(conn, name) if name else None
        found = templates.list_templates(conn, owner, kind, state, limit)
    head = ["id", "account", "kind", "state", "label", "text"]
    rows = [[row.id, row.account or "all", row.kind, row.state.value, row.name, _shorten(row)] for row in found]
    show([_facts(row) for row in found], table(head, rows))


def _shorten(row: TemplateRow) -> str:
    """The first words, on one line; of an email its subject."""
    text = " ".join((row.subject if row.kind == EMAIL else row.text).split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
