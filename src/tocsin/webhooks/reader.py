"""The database as lanes see it: one session for all of them, a statement at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from psycopg.conninfo import make_conninfo

from tocsin.kit.db import Session
from tocsin.webhooks import store
from tocsin.webhooks.model import Push

_PLANS = "-c enable_seqscan=off -c enable_bitmapscan=off"


def reading_dsn(dsn: str) -> str:
    """The dsn of a session that always walks the index of waiting rows, also while the table looks small."""
    return make_conninfo(dsn, options=_PLANS)


class Reader:
    """Reads, and makes one of small ones, for lanes that take turns."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._turn = asyncio.Lock()

    async def read(self, endpoint_id: int, span: store.Range) -> list[Push]:
        """Waiting rows. Raises LOST."""
        async with self._turn:
            return await store.read_waiting(self._session, endpoint_id, span)

    async def blocked_late(self, ids: Sequence[int]) -> set[int]:
        """Late rows that must wait. Raises LOST."""
        async with self._turn:
            return await store.blocked_late(self._session, ids)

    async def fix(self, endpoint_id: int, owner: int, pairs: Sequence[tuple[int, int]]) -> dict[int, int]:
        """What can be tried from now on, and its rows. Raises LOST."""
        async with self._turn:
            return await store.fix(self._session, endpoint_id, owner, pairs)

    async def tried_frontier(self, endpoint_id: int) -> int:
        """The highest seq that was tried before. Raises LOST."""
        async with self._turn:
            return await store.tried_frontier(self._session, endpoint_id)
