"""Sales' side: clocks kept of clocks due, from the roll-up, by the local days on which they fall due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import Organisation
from sla.models import Clock, ComplianceDay, Dispute, Outcome
from sla.queries import compliance
from sla.queries.adherence.figures import SALES, Cell, GroupLine, Span
from sla.queries.compliance import SUMS, Figure
from sla.queries.disputes import Adjustments, adjusted, held_clocks, set_aside_clocks

EVERYBODY = Scope(is_all=True)


@dataclass(frozen=True)
class SalesSide:
    """Figures of everybody by local day and kind, and what rulings add to them; those of a span are their sums."""

    days: dict[tuple[date, str], Figure]
    held: Counter[tuple[date, str]]
    set_aside: Counter[tuple[date, str]]

    def figure(self, span: Span, kind: str) -> Figure:
        found = [self.days[key] for key in self.days if _lies_in(key, span, kind)]
        return Figure(
            sum(figure.met for figure in found),
            sum(figure.missed for figure in found),
            sum(figure.restated for figure in found),
            sum(figure.running for figure in found),
        )

    def cell(self, span: Span, kind: str) -> Cell:
        """With rulings: a breach that was set aside counts as kept, a clock that an open dispute holds as due and not
        kept."""
        figure = self.figure(span, kind)
        held = sum(count for key, count in self.held.items() if _lies_in(key, span, kind))
        set_aside = sum(count for key, count in self.set_aside.items() if _lies_in(key, span, kind))
        return with_rulings(figure, Adjustments(held, set_aside))


def sales_side(first: date, end: date) -> SalesSide:
    """All kinds from a local day until before another one, in three queries."""
    days = ComplianceDay.objects.filter(day__gte=first, day__lt=end)
    rows: Iterable[Mapping[str, Any]] = days.values("day", "kind").annotate(**SUMS).order_by("day", "kind")
    organisation = Organisation.get()
    whole = Span("", first, end)
    since, until = whole.starts_at(organisation.zone), whole.ends_at(organisation.zone)
    held = held_clocks(since, until).values_list("disputes__clock_due_at", "kind")
    set_aside = set_aside_clocks().filter(due_at__gte=since, due_at__lt=until).values_list("due_at", "kind")
    return SalesSide(
        {
            (row["day"], row["kind"]): Figure(row["met"], row["missed"], row["restated"], row["running"])
            for row in rows
        },
        *(
            Counter((due_at.astimezone(organisation.tz).date(), kind) for due_at, kind in found if due_at)
            for found in (held, set_aside)
        ),
    )


def _lies_in(key: tuple[date, str], span: Span, kind: str) -> bool:
    return key[1] == kind and span.first <= key[0] < span.end


def raw(figure: Figure) -> Cell:
    """A cell to which no ruling was applied."""
    return Cell(
        figure.met, figure.due, figure.met_restated, figure.met_restated, figure.due, waiting=figure.running
    )


def with_rulings(figure: Figure, added: Adjustments) -> Cell:
    """A cell with what disputes and rulings add to it."""
    return replace(
        raw(figure), ruled=figure.met_restated + added.set_aside, ruled_due=figure.due + added.held
    )


def open_disputes() -> int:
    """Disputes of every kind that wait for a ruling."""
    return Dispute.objects.undecided().count()


def groups(week: Week, scope: Scope) -> dict[str, tuple[GroupLine, ...]]:
    """The figures of a week per rep, team and segment, as known, restated and with rulings: the sums of each are the
    figures of everybody in `scope`."""
    rulings = adjusted(week.starts_at, week.ends_at, scope)
    return {
        name: tuple(
            GroupLine(
                found.key,
                found.label,
                {kind: with_rulings(found.figures[kind], found.rulings[kind]) for kind in SALES},
            )
            for found in compliance.by_group(week, scope, name, rulings)
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
