"""The database's clock as a process knows it, and whether the process's own clock agrees.

Leases, due times and ages of rows are the database's. A process whose clock is far from it would end or move rows before
their time, so it does neither until its clock is right. `now_s` decides what ends or moves a row, not the process's own clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from tocsin.kit import clock
from tocsin.kit.db import Session
from tocsin.queue.store import database_clock

log = logging.getLogger(__name__)

MOST_OFF_S = 5.0


class DatabaseClock:
    """One per process. `most_off_s`: by how much the clocks may differ."""

    def __init__(self, most_off_s: float = MOST_OFF_S, now_s: Callable[[], float] = clock.now_s) -> None:
        self._most_off_s = most_off_s
        self._now_s = now_s
        self._known = False
        self._wrong = False  # as the log said it last
        self._database_s = self._asked_s = 0.0  # an instant on the database's clock, and on the monotonic one
        self._ahead_s = self._apart_s = 0.0

    def read(self) -> float:
        """The process's own clock."""
        return self._now_s()

    async def ask(self, session: Session) -> bool:
        """Compare the clocks; whether they agree. Raises LOST."""
        before_s = self.read()
        self.note(before_s, await database_clock(session))
        return self.is_right()

    def note(self, before_s: float, database_s: float) -> None:
        """The database's clock as an answer told it; `before_s`: our own before the question.

        The database read its clock between question and answer. What that leaves open counts for us, so a slow answer is no
        wrong clock, and `now_s` is never ahead of the database.
        """
        after_s = self.read()
        self._database_s, self._asked_s = database_s, clock.monotonic_s()
        self._ahead_s = max(before_s - database_s, 0.0) + min(after_s - database_s, 0.0)
        self._apart_s = after_s - self._asked_s
        self._known = True
        self._say()

    def _say(self) -> None:
        wrong = not self.is_right()
        if wrong and not self._wrong:
            log.error(
                "this machine's clock is %.1f s off the database's: this process takes, moves and ends nothing until it is right",
                self.ahead_s(),
            )
        elif self._wrong and not wrong:
            log.info("this machine's clock is right again")
        self._wrong = wrong

    def ahead_s(self) -> float:
        """By how much our clock is ahead of the database's, at least; below 0: behind. A jump since the last answer counts."""
        return self._ahead_s + (self.read() - clock.monotonic_s() - self._apart_s)

    def is_right(self) -> bool:
        """Whether this process may take, move and end rows. Not before the first answer."""
        return self._known and abs(self.ahead_s()) <= self._most_off_s

    def now_s(self) -> float:
        """The database's clock, from its last answer on by the monotonic clock; before the first answer our own."""
        if not self._known:
            return self.read()
        return self._database_s + clock.monotonic_s() - self._asked_s
