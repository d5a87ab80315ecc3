"""When a scheduled send is due, and which times are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import Status, Zone, read_send_time, zones

NOW_S = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC, 22:13:20 at UTC+8
DAY_S = 86_400


def at(text: str) -> float:
    """Epoch seconds of an ISO time with offset."""
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(
    ("send_time", "time_zone", "due"),
    [
        ("2026-09-22 08:00:00", None, "2026-09-22T08:00:00+08:00"),
        ("2026-09-22 08:00:00", "", "2026-09-22T08:00:00+08:00"),
        ("2026-09-22 08:00:00", "  ", "2026-09-22T08:00:00+08:00"),
        ("20260922080000", None, "2026-09-22T08:00:00+08:00"),
        (" 2026-09-22 08:00:00 ", "UTC+8", "2026-09-22T08:00:00+08:00"),
        ("2026-09-22 08:00:00", "UTC 8", "2026-09-22T08:00:00+08:00"),
        ("2026-09-22 08:00:00", "UTC-8", "2026-09-22T08:00:00-08:00"),
        ("2026-09-22 08:00:00", "UTC-3:30", "2026-09-22T08:00:00-03:30"),
        ("20260922080000", "UTC+5:45", "2026-09-22T08:00:00+05:45"),
        ("2026-09-22 08:00:00", "UTC", "2026-09-22T08:00:00+00:00"),
        ("2026-09-22 08:00:00", "America/New_York", "2026-09-22T08:00:00-04:00"),
        ("1790003600", None, "2026-09-21T15:13:20+00:00"),
        ("1790003600", "UTC-8", "2026-09-21T15:13:20+00:00"),
    ],
)
def test_the_forms_and_zones(send_time: str, time_zone: str | None, due: str) -> None:
    assert read_send_time(send_time, time_zone, NOW_S) == at(due)


@pytest.mark.parametrize(
    ("send_time", "time_zone", "due"),
    [
        # Skipped: moves forward by what the clock did.
        ("2026-03-08 02:30:00", "America/New_York", "2026-03-08T03:30:00-04:00"),
        ("20260329013000", "Europe/London", "2026-03-29T02:30:00+01:00"),
        ("2026-10-04 02:15:00", "Australia/Lord_Howe", "2026-10-04T02:45:00+11:00"),  # half an hour
        ("2011-12-30 09:00:00", "Pacific/Apia", "2011-12-31T09:00:00+14:00"),  # a whole day
        # Twice: the first.
        ("2026-11-01 01:30:00", "America/New_York", "2026-11-01T01:30:00-04:00"),
        ("2026-10-25 01:30:00", "Europe/Dublin", "2026-10-25T01:30:00+01:00"),
        ("2026-04-05 01:45:00", "Australia/Lord_Howe", "2026-04-05T01:45:00+11:00"),
        # Just beside.
        ("2026-03-08 03:00:00", "America/New_York", "2026-03-08T03:00:00-04:00"),
        ("2026-03-08 01:59:59", "America/New_York", "2026-03-08T01:59:59-05:00"),
        ("2026-11-01 02:00:00", "America/New_York", "2026-11-01T02:00:00-05:00"),
    ],
)
def test_clock_changes(send_time: str, time_zone: str, due: str) -> None:
    assert read_send_time(send_time, time_zone, at(due) - 3600) == at(due)


@pytest.mark.parametrize(
    "send_time",
    [
        "", " ", "now", "2026-09-22", "2026-09-22 08:00", "2026-9-22 08:00:00", "2026-09-22T08:00:00", "2026/09/22 08:00:00",
        "2026-09-31 08:00:00", "2026-02-29 08:00:00", "0000-01-01 00:00:00", "2026-09-22 24:00:00", "2026-09-22 08:60:00",
        "2026-09-22 08:00:60", "2026-09-22 08:00:00Z", "2026-09-22 08:00:00.5", "2026092208000", "202609220800", "1790003600000",
        "-1790003600", "+1790003600", "1790003600.5", "1.79e9", "２０２６-09-22 08:00:00", "1790003600\0", "inf",
        "nan", "9" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_time(send_time: str) -> None:
    assert read_send_time(send_time, None, NOW_S) is Status.SCHEDULE_FORMAT


@pytest.mark.parametrize("time_zone", ["UTC+12:45", "GMT+8", "Atlantis", "../../etc/passwd", "8"])
@pytest.mark.parametrize("send_time", ["2026-09-22 08:00:00", "1790003600", "0"])
def test_an_unknown_zone_even_with_epoch_seconds(send_time: str, time_zone: str) -> None:
    assert read_send_time(send_time, time_zone, NOW_S) is Status.SCHEDULE_FORMAT


@pytest.mark.parametrize(
    ("ahead_s", "is_taken"),
    [(-61, False), (-60, True), (0, True), (30 * DAY_S, True), (30 * DAY_S + 1, False), (-1_790_000_000, False)],
)
def test_the_range(ahead_s: int, is_taken: bool) -> None:
    due_s = NOW_S + ahead_s
    expected = due_s if is_taken else Status.TIME_RANGE
    assert read_send_time(f"{due_s:.0f}", None, NOW_S) == expected
    east_8 = datetime.fromtimestamp(due_s, timezone(timedelta(hours=8)))
    assert read_send_time(f"{east_8:%Y-%m-%d %H:%M:%S}", None, NOW_S) == expected


@pytest.mark.parametrize("send_time", ["00010101000000", "9999-12-31 23:59:59", "99999999999"])
@pytest.mark.parametrize("time_zone", ["UTC-12", "UTC+14", "Europe/Dublin"])
def test_times_at_the_ends_of_the_calendar_are_out_of_range(send_time: str, time_zone: str) -> None:
    assert read_send_time(send_time, time_zone, NOW_S) is Status.TIME_RANGE


@given(due_s=st.integers(0, 4_000_000_000), zone=st.sampled_from(zones()))
def test_what_a_clock_of_the_list_shows_is_read_back(due_s: int, zone: Zone) -> None:
    local = datetime.fromtimestamp(due_s, UTC) + timedelta(minutes=zone.offset_minutes)
    for text in (f"{local:%Y-%m-%d %H:%M:%S}", f"{local:%Y%m%d%H%M%S}", f"{due_s}"):
        assert read_send_time(text, zone.label, due_s - 100.0) == due_s


@given(text=st.text(max_size=30), time_zone=st.text(max_size=12))
def test_any_text_gets_an_answer(text: str, time_zone: str) -> None:
    assert read_send_time(text, time_zone, NOW_S) in {Status.SCHEDULE_FORMAT, Status.TIME_RANGE}
