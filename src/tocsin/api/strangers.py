"""What is not authenticated, for the request log: a row for each account, network and minute, and how many there were.

So many requests as a stranger may send, so few rows he writes; nothing of what he sent is in them but its path.
"""

from __future__ import annotations

import msgspec

MAX_ROWS = 500
"""Of a minute, in this process, of all accounts: what more networks send is not written."""
_MINUTE = 60
_TELL_S = 5.0


class StrangerRow(msgspec.Struct):
    """The first request, and how many more came."""

    account_id: int
    request_id: str
    more: int = 0
    row_id: int = 0  # 0: not written yet
    told: int = 0  # how many more the database knows
    told_s: float = 0.0


class Strangers:
    """Of the present minute, and rows of the last whose counts are not written yet."""

    def __init__(self) -> None:
        self._minute = 0
        self._rows: dict[tuple[int, str], StrangerRow] = {}
        self._over: list[StrangerRow] = []

    def count(self, account_id: int, network: str, now_s: float) -> bool:
        """Count one of a network that has its row already; False: it has none."""
        if int(now_s) // _MINUTE != self._minute:
            self._minute = int(now_s) // _MINUTE
            self._over = [row for row in self._rows.values() if row.more > row.told]
            self._rows = {}
        row = self._rows.get((account_id, network))
        if row is None:
            return False
        row.more += 1
        return True

    @property
    def is_full(self) -> bool:
        """Whether the minute takes no more rows."""
        return len(self._rows) >= MAX_ROWS

    def add(self, account_id: int, network: str, request_id: str, now_s: float) -> None:
        """The first one of a network."""
        self._rows[account_id, network] = StrangerRow(account_id, request_id, told_s=now_s)

    def learn(self, written: dict[str, int]) -> None:
        """Rows that were written, by their request_id."""
        for row in self._rows.values():
            row.row_id = row.row_id or written.get(row.request_id, 0)
        for row in self._over:
            row.row_id = row.row_id or written.get(row.request_id, 0)

    def take_counts(self, now_s: float, *, all_of_them: bool = False) -> list[tuple[int, int, int]]:
        """(account, row, how many more) where that grew: at the minute's end, and now and then before."""
        due = [row for row in self._over if row.row_id]
        due += [
            row for row in self._rows.values()
            if row.row_id and row.more > row.told and (all_of_them or now_s - row.told_s >= _TELL_S)
        ]  # fmt: skip
        for row in due:
            row.told, row.told_s = row.more, now_s
        self._over = []
        return [(row.account_id, row.row_id, row.more) for row in due]
