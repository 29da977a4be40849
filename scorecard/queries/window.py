"""What is declared for a program's diagnosis, and the window that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from alignment.business_time import BusinessCalendar
from alignment.models import Calendar, Function, Organisation, Program
from alignment.quarters import Quarter
from alignment.queries.calendars import compiled
from scorecard.measures import Window
from scorecard.models import Diagnosis, FollowUpTime

FULL_QUARTERS = 4


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
    """The stated window: `words` name its length and unit, `calendar` does the arithmetic."""

    seconds: int
    words: str
    calendar: BusinessCalendar

    def due(self, started_at: datetime) -> datetime:
        """Raises NoOpenTime."""
        return self.calendar.add(started_at, self.seconds)


def follow_up_window(diagnosis: Diagnosis) -> FollowUpWindow:
    """Raises NoCalendar."""
    seconds = diagnosis.follow_up_hours * 3600
    hours = "hour" if diagnosis.follow_up_hours == 1 else "hours"
    if diagnosis.follow_up_time == FollowUpTime.ELAPSED:
        words = f"{diagnosis.follow_up_hours} elapsed {hours}"
        return FollowUpWindow(seconds, words, BusinessCalendar.always_open())
    calendar = diagnosis.calendar or default_calendar()
    if calendar is None:
        raise NoCalendar("No calendar says what a business hour is: set one up, or state elapsed hours.")
    words = f"{diagnosis.follow_up_hours} business {hours} ({calendar})"
    return FollowUpWindow(seconds, words, compiled([calendar.pk])[calendar.pk].calendar)
