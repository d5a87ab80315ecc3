"""Quiet hours: pure. Which rule holds for a number, and until when a message to it waits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tocsin import content
from tocsin.compliance.model import EVERYBODY, ComplianceError, QuietRule


def quiet_until(rule: QuietRule, zone: ZoneInfo, now_s: float) -> float | None:
    """When the quiet hours end in which `now_s` lies on the clocks of `zone` (epoch seconds); None: it is not quiet.

    Where a change of the clocks skips the end, they end with the change; where the end comes twice, the first one that lies ahead
    ends them.
    """
    if rule.start_minute is None or rule.end_minute is None:
        return None
    local = datetime.fromtimestamp(now_s, zone)
    minute = local.hour * 60 + local.minute
    if not content.within_hours(rule.start_minute, rule.end_minute, minute):
        return None
    days = 1 if minute >= rule.start_minute > rule.end_minute else 0
    # Wall-clock arithmetic, as people read it: the end's own offset is found below.
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone) + timedelta(days=days)
    end = midnight + timedelta(minutes=rule.end_minute)
    if not _exists(end):
        return _find_change(end)
    instants = (end.replace(fold=fold).timestamp() for fold in (0, 1))
    return min(instant for instant in instants if instant > now_s)


def _exists(local: datetime) -> bool:
    """Whether clocks show this time at all."""
    back = datetime.fromtimestamp(local.timestamp(), local.tzinfo)
    return back.replace(tzinfo=None, fold=0) == local.replace(tzinfo=None, fold=0)


def _find_change(skipped: datetime) -> float:
    """The instant of the change of the clocks that skips this time."""
    before, after = skipped.replace(fold=1).timestamp(), skipped.replace(fold=0).timestamp()
    old = datetime.fromtimestamp(before, skipped.tzinfo).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, skipped.tzinfo).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


class QuietBook:
    """All quiet rules: an account's own before the general ones, a country's before those of every country."""

    def __init__(self, rules: Iterable[QuietRule] = ()) -> None:
        self._rules = {(rule.account_id, rule.country_id): rule for rule in rules}
        self.accounts = {account_id for account_id, _ in self._rules}

    def concerns(self, account_id: int) -> bool:
        """Whether there is a rule of the account, or of everybody."""
        return account_id in self.accounts or EVERYBODY in self.accounts

    def find(self, account_id: int, country_id: int) -> QuietRule | None:
        """The rule that holds; None: it is never quiet."""
        for key in ((account_id, country_id), (account_id, 0), (EVERYBODY, country_id), (EVERYBODY, 0)):
            rule = self._rules.get(key)
            if rule is not None:
                return rule if rule.start_minute is not None else None
        return None


def read_hours(text: str) -> tuple[int, int]:
    """Minutes of the day of hours such as 21:00-08:00. Raises ComplianceError."""
    try:
        return content.read_hours(text)
    except content.HoursError as error:
        raise ComplianceError(str(error)) from None


def write_hours(rule: QuietRule) -> str:
    """The other way round; `none` for a rule that says never."""
    if rule.start_minute is None or rule.end_minute is None:
        return "none"
    return content.write_hours(rule.start_minute, rule.end_minute)
