"""A dict that forgets: the oldest half goes when it is full."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Between `most` and twice as many of the last values."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def put(self, key: K, value: V) -> None:
        """Remember it."""
        self._new[key] = value
        if len(self._new) >= self._most:
            self._old, self._new = self._new, {}

    def get(self, key: K) -> V | None:
        """None: never heard of it, or forgotten."""
        found = self._new.get(key)
        return self._old.get(key) if found is None else found

    def drop(self, key: K) -> None:
        """Forget it."""
        self._new.pop(key, None)
        self._old.pop(key, None)
