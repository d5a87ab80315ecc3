"""Verbs over countries and over what accounts are granted."""

from __future__ import annotations

import click
import msgspec

from tocsin import accounts, routing
from tocsin.cli.base import Choice, open_session, show, table, verbs
from tocsin.cli.change import Conn, given, note, note_difference, open_change, tell_yes


@verbs()
def country() -> None:
    """Countries: where messages may go."""


@country.command("set")
@click.argument("word", metavar="CODEID")
@click.option("--enabled/--disabled", default=None, help="Whether anything is sent there (-19 if not).")
@click.option("--template-required/--no-template-required", default=None, help="Whether SMS and MMS need a template.")
def set_country(word: str, enabled: bool | None, template_required: bool | None) -> None:
    """Change a country, by its codeId or ISO code.

    \b
    Examples: tocsin country set 10007 --disabled
              tocsin country set IN --template-required
    """
    changes = given(enabled=enabled, template_required=template_required)
    if not changes:
        raise click.UsageError("nothing to set: name at least one option")
    with open_change() as conn:
        before, after = routing.set_country(conn, word, **changes)
        facts = msgspec.structs.asdict(after)
        subject = f"country {after.code_id}"
        changed = note_difference(conn, "country set", subject, msgspec.structs.asdict(before), facts)
    said = ", ".join(f"{field.replace('_', ' ')} {tell_yes(value)}" for field, value in changed.items())
    show(facts, f"{after.name} ({after.code_id}): {said or 'it was so already'}")


@country.command("list")
def list_countries() -> None:
    """List all countries with their codeIds."""
    with open_session() as conn:
        found = routing.list_countries(conn)
    head = ["codeId", "ISO", "calling code", "name", "enabled", "template"]
    rows = [
        [each.code_id, each.iso, each.calling_code, each.name, tell_yes(each.enabled), tell_yes(each.template_required)]
        for each in found
    ]
    show([msgspec.structs.asdict(each) for each in found], table(head, rows))


@verbs()
def grant() -> None:
    """Grants: what an account may beyond the ordinary."""


_KIND = Choice(accounts.GRANT_KINDS)


@grant.command("add")
@click.argument("name")
@click.argument("kind", type=_KIND)
@click.argument("value")
def add_grant(name: str, kind: str, value: str) -> None:
    """Grant something to an account.

    sender: a senderId it may use. show-phone: a caller number for voice. routing: a channel it may name. free-text: a
    country (codeId or ISO code, * for all) where it needs no template.

    \b
    Examples: tocsin grant add acme sender ACME
              tocsin grant add acme free-text CN
    """
    with open_change() as conn:
        found = accounts.find_account(conn, name)
        value = _normalise(conn, kind, value)
        accounts.add_grant(conn, found.id, kind, value)
        facts = {"account": name, "kind": kind, "value": value}
        note(conn, "grant add", f"account {name}", None, facts)
    show(facts, f"{name}: {kind} {value} granted")


def _normalise(conn: Conn, kind: str, value: str) -> str:
    """A name that exists, as the processes look it up. Raises RoutingError, AccountError."""
    value = value.strip()
    if not value or "\x00" in value:
        raise accounts.AccountError("a grant needs a value")
    if kind == accounts.ROUTING:
        return routing.find_channel(conn, value).name
    if kind == accounts.FREE_TEXT and value != "*":
        return str(routing.find_country(conn, value).code_id)
    if kind == accounts.SHOW_PHONE:
        return value.removeprefix("+")
    return value


@grant.command("list")
@click.argument("name", required=False)
def list_grants(name: str | None) -> None:
    """List the grants of an account, or of all."""
    with open_change() as conn:
        found = accounts.list_grants(conn, accounts.find_account(conn, name).id if name else None)
    rows = [{"account": account, "kind": kind, "value": value} for account, kind, value in found]
    show(rows, table(["account", "kind", "value"], found))


@grant.command("remove")
@click.argument("name")
@click.argument("kind", type=_KIND)
@click.argument("value")
def remove_grant(name: str, kind: str, value: str) -> None:
    """Take a grant back."""
    with open_change() as conn:
        found = accounts.find_account(conn, name)
        if kind == accounts.FREE_TEXT:
            value = _normalise(conn, kind, value)
        accounts.remove_grant(conn, found.id, kind, value)
        facts = {"account": name, "kind": kind, "value": value}
        note(conn, "grant remove", f"account {name}", facts, None)
    show(facts, f"{name}: {kind} {value} taken back")
