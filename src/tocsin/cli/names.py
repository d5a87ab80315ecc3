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
