"""Which names there are of a kind, for who wrote one that there is not."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from tocsin.cli.store import QUERIES
from tocsin.kit.suggest import UnknownNameError, join, suggest

Conn = psycopg.Connection[Any]

MAX_NAMES: Final = 20_000
"""Of a kind: the ones of the most similar length are compared."""
_KINDS: Final = {
    "account": "names_of_accounts",
    "channel": "names_of_channels",
    "country": "names_of_countries",
    "member": "names_of_members",
    "plan": "names_of_plans",
    "sending domain": "names_of_domains",
}


def explain_unknown(conn: Conn, error: UnknownNameError) -> str:
    """What is wrong, and which names are close."""
    hint = suggest(error.name, list_names(conn, error.what, error.name)) if error.what in _KINDS else ""
    return join(error.sentence, hint) if hint else str(error)


def list_names(conn: Conn, what: str, word: str) -> dict[str, str]:
    """What people may write for a thing of this kind -> its name."""
    rows = conn.execute(QUERIES[_KINDS[what]], {"length": len(word), "limit": MAX_NAMES})
    names: dict[str, str] = {}
    for written, name in rows:
        names.setdefault(written, name)
    return names


def suggest_member(conn: Conn, address: str) -> str:
    """Addresses of members that are close before the @ and after it: many share a domain, and are not meant for that."""
    local, _, domain = address.partition("@")
    close = [
        known
        for known in list_names(conn, "member", address)
        if suggest(local, [known.partition("@")[0]]) and suggest(domain, [known.partition("@")[2]])
    ]
    return suggest(address, close)
