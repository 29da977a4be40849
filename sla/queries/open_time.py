"""A calendar's open time as arrays, for PostgreSQL to bisect: zones and clock changes stay in alignment.business_time.

The position of an instant is the open time from 1970 to it. `mark` of an instant is the smallest position that a due
time at or after it has: a budget that ends there is used up, for the first time, no earlier than at the instant. Where
the calendar was closed just before, that is one microsecond more than its position: an action on Saturday is late for
what was due on Friday at closing, although no open time lies between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from alignment.business_time import BusinessCalendar, tzdata_version
from alignment.business_time.zones import EPOCH, FIRST_YEAR, LAST_YEAR
from alignment.queries.calendars import CompiledCalendar

BY_THE_CLOCK = 0
"""Stands for a calendar's id: every instant is open."""
NEVER = 2**62
_BEGIN = 1970


def micros(instant: datetime) -> int:
    """Microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class OpenTime:
    """`starts`, `ends` of the open intervals of some years, and `closed`: microseconds since 1970 that were not open
    until each began. One more start and figure, after all time, stands for what comes then."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    closed: tuple[int, ...]

    def position(self, instant: int) -> int:
        index = bisect_right(self.ends, instant)
        return max(self.starts[index], instant) - self.closed[index]

    def mark(self, instant: datetime) -> int:
        return self.position(micros(instant) - 1) + 1


_WHOLE = OpenTime((0,), (), (0,))


@lru_cache(maxsize=64)
def _built(calendar: BusinessCalendar, tzdata: str, first_year: int, last_year: int) -> OpenTime:
    passed = 0
    starts, ends, closed = [], [], []
    first = micros(datetime(first_year, 1, 1, tzinfo=EPOCH.tzinfo))
    for start, end in calendar.open_time(_BEGIN, last_year):
        if start >= first:
            starts.append(start)
            ends.append(end)
            closed.append(start - passed)
        passed += end - start
    return OpenTime((*starts, NEVER), tuple(ends), (*closed, NEVER - passed))


def open_time(calendar: CompiledCalendar | None, first: datetime, last: datetime) -> OpenTime:
    """For instants from `first` to `last`, 1970 to 2198; None: by the clock. Positions of one calendar agree whatever
    the years asked for."""
    if calendar is None:
        return _WHOLE
    first_year, last_year = max(first.year, _BEGIN, FIRST_YEAR), min(last.year + 1, LAST_YEAR)
    return _built(calendar.calendar, tzdata_version(), first_year, last_year)


def arrays(found: OpenTime) -> Mapping[str, list[int]]:
    """As parameters of a statement that uses `POSITION`."""
    return {"starts": list(found.starts), "ends": list(found.ends), "closed": list(found.closed)}


_POSITION = "(SELECT greatest(o.starts[w + 1], {0}) - o.closed[w + 1] FROM width_bucket({0}, o.ends) AS w)"


def position_sql(instant: str) -> str:
    """SQL for the position of an instant, microseconds since 1970; `o` is a row of the arrays."""
    return _POSITION.format(instant)
