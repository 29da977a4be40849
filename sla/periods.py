"""Calendar months and quarters that a clause judges: local days of the organisation's zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from alignment.business_time.zones import start_of_day

MONTHS = {"month": 1, "quarter": 3}


@dataclass(frozen=True, order=True)
class Period:
    """`first`: its first local day. `kind`: a key of sla.clauses.PERIODS."""

    first: date
    kind: str = "month"

    @classmethod
    def of(cls, day: date, kind: str = "month") -> Period:
        """The period in which a local day lies."""
        month = day.month if kind == "month" else day.month - (day.month - 1) % 3
        return cls(date(day.year, month, 1), kind)

    @property
    def end(self) -> date:
        """The first local day after it."""
        months = self.first.month - 1 + MONTHS[self.kind]
        return date(self.first.year + months // 12, months % 12 + 1, 1)

    @property
    def name(self) -> str:
        if self.kind == "quarter":
            return f"Q{(self.first.month + 2) // 3} {self.first.year}"
        return f"{self.first:%B %Y}"

    def next(self) -> Period:
        return Period(self.end, self.kind)

    def previous(self) -> Period:
        months = self.first.year * 12 + self.first.month - 1 - MONTHS[self.kind]
        return Period(date(months // 12, months % 12 + 1, 1), self.kind)

    def starts_at(self, zone: str) -> datetime:
        """Its first instant, in UTC."""
        return start_of_day(self.first, zone)

    def ends_at(self, zone: str) -> datetime:
        """The first instant after it, in UTC."""
        return start_of_day(self.end, zone)


def periods_up_to(last: Period, count: int) -> list[Period]:
    """`count` periods running up to `last`, oldest first."""
    found = [last]
    while len(found) < count:
        found.insert(0, found[0].previous())
    return found


class Bounded(Protocol):
    """Days that begin and end with instants: a period, a week, a span of a report."""

    def starts_at(self, zone: str) -> datetime: ...

    def ends_at(self, zone: str) -> datetime: ...
