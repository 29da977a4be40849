"""A schedule's open time as sorted UTC intervals: clock changes are dealt with here and nowhere else."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from operator import itemgetter

from alignment.business_time.schedule import MINUTES_A_DAY, Schedule, Windows
from alignment.business_time.zones import DAY, Stretch, midnight, stretches_between

Interval = tuple[int, int]
"""Half-open `[from, to)`."""

_ONE_DAY = timedelta(days=1)


def _union(intervals: Iterable[Interval]) -> list[Interval]:
    """Disjoint intervals in order; overlapping and touching ones become one."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _before_midnight(windows: Windows) -> list[Interval]:
    return [(start, end if end > start else MINUTES_A_DAY) for start, end in windows]


def _after_midnight(windows: Windows) -> list[Interval]:
    return [(0, end) for start, end in windows if end <= start]


def _open_minutes(schedule: Schedule, day: date) -> list[Interval]:
    """Open minutes of one local date: its own windows, and the end of the shift begun the day before."""
    if day in schedule.holidays:
        return []
    tail = _after_midnight(schedule.windows_on(day - _ONE_DAY))
    return _union(_before_midnight(schedule.windows_on(day)) + tail)


def _to_utc(wall: Sequence[Interval], stretches: Iterable[Stretch]) -> list[Interval]:
    """Wall seconds to UTC seconds: a skipped hour vanishes and a repeated hour appears twice."""
    found: list[Interval] = []
    for begin, end, offset in stretches:
        low, high = begin + offset, end + offset
        for index in range(bisect_right(wall, low, key=itemgetter(1)), len(wall)):
            opens, closes = wall[index]
            if opens >= high:
                break
            found.append((max(opens, low) - offset, min(closes, high) - offset))
    return found


def _around(schedule: Schedule, day: date, minutes: Iterable[Interval]) -> list[Interval]:
    wall = midnight(day)
    seconds = [(wall + start * 60, wall + end * 60) for start, end in minutes]
    return _to_utc(seconds, stretches_between(schedule.zone, wall - 2 * DAY, wall + 3 * DAY))


def open_on(schedule: Schedule, day: date) -> list[Interval]:
    """UTC epoch seconds that are open and whose local date is `day`."""
    return _around(schedule, day, _open_minutes(schedule, day))


def open_from(schedule: Schedule, day: date) -> list[Interval]:
    """UTC epoch seconds on `day` of the shifts that begin on it; empty means it is no business day."""
    return _around(schedule, day, _union(_before_midnight(schedule.windows_on(day))))


@lru_cache(maxsize=512)
def open_in_year(schedule: Schedule, year: int) -> tuple[Interval, ...]:
    """UTC epoch seconds of a UTC year that are open: disjoint, in order."""
    usual = [
        _union(
            _before_midnight(schedule.weekly.get(weekday, ()))
            + _after_midnight(schedule.weekly.get((weekday - 1) % 7, ()))
        )
        for weekday in range(7)
    ]
    exceptional = schedule.holidays | schedule.overrides.keys()
    begin, end = date(year, 1, 1), date(year + 1, 1, 1)
    wall: list[Interval] = []
    day = begin - 2 * _ONE_DAY
    base = midnight(day)
    yesterday_exceptional = True
    while day <= end + _ONE_DAY:
        today_exceptional = day in exceptional
        if today_exceptional or yesterday_exceptional:
            minutes = _open_minutes(schedule, day)
        else:
            minutes = usual[day.weekday()]
        wall += [(base + start * 60, base + close * 60) for start, close in minutes]
        yesterday_exceptional = today_exceptional
        day, base = day + _ONE_DAY, base + DAY
    stretches = stretches_between(schedule.zone, midnight(begin), midnight(end))
    return tuple(_union(_to_utc(_union(wall), stretches)))
