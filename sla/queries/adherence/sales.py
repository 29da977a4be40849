"""Sales' side: clocks kept of clocks due, from the roll-up, by the local days on which they fall due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from alignment.access import Scope
from alignment.business_time import Week
from sla.models import Clock, ComplianceDay, Dispute, Outcome
from sla.queries import compliance
from sla.queries.adherence.figures import SALES, Cell, GroupLine, Span
from sla.queries.compliance import NOTHING, SUMS, Figure
from sla.queries.disputes import adjustments

EVERYBODY = Scope(is_all=True)


@dataclass(frozen=True)
class SalesSide:
    """Figures of everybody by day and kind; those of a span are sums of them."""

    days: dict[tuple[date, str], Figure]

    def figure(self, span: Span, kind: str) -> Figure:
        found = [
            figure
            for (day, each), figure in self.days.items()
            if each == kind and span.first <= day < span.end
        ]
        return Figure(
            sum(figure.met for figure in found),
            sum(figure.missed for figure in found),
            sum(figure.restated for figure in found),
            sum(figure.running for figure in found),
        )

    def cell(self, span: Span, kind: str) -> Cell:
        """With what rulings say; asks for those of this span and kind."""
        return judged(self.figure(span, kind), span, kind)


def sales_side(first: date, end: date) -> SalesSide:
    """All kinds from a local day until before another one."""
    days = ComplianceDay.objects.filter(day__gte=first, day__lt=end)
    rows: Iterable[Mapping[str, Any]] = days.values("day", "kind").annotate(**SUMS).order_by("day", "kind")
    found: dict[tuple[date, str], Figure] = defaultdict(lambda: NOTHING)
    for row in rows:
        found[row["day"], row["kind"]] = Figure(row["met"], row["missed"], row["restated"], row["running"])
    return SalesSide(dict(found))


def raw(figure: Figure) -> Cell:
    """A cell to which no ruling was applied."""
    return Cell(
        figure.met, figure.due, figure.met_restated, figure.met_restated, figure.due, waiting=figure.running
    )


def judged(figure: Figure, span: Span, kind: str) -> Cell:
    """With rulings: a breach that was set aside counts as kept, a clock that an open dispute holds as due and not
    kept."""
    found = adjustments(span.first, span.end, kind, EVERYBODY)
    return replace(
        raw(figure), ruled=figure.met_restated + found.set_aside, ruled_due=figure.due + found.held
    )


def open_disputes() -> int:
    """Disputes of every kind that wait for a ruling."""
    return Dispute.objects.undecided().count()


def groups(week: Week, scope: Scope) -> dict[str, tuple[GroupLine, ...]]:
    """The figures of a week per rep, team and segment, as known and restated."""
    return {
        name: tuple(
            GroupLine(found.key, found.label, {kind: raw(found.figures[kind]) for kind in SALES})
            for found in compliance.by_group(week, scope, name)
        )
        for name in compliance.GROUPS
    }


def judged_by(span: Span, zone: str) -> tuple[int, ...]:
    """Numbers of the agreement's versions that judge the clocks due in a span."""
    found = Clock.objects.filter(
        kind__in=SALES, due_at__gte=span.starts_at(zone), due_at__lt=span.ends_at(zone), cycle__voided_at=None
    ).exclude(outcome=Outcome.NOT_OWED)
    numbers = found.order_by("agreement__number").values_list("agreement__number", flat=True).distinct()
    return tuple(numbers)
