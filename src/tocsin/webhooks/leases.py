"""Which endpoints this pusher serves: leases, one pusher to an endpoint. Raises LOST like its session."""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.kit.db import Session
from tocsin.webhooks import store

_AT_ONCE = 64


class Leases:
    """Of one pusher; `owner` is its registration. A lease ends by itself: a dead pusher's endpoints are taken over."""

    def __init__(self, session: Session, owner: int, lease_s: float) -> None:
        self._session = session
        self.owner = owner
        self.lease_s = lease_s

    async def take_waiting(self, mine: Sequence[int]) -> list[int]:
        """Endpoints with due rows that nobody serves: ours from now on."""
        waiting = await store.waiting_endpoints(self._session, mine, _AT_ONCE)
        if not waiting:
            return []
        return await store.take_leases(self._session, self.owner, self.lease_s, waiting)

    async def renew(self, mine: Sequence[int]) -> set[int]:
        """Those that are still ours."""
        return set(await store.renew_leases(self._session, self.owner, self.lease_s, mine)) if mine else set()

    async def drop(self, mine: Sequence[int]) -> None:
        """Others may have them at once."""
        if mine:
            await store.drop_leases(self._session, self.owner, mine)
