"""Hours of the day, such as 21:00-08:00: minutes from midnight, which may reach over it."""

from __future__ import annotations

from datetime import datetime

from tocsin.kit.clock import UTC


class HoursError(ValueError):
    """A text is no hours; the message says why."""


def within_hours(start_minute: int, end_minute: int, minute: int) -> bool:
    """Whether a minute of the day lies in hours that begin with the one minute and end before the other."""
    if start_minute < end_minute:
        return start_minute <= minute < end_minute
    return minute >= start_minute or minute < end_minute


def read_hours(text: str) -> tuple[int, int]:
    """Minutes of the day of hours such as 21:00-08:00. Raises HoursError."""
    start, _, end = text.partition("-")
    try:
        minutes = (_read_minute(start), _read_minute(end))
    except ValueError:
        raise HoursError(f"{text!r} are no hours: write them like 21:00-08:00") from None
    if minutes[0] == minutes[1]:
        raise HoursError("hours begin and end at different times")
    return minutes


def _read_minute(text: str) -> int:
    at = datetime.strptime(text.strip(), "%H:%M").replace(tzinfo=UTC)
    return at.hour * 60 + at.minute


def write_hours(start_minute: int, end_minute: int) -> str:
    """The other way round."""
    return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start_minute, end_minute))
