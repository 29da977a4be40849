"""Setting up calendars. A version never changes: what differs is a new version from when it is entered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction

from alignment.business_time import InvalidSchedule, Schedule
from alignment.holidays import public_holidays
from alignment.models import Calendar, CalendarVersion, User
from alignment.services.authority import require_revops

SEEDED_YEARS = 3
"""This year and the next two: for so long are holidays entered at once."""
PAST_YEARS = 4
"""And of so many years before it: imported history is judged by them. Live clocks all run later."""
FARTHEST_YEARS = 10


class CalendarExists(Exception):
    """A calendar has this name already."""


class NoWorkingTime(InvalidSchedule):
    """The calendar would never be open, and no clock on it could ever be due."""


class DayHasPassed(ValueError):
    """An exception acts only on instants after it is entered; this day is over in the calendar's zone."""


class NothingToChange(ValueError):
    """The calendar says so already."""


class NoReason(ValueError):
    """An exception is listed to both leaders; they want to know why."""


class NoHolidaySource(ValueError):
    """The calendar names no country from which holidays could come."""


class TooFarAhead(ValueError):
    """Holidays are entered for at most ten years ahead: governments move them."""


def create_calendar(
    *, name: str, schedule: Mapping[str, Any], country: str | None = None, by: User | None, at: datetime
) -> Calendar:
    """A calendar with its first version, which judges all earlier instants as well.

    `schedule` is the document of `Schedule.from_json`. With a country (DE, US-CA) its public holidays of this
    year, the next two and the last four are added, except on dates that the document opens or closes itself.
    Raises OnlyRevOps, CalendarExists, UnknownCountry, InvalidSchedule or NoWorkingTime.
    """
    require_revops(by, "Calendars")
    given = _usable(schedule)
    year = at.astimezone(ZoneInfo(given.zone)).year
    found = public_holidays(country, range(year - PAST_YEARS, year + SEEDED_YEARS)) if country else {}
    added = {day: holiday for day, holiday in found.items() if day not in given.overrides}
    seeded = _usable({**given.to_json(), "holidays": _texts(given.holidays | set(added))})
    try:
        with transaction.atomic():
            calendar = Calendar.objects.create(name=name.strip())
            CalendarVersion.objects.create(
                calendar=calendar,
                number=1,
                schedule=seeded.to_json(),
                holiday_names={day.isoformat(): holiday for day, holiday in added.items()},
                country=(country or "").upper(),
                reason="First version",
                entered_by=by,
                entered_at=at,
            )
    except IntegrityError as problem:
        raise CalendarExists(f"There is a calendar named “{name}”; choose another name.") from problem
    return calendar


@transaction.atomic
def add_exception(
    *,
    calendar: Calendar,
    day: date,
    windows: Sequence[Sequence[str]] | None,
    reason: str,
    by: User | None,
    at: datetime,
) -> CalendarVersion:
    """A date that differs, in a new version from `at` on: no earlier instant is judged anew.

    `windows`: (("09:00", "13:00"), ...) replaces the weekly windows of the date, a holiday on it included;
    None closes the whole date. Raises OnlyRevOps, NoReason, DayHasPassed, NothingToChange, InvalidSchedule or
    NoWorkingTime.
    """
    require_revops(by, "Calendars")
    if not reason.strip():
        raise NoReason("Say why the date differs; both leaders see it.")
    last = _lock_last_version(calendar)
    schedule = _read(last)
    if day < _today(schedule, at):
        raise DayHasPassed(f"{day.isoformat()} is over in {schedule.zone}; exceptions act only from now on.")
    document, text = schedule.to_json(), day.isoformat()
    names = {key: name for key, name in last.holiday_names.items() if key != text}
    closed = schedule.holidays - {day}
    overrides = {key: value for key, value in _overrides(document).items() if key != text}
    if windows:
        overrides[text] = [list(window) for window in windows]
    else:
        closed |= {day}
        names[text] = reason.strip()[:200]
    changed = _usable({**document, "holidays": _texts(closed), "overrides": overrides})
    return _append(last, changed, names, reason=reason, by=by, at=at)


@transaction.atomic
def extend_holidays(
    *, calendar: Calendar, through_year: int, by: User | None, at: datetime
) -> CalendarVersion:
    """The country's public holidays from today to the end of a year, in a new version from `at` on.

    Dates that were opened or closed by hand stay as they are. Raises OnlyRevOps, NoHolidaySource, TooFarAhead
    or NothingToChange.
    """
    require_revops(by, "Calendars")
    last = _lock_last_version(calendar)
    if not last.country:
        raise NoHolidaySource(f"{calendar} names no country; enter its holidays one by one.")
    schedule = _read(last)
    today = _today(schedule, at)
    if through_year > today.year + FARTHEST_YEARS:
        raise TooFarAhead(
            f"Enter holidays up to {today.year + FARTHEST_YEARS}; later ones are not settled yet."
        )
    found = public_holidays(last.country, range(today.year, through_year + 1))
    added = {
        day: holiday
        for day, holiday in found.items()
        if day >= today and day not in schedule.overrides and day not in schedule.holidays
    }
    changed = _usable({**schedule.to_json(), "holidays": _texts(schedule.holidays | set(added))})
    names = {**last.holiday_names, **{day.isoformat(): holiday for day, holiday in added.items()}}
    reason = f"Public holidays of {last.country} through {through_year}"
    return _append(last, changed, names, reason=reason, by=by, at=at)


def _usable(document: Mapping[str, Any]) -> Schedule:
    schedule = Schedule.from_json(document, allow_closed=True)
    if not schedule.has_working_time:
        raise NoWorkingTime("The calendar would never be open; leave it at least one window.")
    return schedule


def _read(version: CalendarVersion) -> Schedule:
    return Schedule.from_json(version.schedule)


def _today(schedule: Schedule, at: datetime) -> date:
    return at.astimezone(ZoneInfo(schedule.zone)).date()


def _texts(days: set[date] | frozenset[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)]


def _overrides(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(document["overrides"])


def _lock_last_version(calendar: Calendar) -> CalendarVersion:
    """The version to build on; whoever else adds one waits for this transaction."""
    locked = Calendar.objects.select_for_update(of=("self",), no_key=True).get(pk=calendar.pk)
    return locked.versions.order_by("-number")[0]


def _append(
    last: CalendarVersion,
    schedule: Schedule,
    names: Mapping[str, str],
    *,
    reason: str,
    by: User | None,
    at: datetime,
) -> CalendarVersion:
    if schedule == _read(last):
        raise NothingToChange("The calendar says so already; no version was added.")
    return CalendarVersion.objects.create(
        calendar_id=last.calendar_id,
        number=last.number + 1,
        # Two writers' clocks may differ by a moment: versions still follow each other in time.
        effective_from=max(at, last.effective_from or at),
        schedule=schedule.to_json(),
        holiday_names=dict(names),
        country=last.country,
        reason=reason.strip()[:200],
        entered_by=by,
        entered_at=at,
    )
