"""Reads `sendTime` and `timeZone` of a scheduled send (contract, section 4).

Three forms: `yyyy-MM-dd HH:mm:ss` and `yyyyMMddHHmmss` as a clock in the zone shows them, and epoch seconds, where the
zone changes nothing but must be one. A local time that a clock change skips moves forward by as much as the clock did;
one that comes twice is the first of the two.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from tocsin.content.status import Status
from tocsin.content.zones import find_zone

PAST_S: Final = 60  # a request takes a while, and clocks differ
AHEAD_S: Final = 30 * 24 * 3600
_EAST_8: Final = timezone(timedelta(hours=8))
_DASHED: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})").fullmatch
_DIGITS: Final = re.compile(r"([0-9]{4})" + r"([0-9]{2})" * 5).fullmatch
_EPOCH_S: Final = re.compile(r"[0-9]{1,11}").fullmatch


def read_send_time(send_time: str, time_zone: str | None, now_s: float) -> float | Status:
    """When to send, in epoch seconds, or the status that answers: SCHEDULE_FORMAT or TIME_RANGE.

    `time_zone` of None or blank is UTC+8. A time up to a minute past is returned as it is. Test the result for Status
    first: it is a number too.
    """
    zone = find_zone(time_zone) if time_zone and not time_zone.isspace() else _EAST_8
    if zone is None:
        return Status.SCHEDULE_FORMAT
    due_s = _read_time(send_time.strip(), zone)
    if due_s is None:
        return Status.SCHEDULE_FORMAT
    if not now_s - PAST_S <= due_s <= now_s + AHEAD_S:
        return Status.TIME_RANGE
    return due_s


def _read_time(text: str, zone: tzinfo) -> float | None:
    if _EPOCH_S(text):
        return float(text)
    found = _DASHED(text) or _DIGITS(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        # fold=0 reads a time that comes twice as the first, and one that is skipped with the offset before the change:
        # that is the time as far behind the change as it says (PEP 495).
        return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()
    except (ValueError, OverflowError):  # no such day or hour
        return None
