"""From a figure of the adherence report to the very clocks, or the very MQLs, behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Q, QuerySet

from alignment.business_days import business_days
from alignment.models import MqlCycle, Organisation
from sla.clauses import Marketing
from sla.models import Clock, Outcome
from sla.queries import volume
from sla.queries.adherence.figures import COMPLETENESS, SALES, VOLUME, Cell, Span
from sla.queries.adherence.marketing import cited_definition, marketing_side, mqls_of, parts_of
from sla.queries.adherence.report import signed_at
from sla.queries.adherence.sales import sales_side
from sla.queries.agreements import load_book
from sla.queries.disputes import held_clocks, set_aside_clocks
from sla.queries.drilldown import with_evidence

OUTCOMES: Mapping[str, Mapping[str, str]] = {
    VOLUME: {"due": "Due by now", "kept": "Kept: delivered and due", "counted": "All delivered"},
    COMPLETENESS: {"due": "Due: all MQLs", "kept": "Kept: complete", "missed": "Incomplete"},
} | {
    kind: {
        "due": "Due (met and missed)",
        "kept": "Met in time",
        "missed": "Missed, as known",
        "restated": "Met, restated",
        "ruled": "Met, with rulings",
        "ruled_due": "Due, with rulings",
        "waiting": "Still running",
    }
    for kind in SALES
}


@dataclass(frozen=True)
class Drill:
    """Which rows: of a promise, in a span of local days, with an outcome of OUTCOMES. `segment`: None for all, else a
    line of the signed SLA (marketing's promises alone)."""

    promise: str
    span: Span
    outcome: str = "due"
    segment: str | None = None

    @property
    def query(self) -> dict[str, str]:
        """What the address of the rows carries."""
        said = {"of": self.promise, "from": self.span.first.isoformat(), "to": self.span.last.isoformat()}
        line = {} if self.segment is None else {"line": self.segment or "-"}
        return said | line | {"outcome": self.outcome}

    def by(self, outcome: str) -> Drill:
        return replace(self, outcome=outcome)


def count_of(cell: Cell, outcome: str) -> int:
    """How many promises a cell has of an outcome."""
    return {
        "due": cell.due,
        "kept": cell.kept,
        "missed": cell.missed,
        "restated": cell.restated,
        "ruled": cell.ruled,
        "ruled_due": cell.ruled_due,
        "waiting": cell.waiting,
        "counted": cell.counted,
    }[outcome]


def cell_of(drill: Drill, *, at: datetime) -> Cell:
    """The figure that the drill comes from, as known on `at`. Raises NothingSigned."""
    if drill.promise in SALES:
        return sales_side(drill.span.first, drill.span.end).cell(drill.span, drill.promise)
    organisation = Organisation.get()
    _, clauses = signed_at(at)
    side = marketing_side(
        [drill.span],
        clauses.marketing,
        days=business_days(at),
        today=at.astimezone(organisation.tz).date(),
        zone=organisation.zone,
        at=at,
    )
    if drill.promise == VOLUME:
        return side.volume(drill.span, drill.segment)
    return side.completeness(drill.span, drill.segment)


def clocks(drill: Drill) -> QuerySet[Clock]:
    """The clocks of everybody, with what a list shows of them, in no order."""
    zone = Organisation.get().zone
    since, until = drill.span.starts_at(zone), drill.span.ends_at(zone)
    within = Q(due_at__gte=since, due_at__lt=until)
    met, due = [Outcome.MET, Outcome.RESTATED], [Outcome.MET, Outcome.MISSED, Outcome.RESTATED]
    conditions = {
        "due": within & Q(outcome__in=due),
        "kept": within & Q(outcome=Outcome.MET),
        "missed": within & Q(outcome__in=[Outcome.MISSED, Outcome.RESTATED]),
        "restated": within & Q(outcome__in=met),
        "ruled": within & (Q(outcome__in=met) | Q(pk__in=set_aside_clocks().values("pk"))),
        "ruled_due": within & Q(outcome__in=due) | Q(pk__in=held_clocks(since, until).values("pk")),
        "waiting": within & Q(outcome=Outcome.OPEN),
    }
    found = Clock.objects.filter(conditions[drill.outcome], kind=drill.promise, cycle__voided_at__isnull=True)
    return with_evidence(found)


def cycles(drill: Drill, *, at: datetime) -> QuerySet[MqlCycle]:
    """The MQLs of one of marketing's promises, in no order. Of the volume those keep a promise that crossed first, as
    many as are due. Raises NothingSigned."""
    _, clauses = signed_at(at)
    if drill.promise == VOLUME:
        found = _delivered(drill, at=at)
        if drill.outcome != "counted":
            first = found.order_by("crossed_at", "pk").values("pk")[: cell_of(drill, at=at).kept]
            found = MqlCycle.objects.filter(pk__in=list(first.values_list("pk", flat=True)))
    else:
        definition = cited_definition(clauses.marketing)
        if definition is None:
            return MqlCycle.objects.none()
        state = {"due": "all", "kept": "complete", "missed": "incomplete"}[drill.outcome]
        found = mqls_of(drill.span, definition, at=at, state=state)
        if drill.segment is not None:
            found = found.filter(segment__in=_segments(found, clauses.marketing, drill.segment))
    return found.select_related("owner", "lead__source")


def _delivered(drill: Drill, *, at: datetime) -> QuerySet[MqlCycle]:
    """What each month of the span delivered by the lines of the SLA that judges it."""
    zone, book = Organisation.get().zone, load_book()
    wanted = Q(pk__in=[])
    whole = volume.delivered(drill.span, at=at)
    for part in parts_of([drill.span]):
        version, _ = volume.judging(part.month, book, zone)
        if version is None or version.clauses is None:
            continue
        span = Span("", part.first, part.end)
        segments = _segments(volume.delivered(span, at=at), version.clauses.marketing, drill.segment)
        wanted |= Q(
            crossed_at__gte=span.starts_at(zone), crossed_at__lt=span.ends_at(zone), segment__in=segments
        )
    return whole.filter(wanted)


def _segments(found: QuerySet[MqlCycle], marketing: Marketing, segment: str | None) -> list[str]:
    """Those of the MQLs that a line counts; None: any line."""
    names = found.order_by().values_list("segment", flat=True).distinct()
    lines = [(name, marketing.line_of(name)) for name in names]
    return [name for name, line in lines if line is not None and segment in (None, line.segment)]


def span_between(first: date, last: date) -> Span:
    """The days from `first` to `last`, both included."""
    return Span("", first, date.fromordinal(last.toordinal() + 1))
