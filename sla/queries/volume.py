"""Marketing's side of the SLA by calendar month: MQLs promised and delivered, and how complete those were.

Delivered are the MQLs that crossed the trigger in the month (organisation's zone) and stand, of leads that count;
those that only an imported file tells of as well: marketing delivered them, whoever told us. The signed SLA in force at
the month's first instant judges it, unless it was revoked before the month was over. All counts are as known on `at`:
what reached us later is left out, what was disproved later still counts; asked again later, the same month is restated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from alignment.access import Scope
from alignment.definitions.conditions import all_filled
from alignment.definitions.kind import NAME
from alignment.definitions.predicate import Definition
from alignment.models import ArtifactVersion, MqlCycle, Organisation
from alignment.queries.completeness import Which, mqls
from alignment.queries.counting import lead_counts
from sla.clauses import Marketing
from sla.models import Effect, Override
from sla.periods import Bounded, Period
from sla.queries.agreements import AgreementBook, InForce, load_book

SIGNED_MEANWHILE = "not judged: the SLA was signed during the month"
REVOKED_MEANWHILE = "not judged: the SLA was revoked before the month was over"
NONE_SIGNED = "not judged: no signed SLA was in force"


@dataclass(frozen=True)
class SegmentVolume:
    """One line of the signed SLA. `segment` "": all segments that no other line names."""

    segment: str
    promised: int
    delivered: int

    @property
    def is_missed(self) -> bool:
        return self.delivered < self.promised


@dataclass(frozen=True)
class Standard:
    """MQLs of a month with every field that the definition cited in the SLA requires, as the fields are known now."""

    mqls: int
    complete: int
    percent: int

    @property
    def is_met(self) -> bool | None:
        """None without an MQL. Exactly the agreed percent is met."""
        return 100 * self.complete >= self.percent * self.mqls if self.mqls else None


@dataclass(frozen=True)
class VolumeMonth:
    """A calendar month. `version`: the signed SLA that judges it; None where none does, which `not_judged` says.
    `outside`: delivered MQLs of segments that no line counts."""

    period: Period
    version: InForce | None
    not_judged: str
    is_over: bool
    lines: list[SegmentVolume] = field(default_factory=list)
    outside: int = 0
    standard: Standard | None = None

    @property
    def promised(self) -> int:
        return sum(line.promised for line in self.lines)

    @property
    def delivered(self) -> int:
        """By the lines of the SLA; where no SLA judges the month, all."""
        return sum(line.delivered for line in self.lines) if self.version else self.outside

    @property
    def is_missed(self) -> bool | None:
        """The volume in total is below what was promised. None: not judged, or not over yet."""
        return self.delivered < self.promised if self.version and self.is_over else None


def volumes(month: date, *, at: datetime) -> list[SegmentVolume]:
    """The lines of the SLA that judges the calendar month of a local day, as known on `at`; none where none does."""
    return months_of_volume([Period.of(month)], at=at)[0].lines


def months_of_volume(periods: Sequence[Period], *, at: datetime) -> list[VolumeMonth]:
    """Several months, consecutive or not, in a number of queries that depends on no number of MQLs."""
    zone, book = Organisation.get().zone, load_book()
    counts = _counts(periods, zone, at)
    judged = [(period, *judging(period, book, zone)) for period in periods]
    standards = _standards([(period, version) for period, version, _ in judged if version], zone, at)
    found = []
    for period, version, why in judged:
        is_over = period.ends_at(zone) <= at
        if version is None or version.clauses is None:
            total = sum(counts[period].values())
            found.append(VolumeMonth(period, None, why, is_over, outside=total))
            continue
        marketing = version.clauses.marketing
        lines, outside = _by_line(marketing, counts[period])
        found.append(VolumeMonth(period, version, "", is_over, lines, outside, standards.get(period)))
    return found


def judging(period: Period, book: AgreementBook, zone: str) -> tuple[InForce | None, str]:
    """The signed version in force at the period's first instant, else None and why none judges it. One that was revoked
    within the period does not, nor one revoked before that runs on."""
    span = book.span_at(period.starts_at(zone))
    if span is not None and span.reaches(period.ends_at(zone)):
        return book.at(period.starts_at(zone)), ""
    if span is not None:
        return None, REVOKED_MEANWHILE.replace("month", period.kind)
    is_later = book.span_at(period.ends_at(zone)) is not None
    return None, SIGNED_MEANWHILE.replace("month", period.kind) if is_later else NONE_SIGNED


def delivered(period: Bounded, *, at: datetime) -> QuerySet[MqlCycle]:
    """The MQLs of a month, whatever their segment, as known on `at`; in no order."""
    zone = Organisation.get().zone
    return _known(at).filter(crossed_at__gte=period.starts_at(zone), crossed_at__lt=period.ends_at(zone))


def delivered_of_line(
    period: Bounded, marketing: Marketing, segment: str, *, at: datetime
) -> QuerySet[MqlCycle]:
    """The MQLs behind one line's number. `segment` as the line names it."""
    found = delivered(period, at=at)
    there = found.order_by().values_list("segment", flat=True).distinct()
    lines = {name: marketing.line_of(name) for name in there}
    return found.filter(
        segment__in=[name for name, line in lines.items() if line is not None and line.segment == segment]
    )


def ruled_out(periods: Sequence[Period], *, at: datetime) -> dict[Period, int]:
    """How many of each month's MQLs are none by the newest ruling about them; in every number they stay counted."""
    about = Override.objects.filter(cycle=OuterRef("pk"), effect__in=[Effect.MEETS, Effect.MEETS_NOT])
    newest = about.order_by("-made_at", "-pk").values("effect")[:1]
    ruled = _known(at).filter(pk__in=Override.objects.filter(effect=Effect.MEETS_NOT).values("cycle"))
    found = dict.fromkeys(periods, 0)
    placed = _placed(ruled.annotate(ruled=Subquery(newest)), periods, Organisation.get().zone)
    rows = placed.filter(ruled=Effect.MEETS_NOT).values("place").annotate(mqls=Count("pk")).order_by()
    return found | {periods[row["place"]]: row["mqls"] for row in rows}


def _known(at: datetime) -> QuerySet[MqlCycle]:
    stands = Q(voided_at__isnull=True) | Q(voided_at__gt=at)
    return MqlCycle.objects.filter(stands, lead_counts("lead"), received_at__lte=at)


def _counts(periods: Sequence[Period], zone: str, at: datetime) -> dict[Period, dict[str, int]]:
    """Delivered MQLs by month and segment."""
    found: dict[Period, dict[str, int]] = {period: {} for period in periods}
    placed = _placed(_known(at), periods, zone)
    for row in placed.values("place", "segment").annotate(mqls=Count("pk")).order_by():
        found[periods[row["place"]]][row["segment"]] = row["mqls"]
    return found


def _placed(found: QuerySet[MqlCycle], periods: Sequence[Period], zone: str) -> QuerySet[Any]:
    """`place`: index of the period in which an MQL crossed; those of no period are left out."""
    edges = [
        Q(crossed_at__gte=period.starts_at(zone), crossed_at__lt=period.ends_at(zone)) for period in periods
    ]
    places = [When(edge, then=Value(place)) for place, edge in enumerate(edges)]
    within = reduce(or_, edges)
    return found.filter(within).annotate(place=Case(*places, output_field=IntegerField()))


def _by_line(marketing: Marketing, counts: dict[str, int]) -> tuple[list[SegmentVolume], int]:
    sums: dict[str, int] = defaultdict(int)
    outside = 0
    for segment, count in counts.items():
        line = marketing.line_of(segment)
        if line is None:
            outside += count
        else:
            sums[line.segment] += count
    return [SegmentVolume(line.segment, line.mqls, sums[line.segment]) for line in marketing.volumes], outside


def _standards(judged: Sequence[tuple[Period, InForce]], zone: str, at: datetime) -> dict[Period, Standard]:
    """Completeness of each month's MQLs by the definition that its SLA cites."""
    by_digest: dict[str, list[tuple[Period, int]]] = defaultdict(list)
    for period, version in judged:
        if version.clauses is not None:
            marketing = version.clauses.marketing
            by_digest[marketing.definition[1]].append((period, marketing.completeness_percent))
    cited = {
        version.digest: Definition.of(version.content)
        for version in ArtifactVersion.objects.filter(artifact__kind=NAME, digest__in=by_digest)
    }
    found: dict[Period, Standard] = {}
    for digest, asked in by_digest.items():
        definition = cited.get(digest)
        if definition is None:
            continue
        which = Which(state="all")
        counted = mqls(which, definition, scope=Scope(is_all=True)).filter(received_at__lte=at)
        rows = (
            _placed(counted, [period for period, _ in asked], zone)
            .values("place")
            .annotate(
                mqls=Count("pk"), complete=Count("pk", filter=all_filled(definition.required, "lead__"))
            )
            .order_by()
        )
        by_place = {row["place"]: row for row in rows}
        for place, (period, percent) in enumerate(asked):
            row = by_place.get(place, {"mqls": 0, "complete": 0})
            found[period] = Standard(row["mqls"], row["complete"], percent)
    return found
