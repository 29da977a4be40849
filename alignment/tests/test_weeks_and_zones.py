"""Local weeks and dates as UTC instants, and the one time-zone database behind them."""

import subprocess
import sys
import zoneinfo
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest

from alignment.business_time import Week, local_day_bounds, tzdata_version

NEW_YORK = "America/New_York"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        # systems that ship the 2025 rules get the first three wrong by an hour
        ("America/Vancouver", (2026, 11, 16), -7),
        ("America/Edmonton", (2026, 11, 16), -6),
        ("Africa/Casablanca", (2026, 11, 16), 0),
        ("Asia/Almaty", (2024, 3, 2), 5),
        ("Africa/Cairo", (2026, 7, 1), 3),
        ("America/Mexico_City", (2026, 7, 1), -6),
    ],
)
def test_zones_are_read_from_the_pinned_database(zone: str, day: tuple[int, int, int], hours: int) -> None:
    noon = datetime(*day, 12, tzinfo=UTC)
    assert noon.astimezone(ZoneInfo(zone)).utcoffset() == hours * HOUR


def test_the_system_has_no_say_in_time_zones() -> None:
    assert zoneinfo.TZPATH == ()
    assert tzdata_version() == version("tzdata") == "2026.6"


def test_importing_business_time_is_enough_to_leave_the_system_out() -> None:
    code = "import zoneinfo, alignment.business_time; print(zoneinfo.TZPATH)"
    root = Path(__file__).resolve().parents[2]
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "()\n"


def test_two_weeks_over_a_clock_change_are_not_336_hours() -> None:
    autumn = Week.starting(date(2026, 10, 26), NEW_YORK)
    assert autumn.next().ends_at - autumn.starts_at == 337 * HOUR
    spring = Week.starting(date(2026, 3, 2), NEW_YORK)
    assert spring.next().ends_at - spring.starts_at == 335 * HOUR
    assert autumn.ends_at - autumn.starts_at == 169 * HOUR
    assert autumn.next().ends_at - autumn.next().starts_at == 168 * HOUR


def test_a_week_starts_and_ends_at_local_midnight() -> None:
    week = Week.starting(date(2026, 10, 26), NEW_YORK)
    assert week.starts_at == datetime(2026, 10, 26, 4, tzinfo=UTC)
    assert week.ends_at == datetime(2026, 11, 2, 5, tzinfo=UTC)
    assert week.starts_at.tzinfo is UTC


def test_an_instant_falls_in_the_local_week() -> None:
    sunday_night = datetime(2026, 11, 2, 4, 59, tzinfo=UTC)
    assert Week.of(sunday_night, NEW_YORK).monday == date(2026, 10, 26)
    assert Week.of(sunday_night + timedelta(minutes=1), NEW_YORK).monday == date(2026, 11, 2)
    assert Week.of(sunday_night, "Asia/Tokyo").monday == date(2026, 11, 2)


def test_weeks_follow_each_other_without_gap() -> None:
    week = Week.of(datetime(2026, 1, 1, tzinfo=UTC), NEW_YORK)
    for _ in range(60):
        assert week.ends_at == week.next().starts_at
        assert week.next().previous() == week
        assert Week.of(week.starts_at, NEW_YORK) == week
        assert Week.of(week.ends_at - timedelta(microseconds=1), NEW_YORK) == week
        week = week.next()


def test_a_week_that_does_not_start_on_monday_is_refused() -> None:
    with pytest.raises(ValueError, match="2026-10-27 is a Tuesday"):
        Week.starting(date(2026, 10, 27), NEW_YORK)
    with pytest.raises(ValueError, match="starts on a Monday"):
        Week(date(2026, 10, 25), NEW_YORK)


def test_a_week_needs_an_instant_and_not_a_bare_wall_time() -> None:
    with pytest.raises(ValueError, match="Expected a datetime with a time zone"):
        Week.of(datetime(2026, 10, 27), NEW_YORK)


@pytest.mark.parametrize(
    ("day", "zone", "since", "hours"),
    [
        (date(2026, 6, 1), NEW_YORK, "2026-06-01T04:00Z", 24),
        (date(2026, 3, 8), NEW_YORK, "2026-03-08T05:00Z", 23),
        (date(2026, 11, 1), NEW_YORK, "2026-11-01T04:00Z", 25),
        (date(2026, 4, 24), "Africa/Cairo", "2026-04-23T22:00Z", 23),  # has no 00:00
        (date(2026, 10, 24), "Asia/Beirut", "2026-10-23T21:00Z", 25),  # shows 23:00 twice
        (date(2025, 11, 2), "America/Havana", "2025-11-02T04:00Z", 25),  # shows 00:00 twice
        (date(1919, 3, 31), "America/Toronto", "1919-03-31T04:30Z", 23.5),  # begins at 00:30
        (
            date(2009, 12, 31),
            "Asia/Dhaka",
            "2009-12-30T17:00Z",
            25,
        ),  # clocks changed in the year's last hours
        (date(2011, 12, 30), "Pacific/Apia", "2011-12-30T10:00Z", 0),
        (date(2026, 4, 5), "Australia/Lord_Howe", "2026-04-04T13:00Z", 24.5),
        (date(2027, 1, 1), "Asia/Kathmandu", "2026-12-31T18:15Z", 24),
    ],
)
def test_a_local_date_lasts_as_long_as_its_clocks_say(day: date, zone: str, since: str, hours: float) -> None:
    begin, end = local_day_bounds(day, zone)
    assert begin == datetime.fromisoformat(since)
    assert end - begin == hours * HOUR


def test_dates_follow_each_other_without_gap_in_every_zone() -> None:
    for zone in ("Africa/Cairo", "America/Nuuk", "Asia/Gaza", "Pacific/Apia", "Pacific/Chatham"):
        for offset in range(366):
            day = date(2026, 1, 1) + timedelta(days=offset)
            begin, end = local_day_bounds(day, zone)
            tz = ZoneInfo(zone)
            assert (
                begin.astimezone(tz).date() == (end - timedelta(microseconds=1)).astimezone(tz).date() == day
            )
            assert end == local_day_bounds(day + timedelta(days=1), zone)[0]


def test_unknown_zones_and_far_years_are_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        local_day_bounds(date(2026, 6, 1), "Mars/Base")
    with pytest.raises(ValueError, match="1900 to 2199, not 2500"):
        local_day_bounds(date(2500, 6, 1), NEW_YORK)
