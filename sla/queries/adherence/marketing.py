"""Marketing's side: MQLs delivered of those promised, and MQLs complete of those that crossed, in the unit of sales."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

from django.db.models import Case, Count, IntegerField, QuerySet, Value, When

from alignment.access import Scope
from alignment.business_days import BusinessDays
from alignment.definitions.conditions import all_filled
from alignment.definitions.kind import NAME
from alignment.definitions.predicate import Definition
from alignment.models import ArtifactVersion, MqlCycle
from alignment.queries.completeness import Which, mqls
from sla.clauses import Marketing
from sla.periods import Period
from sla.queries import volume
from sla.queries.adherence.figures import Cell, Prorated, Span, plain
from sla.queries.adherence.promised import WorkingMonth
from sla.queries.agreements import load_book

Count_ = dict[str, int]


@dataclass(frozen=True)
class Part:
    """Consecutive days of one calendar month, all within or without each span of a report."""

    first: date
    end: date
    month: Period


@dataclass
class Counted:
    """What one part holds, by line of the SLA that judges its month (volume) or of the one in force (completeness)."""

    promised: Count_ = field(default_factory=lambda: defaultdict(int))
    delivered: Count_ = field(default_factory=lambda: defaultdict(int))
    mqls: Count_ = field(default_factory=lambda: defaultdict(int))
    complete: Count_ = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class MarketingSide:
    """Counts by part; cells of any span are sums of them."""

    parts: Mapping[Part, Counted]
    prorated: tuple[Prorated, ...]
    not_judged: str

    def volume(self, span: Span, segment: str | None = None) -> Cell:
        """Kept: delivered, up to what is due. `counted`: all delivered."""
        found = self._within(span)
        due = sum(_sum(part.promised, segment) for part in found)
        counted = sum(_sum(part.delivered, segment) for part in found)
        return plain(min(due, counted), due, counted=counted)

    def completeness(self, span: Span, segment: str | None = None) -> Cell:
        found = self._within(span)
        mqls_ = sum(_sum(part.mqls, segment) for part in found)
        return plain(sum(_sum(part.complete, segment) for part in found), mqls_, counted=mqls_)

    def other_lines(self, spans: Iterable[Span], lines: Sequence[str]) -> list[str]:
        """Segments promised in some of these spans by lines beside `lines`."""
        within = [part for span in spans for part in self._within(span)]
        return sorted({segment for part in within for segment in part.promised} - set(lines))

    def _within(self, span: Span) -> list[Counted]:
        return [
            counted
            for part, counted in self.parts.items()
            if span.first <= part.first and part.end <= span.end
        ]


def marketing_side(
    spans: Iterable[Span], marketing: Marketing, *, days: BusinessDays, today: date, zone: str, at: datetime
) -> MarketingSide:
    """As known on `at`. `marketing`: the clauses in force, whose definition judges completeness; each month's volume
    is that of the SLA which judges the month. Due is what the working days before `today` bring."""
    parts = parts_of(spans)
    whole = Span("", parts[0].first, parts[-1].end)
    book = load_book()
    judged = {month: volume.judging(month, book, zone) for month in {part.month for part in parts}}
    working = {month: WorkingMonth.of(month, days) for month in judged}
    found = {part: Counted() for part in parts}
    for part, segment, count in _by_part(volume.delivered(whole, at=at), parts, zone):
        version, _ = judged[part.month]
        line = version.clauses.marketing.line_of(segment) if version and version.clauses else None
        if line is not None:
            found[part].delivered[line.segment] += count
    for part, counted in found.items():
        version, _ = judged[part.month]
        for line in version.clauses.marketing.volumes if version and version.clauses else ():
            until = min(part.end, max(today, part.first))
            counted.promised[line.segment] += working[part.month].due_in(part.first, until, line.mqls)
    _count_complete(found, marketing, whole, zone, at)
    month = Period.of(today)
    version, why = judged.get(month) or volume.judging(month, book, zone)
    open_days = working.get(month) or WorkingMonth.of(month, days)
    prorated = tuple(
        Prorated(
            month.first,
            line.segment,
            line.mqls,
            open_days.before(today),
            open_days.working_days,
            open_days.due_by(today, line.mqls),
        )
        for line in (version.clauses.marketing.volumes if version and version.clauses else ())
    )
    return MarketingSide(found, prorated, why)


def parts_of(spans: Iterable[Span]) -> list[Part]:
    """The days of all spans and of what lies between them, cut at their ends and at the first of each month."""
    edges = {day for span in spans for day in (span.first, span.end)}
    month = Period.of(min(edges)).next()
    while month.first < max(edges):
        edges.add(month.first)
        month = month.next()
    ordered = sorted(edges)
    return [Part(first, end, Period.of(first)) for first, end in pairwise(ordered)]


def cited_definition(marketing: Marketing) -> Definition | None:
    """The definition of an MQL that an SLA cites."""
    found = ArtifactVersion.objects.filter(artifact__kind=NAME, digest=marketing.definition[1]).first()
    return Definition.of(found.content) if found else None


def mqls_of(span: Span, definition: Definition, *, at: datetime, state: str = "all") -> QuerySet[MqlCycle]:
    """The MQLs of completeness; `state`: all, complete or incomplete."""
    which = Which(state=state, start=span.first, end=span.end)
    return mqls(which, definition, scope=Scope(is_all=True)).filter(received_at__lte=at)


def _count_complete(
    found: Mapping[Part, Counted], marketing: Marketing, whole: Span, zone: str, at: datetime
) -> None:
    definition = cited_definition(marketing)
    if definition is None:
        return
    parts = list(found)
    counted = mqls_of(whole, definition, at=at)
    is_complete = all_filled(definition.required, "lead__")
    for part, segment, count in _by_part(counted, parts, zone):
        found[part].mqls[_line(marketing, segment)] += count
    for part, segment, count in _by_part(counted.filter(is_complete), parts, zone):
        found[part].complete[_line(marketing, segment)] += count


NO_LINE = "\0"  # MQLs of segments that no line counts: complete or not all the same


def _line(marketing: Marketing, segment: str) -> str:
    line = marketing.line_of(segment)
    return NO_LINE if line is None else line.segment


def _by_part(found: QuerySet[MqlCycle], parts: Sequence[Part], zone: str) -> Iterable[tuple[Part, str, int]]:
    """Counts by the part in which MQLs crossed and their segment, in one query."""
    bounds = [Span("", part.first, part.end) for part in parts]
    places = [
        When(crossed_at__gte=span.starts_at(zone), crossed_at__lt=span.ends_at(zone), then=Value(place))
        for place, span in enumerate(bounds)
    ]
    rows = (
        found.annotate(place=Case(*places, output_field=IntegerField()))
        .values("place", "segment")
        .annotate(count=Count("pk"))
        .order_by()
    )
    for row in rows:
        yield parts[row["place"]], row["segment"], row["count"]


def _sum(counts: Count_, segment: str | None) -> int:
    return sum(counts.values()) if segment is None else counts.get(segment, 0)
