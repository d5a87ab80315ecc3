"""Verbs over quiet hours."""

from __future__ import annotations

from typing import Any

import click

from tocsin import compliance, routing
from tocsin.cli.base import open_session, show, table, verbs
from tocsin.cli.change import Conn, find_owner, note, open_change

_COUNTRY = click.option("--country", metavar="CODEID", help="Of this country (codeId or ISO code) alone.")
_ACCOUNT = click.option("--account", help="Of this account alone.")


@verbs()
def quiet() -> None:
    """Quiet hours: when MARKETING waits, on the recipient's clock."""


@quiet.command("set")
@click.argument("hours")
@_COUNTRY
@_ACCOUNT
def set_hours(hours: str, country: str | None, account: str | None) -> None:
    """Hold MARKETING back in these HOURS; `none`: never, whatever a wider rule says.

    An account's own rule goes before a general one, a country's before that of every country. A message waits until the
    hours end, and goes then.

    \b
    Examples: tocsin quiet set 21:00-08:00
              tocsin quiet set none --country US --account acme
    """
    with open_change() as conn:
        start, end = (None, None) if hours == "none" else compliance.read_hours(hours)
        account_id, country_id, iso = _find_place(conn, country, account)
        rule = compliance.QuietRule(account_id=account_id, country_id=country_id, start_minute=start, end_minute=end)
        before = compliance.set_quiet(conn, rule)
        facts = {"hours": compliance.write_hours(rule), "country": iso, "account": account}
        told = None if before is None else {**facts, "hours": compliance.write_hours(before)}
        if told != facts:
            note(conn, "quiet set", _name(facts), told, facts)
    show(facts, f"{_name(facts)}: {facts['hours']}")


def _find_place(conn: Conn, country: str | None, account: str | None) -> tuple[int, int, str | None]:
    found = routing.find_country(conn, country) if country else None
    return find_owner(conn, account), found.code_id if found else 0, found.iso if found else None


def _name(facts: dict[str, Any]) -> str:
    return f"quiet hours of {facts['account'] or 'all accounts'}, {facts['country'] or 'every country'}"


@quiet.command("list")
def list_hours() -> None:
    """List all quiet hours."""
    with open_session() as conn:
        found = compliance.list_quiet(conn)
    rows = [{"hours": compliance.write_hours(row.rule), "country": row.iso, "account": row.account} for row in found]
    text = table(
        ["hours", "country", "account"], [[r["hours"], r["country"] or "any", r["account"] or "any"] for r in rows]
    )
    show(rows, text)


@quiet.command("remove")
@_COUNTRY
@_ACCOUNT
def remove_hours(country: str | None, account: str | None) -> None:
    """Take a rule away; a wider one, if there is any, holds then."""
    with open_change() as conn:
        account_id, country_id, iso = _find_place(conn, country, account)
        rule = compliance.remove_quiet(conn, account_id, country_id)
        facts = {"hours": compliance.write_hours(rule), "country": iso, "account": account}
        note(conn, "quiet remove", _name(facts), facts, None)
    show(facts, f"{_name(facts)}: {facts['hours']} removed")
