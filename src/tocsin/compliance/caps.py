"""Which caps hold for a request: pure. They are counted by the database (sql/0003_compliance.sql, cap_take)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tocsin.compliance.model import EVERYBODY, Cap, CapKind, Sending
from tocsin.kit import pgbin

_NO_LIMIT = 1 << 62


class CapBook:
    """All caps. An account's own replaces the general one of the same kind, action and country."""

    def __init__(self, caps: Iterable[Cap] = ()) -> None:
        self._caps = list(caps)
        self._known: dict[tuple[int, int], tuple[Cap, ...]] = {}
        self.accounts = {cap.account_id for cap in self._caps}
        self._owners = self.accounts - {EVERYBODY}

    def concerns(self, account_id: int) -> bool:
        """Whether any cap may be of this account."""
        return EVERYBODY in self.accounts or account_id in self.accounts

    def find(self, account_id: int, action: int) -> tuple[Cap, ...]:
        """The caps of an account's requests, in the order in which they are counted."""
        key = (account_id if account_id in self._owners else EVERYBODY, action)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._choose(*key)
        return found

    def _choose(self, account_id: int, action: int) -> tuple[Cap, ...]:
        chosen: dict[tuple[int, int | None, int], Cap] = {}
        for cap in sorted(
            self._caps, key=lambda cap: cap.account_id
        ):  # everybody's first: the account's own replaces it
            if cap.account_id in {EVERYBODY, account_id} and cap.action in {None, action}:
                chosen[cap.kind, cap.action, cap.country_id] = cap
        # A country without a cap stays: it takes its numbers out of the cap of all countries.
        kept = [cap for cap in chosen.values() if cap.most is not None or cap.country_id]
        if all(cap.most is None for cap in kept):
            return ()
        return tuple(sorted(kept, key=lambda cap: (cap.kind, cap.id)))


def count_columns(caps: Sequence[Cap], sending: Sending, places: Sequence[int], now_s: float) -> tuple[object, ...]:
    """Parameters of cap_take and, with a last column, of cap_return: account, now, caps, the numbers at `places`."""
    slots = {slot: at for at, slot in enumerate({(cap.kind, cap.action) for cap in caps})}
    return (
        sending.account_id,
        int(now_s),
        pgbin.int4s([cap.id for cap in caps]),
        pgbin.int4s([cap.kind for cap in caps]),
        pgbin.int4s([slots[cap.kind, cap.action] for cap in caps]),
        pgbin.int4s([cap.country_id for cap in caps]),
        pgbin.int8s([_NO_LIMIT if cap.most is None else cap.most for cap in caps]),
        pgbin.int4s([cap.window_s for cap in caps]),
        pgbin.int4s([cap.digits for cap in caps]),
        pgbin.texts([sending.values[at] for at in places]),
        pgbin.int4s([sending.countries[at] for at in places]),
        pgbin.int8s([sending.prices[at] for at in places]),
    )


WINDOWS = {"minute": 60, "hour": 3600, "day": 86400}
KIND_NAMES = {kind.name.lower(): kind for kind in CapKind}
