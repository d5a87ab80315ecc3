"""Verbs over sending domains of email."""

from __future__ import annotations

import click

from tocsin import accounts, senders
from tocsin.cli.base import open_session, show, table, verbs
from tocsin.cli.change import note, note_difference, open_change, tell_yes

_DOMAIN = click.argument("domain")


@verbs("mail-domain")
def mail_domain() -> None:
    """Sending domains: where an account's email comes from."""


@mail_domain.command("add")
@click.argument("account")
@_DOMAIN
def add(account: str, domain: str) -> None:
    """Note that an account wants its email to come from a domain.

    Nothing comes from it until it is verified; until then the platform's own (TOCSIN_MAIL_DOMAIN) is used, if it has one.

    \b
    Example: tocsin mail-domain add acme mail.acme.com
    """
    with open_change() as conn:
        row = senders.add_domain(conn, accounts.find_account(conn, account).id, domain)
        note(conn, "mail-domain add", f"mail domain {row.domain}", None, _describe(row))
    show(
        _describe(row), f"{row.domain} is of {row.account} once it is verified: tocsin mail-domain verify {row.domain}"
    )


@mail_domain.command("verify")
@_DOMAIN
def verify(domain: str) -> None:
    """Say that a domain is the account's: its email comes from noreply@DOMAIN from now on."""
    with open_change() as conn:
        before, after = senders.verify_domain(conn, domain)
        note_difference(conn, "mail-domain verify", f"mail domain {after.domain}", _describe(before), _describe(after))
    show(_describe(after), f"email of {after.account} may come from {after.domain}")


@mail_domain.command("list")
def list_domains() -> None:
    """List all sending domains; an account's first verified one is used."""
    with open_session() as conn:
        rows = senders.list_domains(conn)
    cells = [[row.account, row.domain, tell_yes(row.verified)] for row in rows]
    said = (
        table(["account", "domain", "verified"], cells)
        if rows
        else "There is none: tocsin mail-domain add ACCOUNT DOMAIN"
    )
    show([_describe(row) for row in rows], said)


@mail_domain.command("remove")
@_DOMAIN
def remove(domain: str) -> None:
    """Let no email come from a domain any more; what is accepted keeps its sender."""
    with open_change() as conn:
        row = senders.remove_domain(conn, domain)
        note(conn, "mail-domain remove", f"mail domain {row.domain}", _describe(row), None)
    show(_describe(row), f"{row.domain} is no longer a sending domain of {row.account}")


def _describe(row: senders.DomainRow) -> dict[str, object]:
    return {"account": row.account, "domain": row.domain, "verified": row.verified}
