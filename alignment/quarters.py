"""Quarters of the calendar year on the clocks of a zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_WRITTEN = re.compile(r"([0-9]{4})-Q([1-4])")


@dataclass(frozen=True, order=True)
class Quarter:
    """`number` 1 to 4 of a year."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: datetime, zone: str) -> Quarter:
        """The quarter in which an aware instant falls."""
        day = instant.astimezone(ZoneInfo(zone)).date()
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def read(cls, text: str) -> Quarter:
        """From "2026-Q1", as `key` writes it. Raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if found is None or not 1970 <= int(found[1]) <= 2200:
            raise ValueError(f"Write a quarter such as 2026-Q1, not “{text[:40]}”.")
        return cls(int(found[1]), int(found[2]))

    @property
    def key(self) -> str:
        return f"{self.year:04}-Q{self.number}"

    @property
    def name(self) -> str:
        return f"Q{self.number} {self.year}"

    def next(self) -> Quarter:
        return Quarter(self.year + 1, 1) if self.number == 4 else Quarter(self.year, self.number + 1)

    def previous(self) -> Quarter:
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)

    def months(self) -> tuple[date, date, date]:
        """The first days of its three months."""
        first = 3 * self.number - 2
        return date(self.year, first, 1), date(self.year, first + 1, 1), date(self.year, first + 2, 1)

    def starts_at(self, zone: str) -> datetime:
        """Its first instant, in UTC."""
        return datetime(self.year, 3 * self.number - 2, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    def ends_at(self, zone: str) -> datetime:
        """The first instant after it, in UTC."""
        return self.next().starts_at(zone)


def quarters_between(first: Quarter, last: Quarter) -> list[Quarter]:
    """Both of them and all between; none where the last comes first."""
    found = []
    while first <= last:
        found.append(first)
        first = first.next()
    return found
