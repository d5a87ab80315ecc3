"""What operators do to sending domains. In the caller's transaction; nothing here commits or audits."""

from __future__ import annotations

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.content import check_address
from tocsin.senders import store
from tocsin.senders.model import DomainRow, SenderError, SenderNameError

_LOCAL = "noreply@"


def add_domain(conn: Connection[TupleRow], account_id: int, domain: str) -> DomainRow:
    """The domain that was added, not verified yet. Raises SenderError."""
    name = _read_domain(domain)
    if not store.insert_domain(conn, account_id, name):
        raise SenderError(f"domain {name} is of account {_find(conn, name).account} already")
    return _find(conn, name)


def verify_domain(conn: Connection[TupleRow], domain: str) -> tuple[DomainRow, DomainRow]:
    """Let email come from it; before and after. Raises SenderError."""
    before = _find(conn, _read_domain(domain))
    store.set_verified(conn, before.domain)
    return before, before._replace(verified=True)


def remove_domain(conn: Connection[TupleRow], domain: str) -> DomainRow:
    """The domain that was. Raises SenderError."""
    found = _find(conn, _read_domain(domain))
    store.delete_domain(conn, found.domain)
    return found


def list_domains(conn: Connection[TupleRow]) -> list[DomainRow]:
    """All sending domains, by account."""
    return store.list_domains(conn, None)


def _find(conn: Connection[TupleRow], domain: str) -> DomainRow:
    found = store.list_domains(conn, domain)
    if not found:
        raise SenderNameError("sending domain", domain)
    return found[0]


def _read_domain(text: str) -> str:
    """Lower case, ASCII: as addresses of recipients are read. Raises SenderError."""
    bare = text.strip()
    verdict = check_address(_LOCAL + bare)
    if verdict.fault is not None or set(bare) & set("<>@"):
        raise SenderError(f"{text!r} is no domain that email can come from")
    return verdict.address.removeprefix(_LOCAL)
