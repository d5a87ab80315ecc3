"""Time zones of scheduled sends: the 38 of the page as shipped in `zones.csv`, and every zone that IANA names.

The list has fixed offsets, positive east, with the places as the page prints them. Its note "UTC-8 represents East 8"
contradicts it; the list holds. The rules of IANA's zones come from the package `tzdata`, never from the files of the
system, so that all processes of an installation read a time alike.
"""

from __future__ import annotations

import csv
import re
from datetime import timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_LONGEST_NAME: Final = 64  # characters; IANA's longest has 32
_OFFSET: Final = re.compile(r"utc(?:([+-])([0-9]{1,2})(?::([0-9]{2}))?)?").fullmatch


class Zone(NamedTuple):
    """A line of the page's list. `offset_minutes` is positive east; `places` are only for people."""

    label: str
    offset_minutes: int
    places: list[str]


def zones() -> list[Zone]:
    """The page's list, in its order: from west to east."""
    return [zone._replace(places=zone.places.copy()) for zone in _load_zones()]


def find_zone(text: str) -> tzinfo | None:
    """The zone of a label (`UTC+8`, `UTC-3:30`), an alias (`UTC`, `UTC+08:00`) or an IANA name, in any case.

    A `+` may have become a blank on its way through a query. None: there is no such zone; an offset that the page does
    not list is none either. Only names that IANA lists reach the files.
    """
    if len(text) > _LONGEST_NAME:
        return None
    name = text.strip().replace(" ", "+").lower()
    if offset := _OFFSET(name):
        return _offset_zones().get(_count_minutes(*offset.groups()))
    listed = _iana_names().get(name)
    return _read_zone(listed) if listed else None


def list_zone_names() -> list[str]:
    """IANA's names, sorted."""
    return sorted(_iana_names().values())


def _count_minutes(sign: str | None, hours: str | None, minutes: str | None) -> int | None:
    """Minutes east of UTC; None where the minutes are no minutes."""
    size = int(hours or 0) * 60 + int(minutes or 0)
    if int(minutes or 0) >= 60:
        return None
    return -size if sign == "-" else size


@cache
def _load_zones() -> list[Zone]:
    with Path(__file__).with_name("zones.csv").open(encoding="utf-8", newline="") as file:
        return [_build_zone(row["label"], row["places"].split(", ")) for row in csv.DictReader(file)]


def _build_zone(label: str, places: list[str]) -> Zone:
    offset = _OFFSET(label.lower())
    minutes = _count_minutes(*offset.groups()) if offset else None
    if minutes is None:
        raise ValueError(f"zones.csv: {label} is no offset")
    return Zone(label, minutes, places)


@cache
def _offset_zones() -> dict[int | None, tzinfo]:
    return {each.offset_minutes: timezone(timedelta(minutes=each.offset_minutes)) for each in _load_zones()}


@cache
def _iana_names() -> dict[str, str]:
    """IANA's names by their lower case; no two differ by case alone."""
    names = (files("tzdata") / "zones").read_text(encoding="ascii").split()
    return {name.lower(): name for name in names}


@cache  # as many as IANA has names
def _read_zone(name: str) -> tzinfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
