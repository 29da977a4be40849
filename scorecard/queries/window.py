"""What is declared for a program's diagnosis, and the window that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q

from alignment.business_time import BusinessCalendar
from alignment.models import Calendar, Function, Organisation, Program
from alignment.quarters import Quarter
from alignment.queries.calendars import compiled
from scorecard.measures import Window
from scorecard.models import Diagnosis, FollowUpTime

FULL_QUARTERS = 4
_LONGEST, _PRECISION = timedelta(days=800), timedelta(minutes=1)
NAMED = 3  # calendars that are named, before the rest is counted


class NoCalendar(LookupError):
    """Business hours are meant, and there is no calendar that says when they are."""


def diagnosis_of(program: Program) -> Diagnosis:
    """What is declared; the defaults, not saved, while nobody declared anything."""
    return Diagnosis.objects.filter(program=program).first() or Diagnosis(program=program)


def window_of(diagnosis: Diagnosis, *, at: datetime) -> Window:
    """The declared quarters, else the last four full ones on the clocks of the organisation's zone."""
    zone = Organisation.get().zone
    if diagnosis.first_quarter and diagnosis.last_quarter:
        return Window(Quarter.read(diagnosis.first_quarter), Quarter.read(diagnosis.last_quarter), zone)
    return Window(*_last_full(Quarter.of(at, zone)), zone)


def _last_full(current: Quarter) -> tuple[Quarter, Quarter]:
    first = Quarter(current.year - FULL_QUARTERS // 4, current.number)
    last = Quarter(current.year, current.number - 1) if current.number > 1 else Quarter(current.year - 1, 4)
    return first, last


def default_calendar() -> Calendar | None:
    """The calendar that most sales teams keep; of equally many the oldest; None where there is none at all."""
    teams = Count("teams", filter=Q(teams__function=Function.SALES))
    return Calendar.objects.annotate(sales_teams=teams).order_by("-sales_teams", "pk").first()


@dataclass(frozen=True)
class FollowUpWindow:
    """The stated window. Business hours are those of one declared calendar, else of the calendar of the team of whoever
    owns an MQL, else (`fallback`) of the one that most sales teams keep. `names` by key of the calendar.
    """

    seconds: int
    calendars: Mapping[int, BusinessCalendar] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    fallback: int | None = None
    is_declared: bool = False

    def calendar_of(self, team_calendar: int | None) -> int | None:
        """The calendar that judges an MQL whose owner's team keeps `team_calendar`; None: all hours count."""
        if self.fallback is None or self.is_declared or team_calendar not in self.calendars:
            return self.fallback
        return team_calendar

    def due(self, started_at: datetime, team_calendar: int | None = None) -> datetime:
        """Raises NoOpenTime."""
        key = self.calendar_of(team_calendar)
        calendar = BusinessCalendar.always_open() if key is None else self.calendars[key]
        return calendar.add(started_at, self.seconds)

    def check(self, at: datetime) -> None:
        """Raises NoOpenTime where a calendar that may count opens too seldom for the window."""
        for key in self.calendars:
            self.due(at, key)

    def open_since(self, at: datetime) -> datetime:
        """Before this start every window had ended by `at`, whichever calendar judges it. Raises NoOpenTime."""
        keys: list[int | None] = [None] if self.fallback is None else [*self.calendars]
        if self.is_declared:
            keys = [self.fallback]
        return min(self._open_since(key, at) for key in keys)

    def _open_since(self, key: int | None, at: datetime) -> datetime:
        """By halves: a later start is never due earlier."""
        low, high = at - _LONGEST, at
        while high - low > _PRECISION:
            middle = low + (high - low) / 2
            if self.due(middle, key) <= at:
                low = middle
            else:
                high = middle
        return low

    def words(self, used: Collection[int | None] = ()) -> str:
        """Its length and unit, and the calendars that counted: "8 business hours (Berlin office, London office)"."""
        count = self.seconds // 3600
        hours = "hour" if count == 1 else "hours"
        if self.fallback is None:
            return f"{count} elapsed {hours}"
        names = sorted({self.names[key] for key in used if key is not None}) or [self.names[self.fallback]]
        if len(names) > NAMED:
            names = [*names[:NAMED], f"{len(names) - NAMED} more"]
        return f"{count} business {hours} ({', '.join(names)})"


def follow_up_window(diagnosis: Diagnosis, *, fallback: Calendar | None = None) -> FollowUpWindow:
    """`fallback`: instead of the calendar that most sales teams keep now. Raises NoCalendar."""
    seconds = diagnosis.follow_up_hours * 3600
    if diagnosis.follow_up_time == FollowUpTime.ELAPSED:
        return FollowUpWindow(seconds)
    fallback = diagnosis.calendar or fallback or default_calendar()
    if fallback is None:
        raise NoCalendar("No calendar says what a business hour is: set one up, or state elapsed hours.")
    is_declared = diagnosis.calendar_id is not None
    kept = Calendar.objects.filter(
        Q(pk=fallback.pk) if is_declared else Q(pk=fallback.pk) | Q(teams__isnull=False)
    )
    names = {calendar.pk: str(calendar) for calendar in kept.distinct()}
    calendars = {key: one.calendar for key, one in compiled(names).items()}
    return FollowUpWindow(seconds, calendars, names, fallback.pk, is_declared)
