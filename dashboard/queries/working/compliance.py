"""Sales' side of the SLA by calendar month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction

from alignment.access import Scope
from alignment.models import Organisation
from dashboard.queries.working.shares import Share
from sla.models import ClockKind
from sla.queries import compliance
from sla.queries.compliance import Figure

COMPLIANT_ABOVE = Fraction(85, 100)


@dataclass(frozen=True)
class MonthOfSla:
    """Sales' first follow-ups due in a calendar month. `is_settled` false: some day is still being added up."""

    first: date
    figure: Figure
    is_settled: bool

    @property
    def share(self) -> Share:
        return Share(self.figure.met, self.figure.due)

    @property
    def holds(self) -> bool | None:
        """Above 85%; None where nothing fell due or some day is not added up."""
        return self.share.is_above(COMPLIANT_ABOVE) if self.is_settled else None


def sla_months(*, at: datetime, zone: str) -> list[MonthOfSla]:
    """The two full calendar months before the present one, oldest first; first follow-up, as known first."""
    present = at.astimezone(Organisation.get().tz).date().replace(day=1)
    last = (present - timedelta(days=1)).replace(day=1)
    first = (last - timedelta(days=1)).replace(day=1)
    everything = Scope(is_all=True)
    return [
        MonthOfSla(
            start,
            compliance.of_days(start, end, ClockKind.FOLLOW_UP, everything),
            compliance.are_settled(start, end),
        )
        for start, end in ((first, last), (last, present))
    ]
