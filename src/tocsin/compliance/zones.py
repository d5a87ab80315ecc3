"""The time zone of a number's owner, by libphonenumber's table of prefixes (the package `phonenumbers`).

A prefix that lies in several zones (mobile numbers of Indonesia, Russia ...) takes the one in which most of the country lives.
"""

from __future__ import annotations

from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

# The zones in which most people live, of the calling codes that have several.
_MOST_LIVE_IN: Final = frozenset(
    {
        "Africa/Kinshasa", "America/Godthab", "America/Guayaquil", "America/Mexico_City", "America/New_York", "America/Sao_Paulo",
        "Asia/Jakarta", "Asia/Almaty", "Asia/Ulaanbaatar", "Australia/Sydney", "Europe/Helsinki", "Europe/Lisbon", "Europe/London",
        "Europe/Madrid", "Europe/Moscow", "Europe/Oslo", "Europe/Rome", "Indian/Reunion", "Pacific/Auckland", "Pacific/Tahiti",
        "Pacific/Tarawa",
    }
)  # fmt: skip


def find_zone(digits: str) -> ZoneInfo | None:
    """The zone of a number (digits with country code); None for what is no number, or a number of no country."""
    names, longest = _load_prefixes()
    for length in range(min(longest, len(digits)), 0, -1):
        name = names.get(digits[:length])
        if name is not None:
            return _zone(name)
    return None


@cache
def _load_prefixes() -> tuple[dict[str, str], int]:
    """Zone by prefix, and the longest prefix. 3 MB: read only where something is quiet."""
    from phonenumbers.tzdata import TIMEZONE_DATA, TIMEZONE_LONGEST_PREFIX

    names = {
        prefix: next((zone for zone in zones if zone in _MOST_LIVE_IN), zones[0])
        for prefix, zones in TIMEZONE_DATA.items()
    }
    return names, TIMEZONE_LONGEST_PREFIX


_zone = cache(ZoneInfo)
