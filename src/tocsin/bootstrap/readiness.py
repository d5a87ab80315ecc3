"""Which children of `tocsin up` do what they are for: the API accepts, the console answers, the others are registered and alive."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from tocsin import queue
from tocsin.bootstrap.children import Child
from tocsin.bootstrap.door import answers_pages, is_ready
from tocsin.kit.settings import Settings


class Readiness:
    """Asks again and again, until `close`; who was ready once is asked no more."""

    def __init__(self, settings: Settings, dsn: str, children: Sequence[Child]) -> None:
        self._settings = settings
        self._dsn = dsn
        self._conn: Connection[TupleRow] | None = None
        self.waiting = list(children)

    def look(self) -> None:
        """Ask those that were not ready yet."""
        registered = self._read_registered()
        self.waiting = [child for child in self.waiting if not self._is_ready(child, registered)]

    def close(self) -> None:
        """Give the session back."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def _is_ready(self, child: Child, registered: set[tuple[str, int]]) -> bool:
        if child.verb == "console":  # the row is that of its worker
            return any(kind == child.verb for kind, _ in registered) and answers_pages(self._settings)
        if (child.verb, child.pid) not in registered:
            return False
        return child.verb != "api" or is_ready(self._settings)

    def _read_registered(self) -> set[tuple[str, int]]:
        """Kind and process id of what is registered and lives on this machine."""
        with contextlib.suppress(psycopg.Error):
            if self._conn is None or self._conn.closed:
                self._conn = psycopg.connect(
                    self._dsn, autocommit=True, connect_timeout=5, application_name="tocsin up"
                )
            rows = queue.list_processes(self._conn)
            return {(row.kind, row.pid) for row in rows if row.alive and row.host == socket.gethostname()}
        return set()
