"""Local calendar weeks, Monday to Sunday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from alignment.business_time.zones import start_of_day


@dataclass(frozen=True)
class Week:
    """A calendar week of a zone: from Monday 00:00 to the next Monday 00:00 on the zone's clocks.

    Raises ValueError if `monday` is another weekday.
    """

    monday: date
    zone: str

    def __post_init__(self) -> None:
        if self.monday.weekday() != 0:
            raise ValueError(f"A week starts on a Monday; {self.monday:%Y-%m-%d is a %A}.")

    @classmethod
    def of(cls, instant: datetime, zone: str) -> Week:
        """The week in which an instant falls; ValueError for a datetime without a zone."""
        if instant.utcoffset() is None:
            raise ValueError(f"Expected a datetime with a time zone, got {instant!r}.")
        day = instant.astimezone(ZoneInfo(zone)).date()
        return cls(day - timedelta(days=day.weekday()), zone)

    @classmethod
    def starting(cls, monday: date, zone: str) -> Week:
        """The week that starts on a Monday."""
        return cls(monday, zone)

    @property
    def starts_at(self) -> datetime:
        """First instant of the week, in UTC."""
        return start_of_day(self.monday, self.zone)

    @property
    def ends_at(self) -> datetime:
        """First instant after the week, in UTC: 167, 168 or 169 hours after its start."""
        return start_of_day(self.monday + timedelta(days=7), self.zone)

    def next(self) -> Week:
        """The week after this one."""
        return Week(self.monday + timedelta(days=7), self.zone)

    def previous(self) -> Week:
        """The week before this one."""
        return Week(self.monday - timedelta(days=7), self.zone)
