"""A lane's share of its channel's rate: asked for an epoch ahead, spent on the monotonic clock (see queue/rate.py)."""

from __future__ import annotations

from tocsin import queue
from tocsin.kit import clock
from tocsin.kit.db import Session

_AHEAD_S = 1.0


class Pace:
    """Of one channel with a rate."""

    def __init__(self, channel_id: int, rate: int, session: Session) -> None:
        self._channel_id = channel_id
        self._rate = rate
        self._session = session
        self._bucket = queue.Bucket()
        self._offset_s: float | None = None  # database clock less monotonic

    async def room(self, owner: int) -> int:
        """Parts that may go now. Asks the database at most once an epoch. Raises LOST."""
        if self._offset_s is None:
            self._offset_s = await queue.database_clock(self._session) - clock.monotonic_s()
        now = clock.monotonic_s()
        for ahead in (0.0, _AHEAD_S):
            epoch = queue.epoch_of(now + self._offset_s + ahead)
            if self._bucket.wants(epoch):
                await self._ask(owner, epoch)
        return self._bucket.room(clock.monotonic_s())

    async def _ask(self, owner: int, epoch: int) -> None:
        asked = clock.monotonic_s()
        share, database_s = await queue.share(self._session, self._channel_id, owner, epoch, self._rate)
        answered = clock.monotonic_s()
        self._offset_s = database_s - answered
        self._bucket.give(queue.place(epoch, share, database_s, asked, answered))

    def spend(self, parts: int) -> None:
        """These go out now."""
        self._bucket.spend(parts)

    def wait_s(self) -> float:
        """How long until there is room again."""
        return self._bucket.wait_s(clock.monotonic_s())
