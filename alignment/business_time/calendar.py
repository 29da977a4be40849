"""Adding business time to an instant and measuring it between two, by bisection in a table of intervals."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from alignment.business_time.schedule import Schedule
from alignment.business_time.table import Interval, open_from, open_in_year, open_on
from alignment.business_time.zones import EPOCH, FIRST_YEAR, LAST_YEAR, check_year, midnight

HORIZON = timedelta(days=800)
"""How far ahead open time is looked for."""

Holds = Sequence[tuple[datetime, datetime]]

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_HORIZON = HORIZON // _MICROSECOND


class NoOpenTime(ValueError):
    """The calendar does not open, or not for long enough, within 800 days of the start."""


class _Table:
    """Open intervals of whole UTC years, in epoch microseconds: disjoint, in order. Never changed once built.

    An instant inside interval `i` lies `instant - closed[i]` open microseconds after the table's beginning;
    `through[i]` is that figure for the interval's end.
    """

    __slots__ = ("begin", "closed", "end", "ends", "first_year", "last_year", "starts", "through")

    def __init__(self, first_year: int, last_year: int, intervals: Sequence[Interval]) -> None:
        self.first_year, self.last_year = first_year, last_year
        self.begin, self.end = _year_begin(first_year), _year_begin(last_year + 1)
        self.starts, self.ends = [start for start, _ in intervals], [end for _, end in intervals]
        self.through = list(accumulate(end - start for start, end in intervals))
        self.closed = [end - open_ for end, open_ in zip(self.ends, self.through, strict=True)]

    def position(self, instant: int) -> int:
        """Open microseconds from the beginning of the table to an instant."""
        index = bisect_right(self.ends, instant)
        if index == len(self.ends):
            return self.through[-1] if self.through else 0
        return max(self.starts[index], instant) - self.closed[index]

    def after(self, instant: int, budget: int) -> int | None:
        """The first instant at which so many microseconds (1 or more) were open; None past its end."""
        ends = self.ends
        index = bisect_right(ends, instant)
        if index == len(ends):
            return None
        opens = self.starts[index]
        counts_from = instant if instant > opens else opens  # max() would cost a tenth more
        target = counts_from - self.closed[index] + budget
        index = bisect_left(self.through, target, index)
        return None if index == len(ends) else target + self.closed[index]


def _year_begin(year: int) -> int:
    return midnight(date(year, 1, 1)) * _SECOND


_BEGINNING, _END = _year_begin(FIRST_YEAR), _year_begin(LAST_YEAR + 1)
_NOTHING = _Table(LAST_YEAR + 1, FIRST_YEAR - 1, [])
_EVERYTHING = _Table(FIRST_YEAR, LAST_YEAR, [(_BEGINNING, _END)])


class BusinessCalendar:
    """The versions of a schedule over time.

    `versions` holds each schedule with the instant from which it is in force, in order; the first takes None
    and holds for all time before. Raises ValueError for any other list. Instants go in as datetimes with any
    zone and come out in UTC; a datetime without a zone, or a year outside 1900 to 2199, is a ValueError.
    One calendar may be shared by threads and is cheap to make: years are computed when first met.
    """

    def __init__(self, versions: Sequence[tuple[Schedule, datetime | None]]) -> None:
        if not versions or versions[0][1] is not None:
            raise ValueError("A calendar needs a first schedule whose effective instant is None.")
        since = [_BEGINNING]
        for _, effective in versions[1:]:
            if effective is None:
                raise ValueError("Only the first schedule of a calendar may lack an effective instant.")
            since.append(_micros(effective))
        if since != sorted(since):
            raise ValueError("Sort the schedules of a calendar by effective instant.")
        schedules = [schedule for schedule, _ in versions]
        self._versions = list(zip(schedules, since, [*since[1:], _END], strict=True))
        self._known = _NOTHING

    @classmethod
    def always_open(cls) -> BusinessCalendar:
        """Elapsed time: every instant is open, every date is a business day of 24 hours in UTC."""
        calendar = cls([(Schedule("UTC", dict.fromkeys(range(7), ((0, 1440),))), None)])
        calendar._known = _EVERYTHING
        return calendar

    def add(self, start: datetime, seconds: int, holds: Holds = ()) -> datetime:
        """The first instant at which `seconds` of open time outside the holds have passed since `start`.

        A budget of 0 is due at the start, open or not. Raises NoOpenTime if the budget is not used up within
        800 days, ValueError for a negative budget or a hold that ends before it starts.
        """
        begin = _micros(start)
        if seconds <= 0:
            if seconds < 0:
                raise ValueError(f"A budget of business time cannot be negative, got {seconds} seconds.")
            return start.astimezone(UTC)
        budget = seconds * _SECOND
        pauses = _sorted(holds) if holds else ()
        table = self._known
        if not table.begin <= begin < table.end:
            table = self._covering(begin, begin)
        due = _due(table, begin, budget, pauses) if pauses else table.after(begin, budget)
        while due is None and table.end <= begin + _HORIZON:
            table = self._covering(begin, table.end)
            due = _due(table, begin, budget, pauses)
        if due is None or due - begin > _HORIZON:
            raise NoOpenTime(
                f"The calendar has no {seconds} s of open time in the {HORIZON.days} days after "
                f"{start.isoformat()}; check its weekly windows, its holidays and the holds."
            )
        return EPOCH + _MICROSECOND * due

    def between(self, start: datetime, end: datetime, holds: Holds = ()) -> int:
        """Whole open seconds in `[start, end)` outside the holds; 0 if `end` is not after `start`."""
        begin, finish = _micros(start), _micros(end)
        pauses = _sorted(holds) if holds else ()
        if finish <= begin:
            return 0
        position = self._covering(begin, finish).position
        total = position(finish) - position(begin)
        for since, until in _apart(pauses, begin, finish):
            total -= position(until) - position(since)
        return total // _SECOND

    def is_open(self, at: datetime) -> bool:
        """Whether the instant lies in open time; the closing instant does not."""
        instant = _micros(at)
        table = self._covering(instant, instant)
        index = bisect_right(table.ends, instant)
        return index < len(table.ends) and table.starts[index] <= instant

    def next_opening(self, at: datetime) -> datetime:
        """The first open instant from `at` on: `at` itself while open. Raises NoOpenTime after 800 days."""
        instant = _micros(at)
        table = self._covering(instant, instant)
        while (index := bisect_right(table.ends, instant)) == len(
            table.ends
        ) and table.end <= instant + _HORIZON:
            table = self._covering(instant, table.end)
        if index == len(table.ends) or table.starts[index] - instant > _HORIZON:
            raise NoOpenTime(
                f"The calendar does not open in the {HORIZON.days} days after {at.isoformat()}; "
                "check its weekly windows and its holidays."
            )
        return EPOCH + _MICROSECOND * max(instant, table.starts[index])

    def add_business_days(self, day: date, days: int) -> date:
        """The date that is so many business days after `day`; `day` itself for 0.

        A business day is a local date on which a shift begins and some of it is open, however short; the
        night after it is no further day. Raises NoOpenTime past 800 days, ValueError for a negative number.
        """
        if days < 0:
            raise ValueError(f"A number of business days cannot be negative, got {days}.")
        reached = day
        while days:
            reached += timedelta(days=1)
            if reached - day > HORIZON:
                raise NoOpenTime(
                    f"Fewer business days than wanted in the {HORIZON.days} days after {day.isoformat()}."
                )
            days -= self._open_on(reached, open_from) > 0
        return reached

    def open_seconds_on(self, day: date) -> int:
        """Open seconds on a local date, in the zone of the version in force at each instant."""
        return self._open_on(day, open_on) // _SECOND

    def open_time(self, first_year: int, last_year: int) -> list[Interval]:
        """What is open in these UTC years, both included: microseconds since 1970, disjoint and in order."""
        for year in (first_year, last_year):
            check_year(year)
        return [interval for year in range(first_year, last_year + 1) for interval in self._year(year)]

    def _open_on(self, day: date, intervals_on: Callable[[Schedule, date], Sequence[Interval]]) -> int:
        """Microseconds of a local date, each version's cut to the time in which it is in force."""
        check_year(day.year)
        wall = midnight(day) * _SECOND
        near, far = wall - 2 * _DAY, wall + 3 * _DAY
        total = 0
        for schedule, since, until in self._versions:
            if since < far and until > near:
                for start, end in intervals_on(schedule, day):
                    total += max(0, min(end * _SECOND, until) - max(start * _SECOND, since))
        return total

    def _covering(self, first: int, last: int) -> _Table:
        """A table that covers two instants."""
        table = self._known
        if table.begin <= first and last < table.end:
            return table
        years = [(EPOCH + _MICROSECOND * instant).year for instant in (first, last)]
        for year in years:
            check_year(year)
        first_year, last_year = min(years[0], table.first_year), max(years[1], table.last_year)
        intervals: list[Interval] = []
        for year in range(first_year, last_year + 1):
            intervals += self._year(year)
        # replaced as a whole, so that other threads never see half a table
        self._known = table = _Table(first_year, last_year, intervals)
        return table

    def _year(self, year: int) -> Iterator[Interval]:
        """Open intervals of a UTC year in microseconds, each version's cut to its time in force."""
        begin, end = _year_begin(year), _year_begin(year + 1)
        for schedule, since, until in self._versions:
            if since >= end or until <= begin or since == until:
                continue
            for opens, closes in open_in_year(schedule, year):
                start, stop = max(opens * _SECOND, since), min(closes * _SECOND, until)
                if start < stop:
                    yield start, stop


def _micros(instant: datetime) -> int:
    try:
        return (instant - EPOCH) // _MICROSECOND
    except TypeError:
        raise ValueError(f"Expected a datetime with a time zone, got {instant!r}.") from None


def _sorted(holds: Holds) -> list[Interval]:
    pauses = sorted((_micros(since), _micros(until)) for since, until in holds)
    for since, until in pauses:
        if until < since:
            raise ValueError(
                f"A hold ends {(since - until) / _SECOND} s before it starts; give it as (from, to)."
            )
    return pauses


def _apart(pauses: Sequence[Interval], begin: int, finish: int) -> Iterator[Interval]:
    """The parts of sorted intervals inside `[begin, finish)`, without what an earlier one covered already."""
    reached = begin
    for since, until in pauses:
        since, until = max(since, reached), min(until, finish)
        if since < until:
            yield since, until
            reached = until


def _due(table: _Table, begin: int, budget: int, pauses: Sequence[Interval]) -> int | None:
    """The instant at which the budget is used up; None if the table ends before."""
    due = table.after(begin, budget)
    for since, until in _apart(pauses, begin, _END):
        if due is None or since >= due:
            break
        budget += table.position(until) - table.position(since)
        due = table.after(begin, budget)
    return due
