"""How long a clerk goes on asking an API that says "later", or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tocsin.clerk.api import Reply
from tocsin.content import Status

_AWAY_MOST: Final = 5
_BUSY_MOST: Final = 120
_PAUSE_S: Final = 1.0


class Patience:
    """Of one call and its repetitions."""

    def __init__(self, wait: Callable[[float], None]) -> None:
        self._wait = wait
        self._away = self._busy = 0

    def again(self, reply: Reply) -> bool:
        """Whether the same call may be made again; then the pause before it is over."""
        if reply.reached and reply.status == Status.TOO_FREQUENT:
            self._busy += 1
            go = self._busy < _BUSY_MOST
        else:
            self._away += 1
            go = is_passing(reply) and self._away < _AWAY_MOST
        if go:
            self._wait(_PAUSE_S)
        return go


def is_passing(reply: Reply) -> bool:
    """Whether a later try may end otherwise."""
    return not reply.reached or (reply.status == Status.PLATFORM and "try again" in reply.message)
