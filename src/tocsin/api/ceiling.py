"""How much an account's request log takes in a day: its own requests, and what strangers send in its name, each by itself.

The database counts over all processes; a process is told with each write, so that the ceiling is passed by a second's
requests at most. Refused requests may fill it whole, accepted ones half of it: why something failed is wanted longest.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tocsin.audit import DayCount, accepted_share, strangers_share


class _Rows(msgspec.Struct):
    """Of an account: rows of the day that the database knows, and what came since."""

    own_written: int = 0
    strangers_written: int = 0
    own: int = 0
    own_out: int = 0
    strangers: int = 0
    strangers_out: int = 0


class Ceiling:
    """Of all accounts. It begins anew when the database says that a new day has begun."""

    def __init__(self, rows_per_day: int) -> None:
        self._own = rows_per_day
        self._accepted = accepted_share(rows_per_day)
        self._strangers = strangers_share(rows_per_day)
        self._rows: dict[int, _Rows] = {}
        self._changed: set[int] = set()

    def _of(self, account_id: int) -> _Rows:
        self._changed.add(account_id)
        rows = self._rows.get(account_id)
        if rows is None:
            rows = self._rows[account_id] = _Rows()
        return rows

    def take(self, account_id: int, *, good: bool) -> bool:
        """A row for a request of the account's own; False: there is none left, and the request counts as left out."""
        rows = self._of(account_id)
        if rows.own_written + rows.own >= (self._accepted if good else self._own):
            rows.own_out += 1
            return False
        rows.own += 1
        return True

    def take_for_stranger(self, account_id: int) -> bool:
        """The same for a stranger who names the account."""
        rows = self._of(account_id)
        if rows.strangers_written + rows.strangers >= self._strangers:
            rows.strangers_out += 1
            return False
        rows.strangers += 1
        return True

    def take_counts(self) -> list[DayCount]:
        """What came since the last time."""
        counts = []
        for account_id in self._changed:
            rows = self._rows[account_id]
            counts.append(DayCount(account_id, rows.own, rows.own_out, rows.strangers, rows.strangers_out))
            rows.own = rows.own_out = rows.strangers = rows.strangers_out = 0
        self._changed.clear()
        return counts

    def learn(self, counts: Iterable[DayCount]) -> None:
        """What the database has now."""
        for each in counts:
            rows = self._rows.setdefault(each.account_id, _Rows())
            rows.own_written, rows.strangers_written = each.own, each.strangers
