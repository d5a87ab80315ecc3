"""The page's zones, and what counts as a zone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import Zone, find_zone, zones

WINTER = datetime(2026, 1, 15, 12, tzinfo=UTC)
OFFSETS = {zone.offset_minutes for zone in zones()}


def find_offset(text: str) -> timedelta | None:
    """How far east of UTC the zone is on a day of January."""
    zone = find_zone(text)
    return None if zone is None else WINTER.astimezone(zone).utcoffset()


def test_the_list_is_the_pages() -> None:
    lines = [f"{zone.label} :{', '.join(zone.places)}" for zone in zones()]
    assert len(lines) == 38
    assert (
        hashlib.sha256("\n".join(lines).encode()).hexdigest()
        == "0520af99193c80351cc04531a02b47f456b6473592d230db932f303d22209010"
    )
    assert [zone.offset_minutes for zone in zones()] == [
        *(-720, -660, -600, -570, -540, -480, -420, -360, -300, -240, -210, -180, -120, -60, 0),
        *(60, 120, 180, 210, 240, 270, 300, 330, 345, 360, 390, 420, 480, 525, 540, 570, 600, 630, 660),
        *(720, 780, 825, 840),
    ]
    assert zones()[5] == Zone(
        "UTC-8", -480, ["Pacific Time", "Los Angeles", "San Francisco", "Vancouver", "Seattle", "Las Vegas"]
    )


def test_a_list_that_a_caller_changes_stays_whole_for_others() -> None:
    zones()[0].places.clear()
    zones().clear()
    assert zones()[0].places == ["Yankee"]


@pytest.mark.parametrize("zone", zones(), ids=lambda zone: zone.label)
def test_every_label_and_its_aliases_are_found(zone: Zone) -> None:
    east = timedelta(minutes=zone.offset_minutes)
    sign = "-" if zone.offset_minutes < 0 else "+"
    hours, minutes = divmod(abs(zone.offset_minutes), 60)
    padded = f"UTC{sign}{hours:02}:{minutes:02}"
    for text in (
        zone.label,
        zone.label.lower(),
        padded,
        padded.title(),
        f" {zone.label} ",
        zone.label.replace("+", " "),
    ):
        assert find_offset(text) == east, text


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("UTC", 0.0), ("utc", 0.0), ("UTC-0", 0.0), ("Asia/Shanghai", 8.0), ("asia/shanghai", 8.0), ("Asia/Kathmandu", 5.75),
        ("America/Argentina/Buenos_Aires", -3.0), ("Etc/GMT+8", -8.0), ("Etc/GMT 8", -8.0), ("PRC", 8.0), ("GMT", 0.0),
    ],
)  # fmt: skip
def test_aliases_and_names(text: str, hours: float) -> None:
    assert find_offset(text) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "UTC+", "UTC8", "UTC++8", "UTC  8", "UTC+8:0", "UTC+8:60", "UTC+080", "UTC+8:00:00", "UTC+٨", "GMT+8", "+08:00",
        "8", "UTC+12:45", "UTC-13", "UTC+15", "UTC+99:59", "Shanghai", "Asia", "Asia/", "/Asia/Shanghai", "Asia//Shanghai",
        "Asia/Atlantis", "../../etc/passwd", "/etc/passwd", "../zones", "zones", "__init__.py", "zone.tab", "Asia/../Asia/Tokyo",
        "Asia\\Tokyo", "Asia/Tokyo\0", "UTC\0", "utc\n+8", "C:\\", "~root", "UTC+" + "8" * 5000, "A" * 1_000_000, "Asia/" * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_zone(text: str) -> None:
    assert find_zone(text) is None


def test_every_iana_name_is_found_and_known_by_it() -> None:
    names = files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    assert len(names) > 500
    for name in names:
        zone = find_zone(name)
        assert zone is not None, name
        if name != "UTC":
            assert isinstance(zone, ZoneInfo), name
            assert zone.key == name


@given(sign=st.sampled_from("+-"), hours=st.integers(0, 99), minutes=st.integers(0, 99))
def test_only_offsets_of_the_list_are_zones(sign: str, hours: int, minutes: int) -> None:
    east = (hours * 60 + minutes) * (-1 if sign == "-" else 1)
    expected = timedelta(minutes=east) if minutes < 60 and east in OFFSETS else None
    assert find_offset(f"UTC{sign}{hours:02}:{minutes:02}") == expected


@given(text=st.text(st.sampled_from("./\\UTCutc+-:0123456789 AsiaTokyo\0"), max_size=70))
def test_no_text_breaks_it(text: str) -> None:
    zone = find_zone(text)
    assert zone is None or WINTER.astimezone(zone).utcoffset() is not None
