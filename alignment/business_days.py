"""Business days of the organisation: local dates on which its default calendar opens, else Monday to Friday.

Which calendar is the default is said by the app that knows the agreement (`default_calendar`). A day counts by its
date on the clocks of the calendar, without one of the organisation. What was sent on a Monday has its first business
day on Tuesday, and that day has passed when it ends: at midnight, not at the close of business.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from alignment.business_time import BusinessCalendar, NoOpenTime
from alignment.models import Organisation
from alignment.queries.calendars import compiled

DefaultCalendar = Callable[[datetime], int | None]


@dataclass(frozen=True)
class BusinessDays:
    """`zone`: IANA name; `calendar` None: Monday to Friday, no holidays. `name`: what people read."""

    zone: str
    calendar: BusinessCalendar | None = None
    name: str = "Monday to Friday"

    def is_business(self, day: date) -> bool:
        return self.add(day - timedelta(days=1), 1) == day

    def add(self, day: date, days: int) -> date:
        """The date that is so many business days after `day`. Of a calendar that never opens: Monday to Friday."""
        if self.calendar:
            with suppress(NoOpenTime):
                return self.calendar.add_business_days(day, days)
        for _ in range(days):
            day += timedelta(days=1)
            while day.weekday() > 4:
                day += timedelta(days=1)
        return day

    def passed_at(self, instant: datetime, days: int) -> datetime:
        """The moment in UTC at which the `days`-th business day after the day of `instant` has fully passed."""
        return self.starts_at(self.add(self.day_of(instant), days) + timedelta(days=1))

    def passed_between(self, since: datetime, until: datetime) -> int:
        """How many business days after the day of `since` have fully passed by `until`."""
        day, today = self.day_of(since), self.day_of(until)
        return sum(
            self.is_business(day + timedelta(days=offset)) for offset in range(1, max((today - day).days, 1))
        )

    def day_of(self, instant: datetime) -> date:
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def starts_at(self, day: date) -> datetime:
        """The first instant of a local day, in UTC."""
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


_default: list[DefaultCalendar] = []


def default_calendar(known: DefaultCalendar) -> DefaultCalendar:
    """Register who knows the id of the organisation's default calendar at an instant (None: there is none then)."""
    _default[:] = [known]
    return known


def business_days(at: datetime) -> BusinessDays:
    """Those of the default calendar as it stands at `at`, with its holidays and exceptions."""
    pk = _default[0](at) if _default else None
    if pk is None:
        return BusinessDays(Organisation.get().zone)
    found = compiled([pk])[pk]
    version = found.version_at(at)
    return BusinessDays(str(version.schedule["zone"]), found.calendar, version.calendar.name)
