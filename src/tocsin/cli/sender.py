"""Verbs over senders: the pool that an account sends from where its requests name none."""

from __future__ import annotations

import click

from tocsin import accounts, routing
from tocsin.cli.base import show, table, verbs
from tocsin.cli.change import note, open_change, tell_yes

_COUNTRY = click.option("--country", metavar="CODEID", help="To this country alone (codeId or ISO code).")


@verbs()
def sender() -> None:
    """Senders of SMS and MMS."""


@sender.group()
def pool() -> None:
    """Pools: what an account sends from where a request names no sender."""


@pool.command()
@click.argument("account")
@click.argument("sender_id", metavar="SENDER")
@_COUNTRY
def add(account: str, sender_id: str, country: str | None) -> None:
    """Put a granted sender into an account's pool.

    Where SMS or MMS of the account name no senderId, each recipient gets one of the pool, always the same. Senders of a
    country go before those of every country.

    \b
    Examples: tocsin sender pool add acme ACME
              tocsin sender pool add acme 62811000 --country ID
    """
    with open_change() as conn:
        found = accounts.find_account(conn, account)
        place = routing.find_country(conn, country) if country else None
        accounts.add_to_pool(conn, found.id, sender_id, place.code_id if place else 0)
        facts = {"account": account, "sender": sender_id, "country": place.iso if place else None}
        note(conn, "sender pool add", f"account {account}", None, facts)
    show(facts, f"{account}: {sender_id} is in the pool of {facts['country'] or 'every country'}")


@pool.command("remove")
@click.argument("account")
@click.argument("sender_id", metavar="SENDER")
@_COUNTRY
def remove(account: str, sender_id: str, country: str | None) -> None:
    """Take a sender out of an account's pool; it stays granted.

    Only the recipients that had it get another one.
    """
    with open_change() as conn:
        found = accounts.find_account(conn, account)
        place = routing.find_country(conn, country) if country else None
        accounts.remove_from_pool(conn, found.id, sender_id, place.code_id if place else 0)
        facts = {"account": account, "sender": sender_id, "country": place.iso if place else None}
        note(conn, "sender pool remove", f"account {account}", facts, None)
    show(facts, f"{account}: {sender_id} is no longer in the pool of {facts['country'] or 'every country'}")


@pool.command("list")
@click.argument("account", required=False)
def list_senders(account: str | None) -> None:
    """List the pool of an account, or of all. What is not granted any more is passed over."""
    with open_change() as conn:
        found = accounts.list_pool(conn, accounts.find_account(conn, account).id if account else None)
        isos = {country.code_id: country.iso for country in routing.list_countries(conn)}
    rows = [
        {"account": row.account, "sender": row.sender, "country": isos.get(row.country_id or 0), "granted": row.granted}
        for row in found
    ]
    cells = [[row["account"], row["sender"], row["country"] or "any", tell_yes(bool(row["granted"]))] for row in rows]
    said = table(["account", "sender", "country", "granted"], cells)
    show(rows, said if rows else "There is none: tocsin sender pool add ACCOUNT SENDER")
