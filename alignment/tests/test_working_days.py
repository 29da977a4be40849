"""The length of a working day, and windows in words."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.business_time import Schedule
from alignment.queries.working_days import WorkingDay, open_seconds, windows_text, working_day

HOUR = 3600


def schedule(**weekly: Any) -> Schedule:
    return Schedule.from_json({"zone": "UTC", "weekly": weekly}, allow_closed=True)


@pytest.mark.parametrize(
    ("windows", "hours"),
    [
        (((540, 1020),), 8),
        (((540, 720), (780, 1080)), 8),
        (((1320, 360),), 8),
        (((0, 1440),), 24),
        (((540, 720), (660, 780)), 4),
        (((540, 1020), (600, 660)), 8),
        ((), 0),
    ],
)
def test_open_time_of_a_day_counts_overlaps_once_and_nights_whole(windows: Any, hours: int) -> None:
    assert open_seconds(windows) == hours * HOUR


def test_a_working_day_is_as_long_as_the_days_that_open() -> None:
    assert working_day(schedule(mon=[["09:00", "17:00"]], tue=[["22:00", "06:00"]])) == WorkingDay(
        8 * HOUR, 8 * HOUR
    )
    assert working_day(schedule(mon=[["09:00", "17:00"]], fri=[["09:00", "13:00"]])) == WorkingDay(
        4 * HOUR, 8 * HOUR
    )
    assert working_day(schedule()) == WorkingDay(0, 0)


def test_windows_are_written_as_people_say_them() -> None:
    assert windows_text(((540, 720), (780, 1020))) == "09:00–12:00, 13:00–17:00"
    assert windows_text(((1320, 360),)) == "22:00–06:00 (next day)"
    assert windows_text(((0, 1440),)) == "00:00–24:00"
    assert windows_text(()) == "closed"
