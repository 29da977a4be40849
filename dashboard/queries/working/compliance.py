"""Both sides of the SLA by calendar month, in one unit: promises kept of promises due."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from alignment.access import Scope
from alignment.models import Organisation
from dashboard.queries.working.shares import Share
from sla.models import ClockKind
from sla.periods import Period, periods_up_to
from sla.queries import compliance
from sla.queries.compliance import Figure
from sla.queries.disputes import held_clocks
from sla.queries.volume import VolumeMonth, months_of_volume

COMPLIANT_ABOVE = Fraction(85, 100)
MONTHS = 2


@dataclass(frozen=True)
class MonthOfSla:
    """Sales' first follow-ups due in a calendar month, and what marketing delivered of the volume promised for it.

    `is_settled` false: some day of sales' side is still being added up. `held`: follow-ups that an undecided dispute
    holds; they are due, and not kept until ruled on.
    """

    first: date
    figure: Figure
    is_settled: bool
    volume: VolumeMonth
    held: int = 0

    @property
    def share(self) -> Share:
        """Sales' side."""
        return Share(self.figure.met, self.figure.due + self.held)

    @property
    def delivered(self) -> Share:
        """Marketing's side: MQLs delivered, as many as were promised at most, of those promised."""
        promised = self.volume.promised
        return Share(min(self.volume.delivered, promised), promised)

    @property
    def complete(self) -> Share:
        """MQLs with every field that the SLA's definition requires; beside the verdict, not part of it."""
        standard = self.volume.standard
        return Share(standard.complete, standard.mqls) if standard else Share()

    @property
    def holds(self) -> bool | None:
        """Sales above 85%; None where nothing fell due or some day is not added up."""
        return self.share.is_above(COMPLIANT_ABOVE) if self.is_settled else None

    @property
    def marketing_holds(self) -> bool | None:
        """Marketing above 85% of the promised volume; None where no signed SLA judges the month."""
        return self.delivered.is_above(COMPLIANT_ABOVE)


def sla_months(*, at: datetime, zone: str) -> list[MonthOfSla]:
    """The two full calendar months before the present one, oldest first; sales' side as known first."""
    present = Period.of(at.astimezone(Organisation.get().tz).date())
    months = periods_up_to(present.previous(), MONTHS)
    everything = Scope(is_all=True)
    return [
        MonthOfSla(
            volume.period.first,
            compliance.of_days(volume.period.first, volume.period.end, ClockKind.FOLLOW_UP, everything),
            compliance.are_settled(volume.period.first, volume.period.end),
            volume,
            _held(volume.period, zone),
        )
        for volume in months_of_volume(months, at=at)
    ]


def _held(period: Period, zone: str) -> int:
    """By the month in which they fell due as of the filing, wherever later facts move them."""
    return held_clocks(period.starts_at(zone), period.ends_at(zone)).filter(kind=ClockKind.FOLLOW_UP).count()


def all_hold(verdicts: Iterable[bool | None]) -> bool | None:
    """False where one does not; None while one cannot be judged."""
    found = list(verdicts)
    if False in found:
        return False
    return None if None in found else True
