"""When the demo's past took place: its quarters, and how many leads each day brought."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from dashboard.demo.company import ZONE
from dashboard.demo.past import shape
from dashboard.demo.words import HOURS

QUARTERS = 4
_ZONE = ZoneInfo(ZONE)
_DAY_HOURS = range(24)


@dataclass(frozen=True)
class Quarter:
    """A calendar quarter in the zone of the company; `ends_on` is the first day after it."""

    starts_on: date
    ends_on: date

    @classmethod
    def of(cls, day: date) -> Quarter:
        first = (day.month - 1) // 3 * 3 + 1
        year, month = (day.year, first + 3) if first < 10 else (day.year + 1, 1)
        return cls(date(day.year, first, 1), date(year, month, 1))

    def previous(self) -> Quarter:
        return Quarter.of(self.starts_on - timedelta(days=1))

    @property
    def name(self) -> str:
        return f"{self.starts_on.year}Q{(self.starts_on.month + 2) // 3}"

    def holds(self, moment: datetime) -> bool:
        return self.starts_on <= moment.astimezone(_ZONE).date() < self.ends_on


@dataclass(frozen=True)
class Past:
    """The full quarters, oldest first, then the one that runs when history is exported at `until`."""

    quarters: tuple[Quarter, ...]
    until: datetime

    @classmethod
    def before(cls, until: datetime, quarters: int = QUARTERS) -> Past:
        found = [Quarter.of(until.astimezone(_ZONE).date())]
        for _ in range(quarters):
            found.insert(0, found[0].previous())
        return cls(tuple(found), until)

    @property
    def bad(self) -> Quarter:
        """The second to last full one."""
        return self.quarters[max(len(self.quarters) - 3, 0)]

    def is_before(self, moment: datetime) -> bool:
        """Before the first quarter."""
        return same_day(moment) < self.quarters[0].starts_on

    def is_bad(self, moment: datetime) -> bool:
        return self.bad.holds(moment)

    def days(self) -> Iterator[date]:
        """Those of the quarters, and the days before them from which deals reach into them."""
        day, last = (
            self.quarters[0].starts_on - timedelta(days=shape.WARM_UP),
            self.until.astimezone(_ZONE).date(),
        )
        while day <= last:
            yield day
            day += timedelta(days=1)

    def leads_on(self, rng: Random, day: date) -> int:
        return _whole(rng, shape.LEADS_A_DAY * weight(day))

    def flood_on(self, rng: Random, day: date) -> int:
        """Leads of the campaign that floods the bad quarter, on this day."""
        passed = (day - self.bad.starts_on).days - 14
        if not 0 <= passed < shape.FLOOD_DAYS:
            return 0
        return _whole(rng, shape.FLOOD_LEADS * shape.WEEKDAYS[day.weekday()])


def weight(day: date) -> float:
    """How busy a day is, by month and weekday; little comes around the New Year."""
    of_day = shape.MONTHS[day.month] * shape.WEEKDAYS[day.weekday()]
    first, last = shape.HOLIDAYS
    is_holiday = (day.month, day.day) >= first or (day.month, day.day) <= last
    return of_day * shape.HOLIDAY_WEIGHT if is_holiday else of_day


def fair_on(rng: Random, day: date) -> int:
    """Leads from a trade fair on this day."""
    for month, first in shape.FAIRS:
        if 0 <= (day - date(day.year, month, first)).days < shape.FAIR_DAYS:
            return _whole(rng, shape.FAIR_LEADS)
    return 0


def moment_on(rng: Random, day: date) -> datetime:
    """A time on this day, in UTC to the second, by the hours at which people are about."""
    hour = rng.choices(_DAY_HOURS, HOURS)[0] if day.weekday() < 5 else rng.randrange(7, 23)
    local = datetime(day.year, day.month, day.day, hour, rng.randrange(60), rng.randrange(60), tzinfo=_ZONE)
    return local.astimezone(UTC)


def same_day(moment: datetime) -> date:
    return moment.astimezone(_ZONE).date()


def _whole(rng: Random, expected: float) -> int:
    """A whole number around the expected one, with some spread."""
    found = expected * rng.uniform(0.75, 1.25)
    return math.floor(found) + (rng.random() < found % 1)
