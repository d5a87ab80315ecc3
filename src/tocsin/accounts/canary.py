"""A known text sealed in the database: a machine with another sealing key is told so at its start, not by lost keys."""

from __future__ import annotations

from collections.abc import Callable

from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin.accounts import store
from tocsin.kit.seal import Seal, SealError

_TEXT = "tocsin"


def check_canary(conn: Connection[TupleRow], seal: Seal, *, make: bool = False) -> bool:
    """Whether there is a known text; it opens then. `make`: put one there if not. Raises SealError."""
    if make:
        store.insert_canary(conn, seal.seal(_TEXT))
    sealed = store.read_canary(conn)
    if sealed is None:
        return False
    if seal.open(sealed) != _TEXT:
        raise SealError("the known text in the database is another one")
    return True


def reseal_canary(conn: Connection[TupleRow], reseal: Callable[[str], str]) -> None:
    """Seal the known text anew. What `reseal` raises goes through."""
    sealed = store.read_canary(conn)
    if sealed is not None:
        store.update_canary(conn, reseal(sealed))
