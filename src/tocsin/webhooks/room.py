"""How many pushes run at once over all endpoints, so that sockets are bounded."""

from __future__ import annotations


class Room:
    """Each endpoint may always have one push in flight; what it has beyond that comes out of one shared lot."""

    def __init__(self, extra: int = 256) -> None:
        self._left = extra

    def take(self) -> bool:
        """One place of the shared lot; False: there is none now."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give(self) -> None:
        """Put it back."""
        self._left += 1
