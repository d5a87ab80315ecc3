"""Endpoints in memory: who wants what pushed where. A source of the process's reference data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tocsin.kit.db import Session
from tocsin.webhooks import store
from tocsin.webhooks.model import Endpoint

_DELETED = "endpoint.deleted"


class Endpoints:
    """A snapshot, renewed by kit.reference. A paused endpoint is still one: its rows wait."""

    clocks: tuple[str, ...] = ("endpoint", _DELETED)

    def __init__(self) -> None:
        self._by_id: dict[int, Endpoint] = {}
        self._by_key: dict[tuple[int, str], Endpoint] = {}
        self._version = -1

    def of(self, account_id: int, kind: str) -> Endpoint | None:
        """Where `kind` of this account goes; None: nowhere, and nothing waits."""
        return self._by_key.get((account_id, kind))

    def get(self, endpoint_id: int) -> Endpoint | None:
        """By its id."""
        return self._by_id.get(endpoint_id)

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._by_id.values())

    async def load(self, session: Session) -> None:
        """Read all anew. Raises LOST."""
        version, found = await store.endpoints_since(session, -1)
        self._put({}, found)
        self._version = version

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read what is newer than known; all of it after a deletion. Raises LOST."""
        if _DELETED in moved:
            await self.load(session)
            return
        version, found = await store.endpoints_since(session, self._version)
        if found:
            self._put(self._by_id, found)
            self._version = version

    def _put(self, base: dict[int, Endpoint], found: Iterable[Endpoint]) -> None:
        self._by_id = base | {endpoint.id: endpoint for endpoint in found}
        self._by_key = {(each.account_id, each.kind): each for each in self._by_id.values()}
