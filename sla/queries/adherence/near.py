"""How near the consequences of the signed SLA are."""

from __future__ import annotations

from datetime import datetime

from sla.clauses import Consequences
from sla.periods import Period, periods_up_to
from sla.queries.adherence.figures import Near, Span
from sla.queries.adherence.marketing import MarketingSide
from sla.queries.adherence.sales import SalesSide
from sla.queries.volume import months_of_volume


def near(
    period: Period,
    clause: Consequences,
    sales: SalesSide,
    marketing: MarketingSide,
    month: Span,
    *,
    at: datetime,
) -> Near:
    """Follow-ups as the clause counts them (as known first, with rulings), and the volume of the month."""
    cell = sales.cell(Span("period", period.first, period.end), "follow_up")
    held, set_aside = cell.ruled_due - cell.due, cell.ruled - cell.restated
    missed = cell.missed + held - set_aside
    promised = sum(line.mqls for line in marketing.prorated)
    return Near(
        first=period.first,
        missed=missed,
        due=cell.ruled_due,
        more=more_misses(missed, cell.ruled_due, clause.missed_percent),
        volume_promised=promised,
        volume_left=max(0, promised - marketing.volume(month).counted),
        months_missed=_missed_running(Period.of(month.first), clause.volume_months, at=at),
        months_allowed=clause.volume_months,
    )


def more_misses(missed: int, due: int, percent: int) -> int:
    """How many further misses, each of them due as well, bring more than `percent` of those due; 0: they are already
    more."""
    room = percent * due - 100 * missed
    return 0 if room < 0 else room // (100 - percent) + 1


def _missed_running(month: Period, most: int, *, at: datetime) -> int:
    """Full months before this one that were missed one after another, the last one included."""
    found = 0
    for past in reversed(months_of_volume(periods_up_to(month.previous(), most), at=at)):
        if not past.is_missed:
            break
        found += 1
    return found
