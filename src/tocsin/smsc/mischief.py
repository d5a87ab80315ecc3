"""The faults of the hour: which submit they hit, and which receipt. Chance has a seed; time is an argument."""

from __future__ import annotations

import random

from tocsin.smpp import Status
from tocsin.smsc.options import Faults


class Mischief:
    """`set` changes the faults at any time."""

    def __init__(self, faults: Faults) -> None:
        self.set(faults)

    def set(self, faults: Faults) -> None:
        """From now on."""
        self.faults = faults
        self.chance = random.Random(faults.seed)  # noqa: S311  chance for tests, no secret
        self._count = 0
        self._left: dict[bytes, tuple[float, float]] = {}  # submits that may pass, at which time
        f = faults
        self._refuses = bool(f.rate or f.throttle_every or f.refuse_share)
        self.spoils_receipts = bool(
            f.undelivered_share
            or f.receipt_late_share
            or f.receipt_double_share
            or f.receipt_unknown_share
            or f.receipt_shuffle
        )

    def refuse(self, system_id: bytes, now_s: float) -> int:
        """command_status for the next submit; 0: none."""
        if not self._refuses:
            return 0
        faults = self.faults
        self._count += 1
        if faults.throttle_every and self._count % faults.throttle_every == 0:
            return Status.THROTTLED
        if faults.rate and not self._may_pass(system_id, faults.rate, now_s):
            return Status.THROTTLED
        return faults.refuse_status if self.happens(faults.refuse_share) else 0

    def _may_pass(self, system_id: bytes, rate: int, now_s: float) -> bool:
        """Up to a second's worth may pass in one go."""
        left, at_s = self._left.get(system_id, (float(rate), now_s))
        left = min(float(rate), left + (now_s - at_s) * rate)
        passes = left >= 1
        self._left[system_id] = (left - passes, now_s)
        return passes

    def happens(self, share: float) -> bool:
        """Whether chance wants it."""
        return share > 0 and self.chance.random() < share

    def choose_drop_s(self) -> float:
        """For how long nobody is let in this time."""
        least, most = self.faults.drop_for, self.faults.drop_most
        return self.chance.uniform(least, most) if most > least else least
