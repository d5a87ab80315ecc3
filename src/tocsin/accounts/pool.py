"""The senders that an account sends from where a request names none: kept among its grants, off until there is one.

A recipient always gets the same one of those that hold for his country, by lot (content.lots): where one comes, it takes its
share of the recipients, and nobody else gets another. One counts only as long as it is granted as a sender too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.accounts import store
from tocsin.accounts.model import POOL, SENDER, AccountError, PoolRow
from tocsin.content import choose_by_lot

_ANY = "*"


class SenderPool:
    """The senders of one account, by country; 0: of every country that has none of its own."""

    def __init__(self, entries: Iterable[tuple[int, str]]) -> None:
        self._of: dict[int, list[str]] = {}
        for country_id, sender in entries:
            self._of.setdefault(country_id, []).append(sender)

    def choose(self, country_id: int, address: str) -> str:
        """The sender of a recipient; "": none."""
        senders = self._of.get(country_id) or self._of.get(0)
        return choose_by_lot(address, senders) if senders else ""


def read_pool(grants: Mapping[str, Iterable[str]]) -> SenderPool | None:
    """The pool of an account with these grants; None: it has none."""
    texts = grants.get(POOL)
    if not texts:
        return None
    granted = frozenset(grants.get(SENDER, ()))
    entries = [_read_entry(text) for text in texts]
    return SenderPool([(country_id, sender) for country_id, sender in entries if sender in granted])


def _read_entry(text: str) -> tuple[int, str]:
    word, _, sender = text.partition(" ")
    return 0 if word == _ANY else int(word), sender


def _write_entry(country_id: int, sender: str) -> str:
    return f"{country_id or _ANY} {sender}"


def add_to_pool(conn: Connection[TupleRow], account_id: int, sender: str, country_id: int = 0) -> None:
    """Let the account send from `sender` too; 0: to every country. Raises AccountError."""
    if (SENDER, sender) not in [row[1:] for row in store.list_grants(conn, account_id)]:
        raise AccountError(f"sender {sender} is not granted to this account: grant it first")
    if not store.insert_grant(conn, account_id, POOL, _write_entry(country_id, sender)):
        raise AccountError(f"sender {sender} is in the pool already")


def remove_from_pool(conn: Connection[TupleRow], account_id: int, sender: str, country_id: int = 0) -> None:
    """The other way round; the grant stays. Raises AccountError."""
    if not store.delete_grant(conn, account_id, POOL, _write_entry(country_id, sender)):
        raise AccountError(f"sender {sender} is not in the pool")


def list_pool(conn: Connection[TupleRow], account_id: int | None = None) -> list[PoolRow]:
    """The pool of one account, or of all."""
    found = store.list_grants(conn, account_id)
    granted = {(account, value) for account, kind, value in found if kind == SENDER}
    entries = [(account, *_read_entry(value)) for account, kind, value in found if kind == POOL]
    return [PoolRow(account, sender, code or None, (account, sender) in granted) for account, code, sender in entries]
