"""How much of a month's volume is due after some of its working days.

Due by a day = monthly volume × working days of the month before it ÷ working days of the month, rounded down. What is
due in a span is the difference between its two ends, so that spans add up to the month, and the month to its volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from alignment.business_days import BusinessDays
from sla.periods import Period


@dataclass(frozen=True)
class WorkingMonth:
    """A calendar month: `passed[n]` working days lie before its day n + 1."""

    month: Period
    passed: tuple[int, ...]

    @classmethod
    def of(cls, month: Period, days: BusinessDays) -> WorkingMonth:
        passed, day = [0], month.first
        while day < month.end:
            passed.append(passed[-1] + days.is_business(day))
            day += timedelta(days=1)
        return cls(month, tuple(passed))

    @property
    def working_days(self) -> int:
        return self.passed[-1]

    def before(self, day: date) -> int:
        """Working days of the month before a day, which may lie outside of it."""
        return self.passed[min(max((day - self.month.first).days, 0), len(self.passed) - 1)]

    def due_by(self, day: date, mqls: int) -> int:
        """Of a monthly volume; all of it once the month is over, also where it has no working day."""
        if day >= self.month.end:
            return mqls
        return mqls * self.before(day) // self.working_days if self.working_days else 0

    def due_in(self, first: date, end: date, mqls: int) -> int:
        """From a day until before another one."""
        return self.due_by(end, mqls) - self.due_by(first, mqls) if end > first else 0
