"""Quiet hours: over midnight, over changes of the clocks, in the zones of numbers."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tocsin.compliance import QuietRule, find_zone, quiet_until, read_hours, write_hours
from tocsin.compliance.model import EVERYBODY, ComplianceError
from tocsin.compliance.quiet import QuietBook
from tocsin.content import within_hours

BERLIN, NEW_YORK, LORD_HOWE, KOLKATA = map(
    ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
)


def rule(hours: str, account_id: int = EVERYBODY, country_id: int = 0) -> QuietRule:
    start, end = read_hours(hours)
    return QuietRule(account_id=account_id, country_id=country_id, start_minute=start, end_minute=end)


def at(zone: ZoneInfo, text: str, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        ("21:00-08:00", "2026-06-01 22:30", "2026-06-02 08:00"),
        ("21:00-08:00", "2026-06-01 21:00", "2026-06-02 08:00"),
        ("21:00-08:00", "2026-06-02 00:00", "2026-06-02 08:00"),
        ("21:00-08:00", "2026-06-02 07:59:59", "2026-06-02 08:00"),
        ("21:00-08:00", "2026-06-02 08:00", None),
        ("21:00-08:00", "2026-06-02 20:59:59", None),
        ("12:00-14:00", "2026-06-02 13:00", "2026-06-02 14:00"),
        ("12:00-14:00", "2026-06-02 14:00", None),
        ("21:00-00:00", "2026-12-31 23:30", "2027-01-01 00:00"),
        ("00:00-06:00", "2026-06-02 00:00", "2026-06-02 06:00"),
    ],
)
def test_ordinary_days(hours: str, now: str, end: str | None) -> None:
    for zone in (BERLIN, KOLKATA):
        assert quiet_until(rule(hours), zone, at(zone, now)) == (at(zone, end) if end else None)


def test_a_night_with_a_change_of_the_clocks_is_shorter_or_longer() -> None:
    spring = quiet_until(rule("21:00-08:00"), BERLIN, at(BERLIN, "2026-03-28 21:00"))
    assert spring == at(BERLIN, "2026-03-28 21:00") + 10 * 3600
    autumn = quiet_until(rule("21:00-08:00"), BERLIN, at(BERLIN, "2026-10-24 21:00"))
    assert autumn == at(BERLIN, "2026-10-24 21:00") + 12 * 3600


def test_an_end_that_the_clocks_skip_is_the_change() -> None:
    change = at(BERLIN, "2026-03-29 03:00")
    assert quiet_until(rule("21:00-02:30"), BERLIN, change - 3600) == change
    assert quiet_until(rule("21:00-02:30"), BERLIN, change) is None
    half_an_hour = at(LORD_HOWE, "2026-10-04 02:30")
    assert quiet_until(rule("21:00-02:15"), LORD_HOWE, half_an_hour - 60) == half_an_hour


def test_an_end_that_comes_twice_is_the_next_one() -> None:
    first, second = at(BERLIN, "2026-10-25 02:30"), at(BERLIN, "2026-10-25 02:30", fold=1)
    assert second - first == 3600
    assert quiet_until(rule("21:00-02:30"), BERLIN, first - 60) == first
    assert quiet_until(rule("21:00-02:30"), BERLIN, first) is None
    # The clocks show 02:10 again: it is quiet again.
    assert quiet_until(rule("21:00-02:30"), BERLIN, second - 1200) == second


_MINUTES = st.integers(0, 1439)
_ZONES = st.sampled_from([BERLIN, NEW_YORK, LORD_HOWE, KOLKATA, ZoneInfo("Africa/Cairo"), ZoneInfo("Pacific/Apia")])
_NOWS = st.integers(1_230_768_000, 1_861_920_000)  # 2009 to 2028
_CHANGES = st.builds(
    lambda base, offset: base + offset,
    st.sampled_from([1774746000, 1792890000, 1772953200, 1793512800, 1775314800, 1791039600, 1325239200]),
    st.integers(-90_000, 90_000),
)  # around changes of those zones, and Samoa's day that never was


@given(_MINUTES, _MINUTES, _ZONES, st.one_of(_NOWS, _CHANGES))
@example(1260, 150, BERLIN, 1774746000 - 1)
def test_the_end_lies_ahead_and_is_loud(start: int, end: int, zone: ZoneInfo, now: int) -> None:
    assume(start != end)
    local = datetime.fromtimestamp(now, zone)
    quiet = within_hours(start, end, local.hour * 60 + local.minute)
    found = quiet_until(QuietRule(account_id=0, country_id=0, start_minute=start, end_minute=end), zone, now)
    assert (found is not None) == quiet
    if found is None:
        return
    assert now < found <= now + 86_400 + 7200
    there = datetime.fromtimestamp(found, zone)
    before = datetime.fromtimestamp(found - 1, zone)
    shown = (there.hour * 60 + there.minute, there.second)
    # The clocks show the end, or have just jumped over it.
    jumped = there.utcoffset() != before.utcoffset()
    assert shown == (end, 0) or jumped
    if jumped and shown != (end, 0):
        skipped = there.replace(tzinfo=None) - before.replace(tzinfo=None)
        assert skipped > timedelta(minutes=1)


def test_the_hours_are_read_and_written() -> None:
    assert read_hours("21:00-08:30") == (1260, 510)
    assert write_hours(rule("09:05-08:30")) == "09:05-08:30"
    assert write_hours(QuietRule(account_id=0, country_id=0, start_minute=None, end_minute=None)) == "none"
    for text in ("", "21-8", "25:00-08:00", "21:00", "21:00-21:00", "21:60-22:00"):
        with pytest.raises(ComplianceError):
            read_hours(text)


def test_the_narrowest_rule_holds() -> None:
    never = QuietRule(account_id=7, country_id=1, start_minute=None, end_minute=None)
    book = QuietBook([rule("01:00-02:00"), rule("03:00-04:00", 0, 1), rule("05:00-06:00", 7), never])
    found = [book.find(account_id, country_id) for account_id in (7, 8) for country_id in (1, 2)]
    assert [each and write_hours(each) for each in found] == [None, "05:00-06:00", "03:00-04:00", "01:00-02:00"]
    assert QuietBook().find(7, 1) is None
    assert quiet_until(never, BERLIN, 0) is None


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("8613812345678", "Asia/Shanghai"),
        ("6281234567890", "Asia/Jakarta"),  # mobile numbers lie in all three zones
        ("12125551234", "America/New_York"),
        ("13105551234", "America/Los_Angeles"),
        ("18085551234", "Pacific/Honolulu"),
        ("79161234567", "Europe/Moscow"),
        ("77011234567", "Asia/Almaty"),
        ("447700900123", "Europe/London"),
        ("4915112345678", "Europe/Berlin"),
        ("61412345678", "Australia/Sydney"),
        ("919876543210", "Asia/Calcutta"),
        ("351912345678", "Europe/Lisbon"),
    ],
)
def test_the_zone_of_a_number(number: str, zone: str) -> None:
    assert str(find_zone(number)) == zone


@pytest.mark.parametrize("value", ["", "a@b.example", "0", "80012345678"])
def test_what_has_no_zone(value: str) -> None:
    assert find_zone(value) is None


def test_every_zone_of_the_table_can_be_loaded() -> None:
    from phonenumbers.tzdata import TIMEZONE_DATA

    assert len([prefix for prefix in TIMEZONE_DATA if find_zone(prefix) is not None]) == len(TIMEZONE_DATA)
