"""Calendars as people read them: is it open, its week, the dates that differ, and who changed it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from alignment.business_time import NoOpenTime, Schedule
from alignment.models import Calendar, CalendarVersion, Team
from alignment.queries.calendars import CompiledCalendar, compiled
from alignment.queries.working_days import WEEKDAY_NAMES, open_seconds, windows_text


@dataclass(frozen=True)
class Opening:
    """Whether a calendar is open; if not, when it opens (None: not within 800 days)."""

    is_open: bool
    opens_at: datetime | None


@dataclass(frozen=True)
class Weekday:
    name: str
    windows: str
    seconds: int


@dataclass(frozen=True)
class Special:
    """A local date that differs from its weekday."""

    day: date
    windows: str
    name: str


@dataclass(frozen=True)
class CalendarRow:
    """A calendar as it stands. `weekly_seconds`: open time of a week without holidays."""

    calendar: Calendar
    version: CalendarVersion
    zone: str
    opening: Opening
    week: list[Weekday]
    weekly_seconds: int
    teams: list[Team]
    next_special: Special | None


def calendar_rows(*, at: datetime) -> list[CalendarRow]:
    """Every calendar by name; as many statements for one as for twenty."""
    calendars = list(Calendar.objects.prefetch_related("teams").filter(versions__isnull=False).distinct())
    ready = compiled(calendar.pk for calendar in calendars)
    return [_row(calendar, ready[calendar.pk], at) for calendar in calendars]


def calendar_row(calendar: Calendar, *, at: datetime) -> CalendarRow:
    return _row(calendar, compiled([calendar.pk])[calendar.pk], at)


def _row(calendar: Calendar, ready: CompiledCalendar, at: datetime) -> CalendarRow:
    version = ready.version_at(at)
    schedule = Schedule.from_json(version.schedule, allow_closed=True)
    week = [
        Weekday(name, windows_text(windows), open_seconds(windows))
        for number, name in enumerate(WEEKDAY_NAMES)
        for windows in [schedule.weekly.get(number, ())]
    ]
    today = at.astimezone(ZoneInfo(schedule.zone)).date()
    coming = [special for special in specials(version) if special.day >= today]
    return CalendarRow(
        calendar,
        version,
        schedule.zone,
        _opening(ready, at),
        week,
        sum(day.seconds for day in week),
        list(calendar.teams.all()),
        coming[0] if coming else None,
    )


def specials(version: CalendarVersion) -> list[Special]:
    """Holidays and dates with other hours, in order."""
    schedule = Schedule.from_json(version.schedule, allow_closed=True)
    names = version.holiday_names
    closed = [Special(day, "closed", names.get(day.isoformat(), "")) for day in schedule.holidays]
    other = [
        Special(day, windows_text(windows), names.get(day.isoformat(), ""))
        for day, windows in schedule.overrides.items()
        if day not in schedule.holidays
    ]
    return sorted(closed + other, key=lambda special: special.day)


def _opening(ready: CompiledCalendar, at: datetime) -> Opening:
    try:
        opens_at = ready.calendar.next_opening(at)
    except NoOpenTime:
        return Opening(False, None)
    return Opening(opens_at <= at, opens_at)
