"""From MQL to a won opportunity, by origin of the lead and by quarter, and the MQLs behind each number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Least

from alignment.models import Lead, MqlCycle, Opportunity
from alignment.quarters import Quarter, quarters_between
from alignment.queries.counting import lead_counts, lead_counts_sql

_COUNTED = """
count(*) AS mqls, count(w.won_at) AS won,
percentile_cont(0.5) WITHIN GROUP (
    ORDER BY extract(epoch FROM w.won_at - c.crossed_at)::double precision / 86400
) FILTER (WHERE w.won_at IS NOT NULL) AS median_days,
count(*) FILTER (WHERE w.won_at < c.crossed_at) AS won_before
"""
_FOUND = f"""
FROM (
    SELECT lead_id, min(crossed_at) AS crossed_at FROM alignment_mqlcycle WHERE voided_at IS NULL GROUP BY lead_id
) c
JOIN alignment_lead l ON l.id = c.lead_id
LEFT JOIN (
    SELECT coalesce(r.merged_into_id, r.id) AS lead_id, min(o.closed_at) AS won_at
    FROM alignment_opportunity o JOIN alignment_lead r ON r.id = o.lead_id
    WHERE o.is_won AND NOT o.is_deleted GROUP BY 1
) w ON w.lead_id = l.id
WHERE {lead_counts_sql("l")}
  AND (%(start)s::timestamptz IS NULL OR c.crossed_at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR c.crossed_at < %(end)s)
  AND (%(source)s::bigint IS NULL OR l.source_id = %(source)s)
"""  # noqa: S608 - constants alone
_BY_ORIGIN = f"""
SELECT grouping(l.channel) = 1 AS is_total, l.channel, {_COUNTED} {_FOUND}
GROUP BY GROUPING SETS ((l.channel), ()) ORDER BY is_total, mqls DESC, l.channel
"""
_BY_QUARTER = f"""
SELECT width_bucket(c.crossed_at, %(edges)s::timestamptz[]) AS place, {_COUNTED} {_FOUND}
GROUP BY place ORDER BY place
"""
_ENDS = f"SELECT min(c.crossed_at), max(c.crossed_at) {_FOUND}"


@dataclass(frozen=True)
class Conversion:
    """One origin: `channel` None where it is not known (empty in the CRM, or only a cycle or an event without it came),
    which is not the same as a channel named “unknown”.

    `median_days`: fractional days from crossing to winning, of those won; None where none was. `won_before`: won
    before they crossed, which the sources state now and then: they count, with their negative days.
    """

    channel: str | None
    mqls: int
    won: int
    median_days: float | None
    won_before: int

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.won, self.mqls) if self.mqls else None


@dataclass(frozen=True)
class OfQuarter:
    """What became of the leads whose first MQL date falls in a quarter; as in Conversion."""

    quarter: Quarter
    mqls: int = 0
    won: int = 0
    median_days: float | None = None
    won_before: int = 0


@dataclass(frozen=True)
class Behind:
    """Which MQLs: of a source, from `start` until before `end`, of one origin or of all, won ones alone or all."""

    source_id: int
    start: datetime | None = None
    end: datetime | None = None
    is_of_origin: bool = False
    origin: str | None = None
    is_won: bool = False


@dataclass(frozen=True)
class Funnel:
    by_origin: list[Conversion]
    total: Conversion


def mql_to_won(
    *, start: datetime | None = None, end: datetime | None = None, source_id: int | None = None
) -> Funnel:
    """Leads by their first standing MQL cycle, live or of history, that crossed in [start, end); without limit: all.

    Every lead counts once, however many cycles it has. Won: the lead has a won opportunity, however long after the
    crossing (no window cuts it off), dated by the first of them. Deleted leads and opportunities do not count. Merged
    leads are one, at the source and with the origin of the lead that stays, and deleted once all of them are.
    """
    with connection.cursor() as cursor:
        cursor.execute(_BY_ORIGIN, {"start": start, "end": end, "source": source_id})
        found = cursor.fetchall()
    return Funnel(
        by_origin=[Conversion(*row[1:]) for row in found if not row[0]],
        total=next(Conversion(*row[1:]) for row in found if row[0]),
    )


def by_quarter(
    *, zone: str, source_id: int, start: datetime | None = None, end: datetime | None = None
) -> list[OfQuarter]:
    """The same leads as in `mql_to_won` by the quarter of their first MQL date on the clocks of `zone`, from the first
    quarter that has some to the last, empty ones between them too."""
    given = {"start": start, "end": end, "source": source_id}
    with connection.cursor() as cursor:
        cursor.execute(_ENDS, given)
        first, last = cursor.fetchone()
        if first is None:
            return []
        quarters = quarters_between(Quarter.of(first, zone), Quarter.of(last, zone))
        cursor.execute(_BY_QUARTER, given | {"edges": [quarter.starts_at(zone) for quarter in quarters]})
        found = {quarters[row[0] - 1]: row[1:] for row in cursor.fetchall()}
    return [OfQuarter(quarter, *found.get(quarter, ())) for quarter in quarters]


def mqls_behind(which: Behind) -> QuerySet[MqlCycle]:
    """The first standing cycles that a number of `mql_to_won` or `by_quarter` counts, unordered, with `won_at`."""
    earlier = MqlCycle.objects.filter(lead=OuterRef("lead"), voided_at__isnull=True).filter(
        Q(crossed_at__lt=OuterRef("crossed_at")) | Q(crossed_at=OuterRef("crossed_at"), pk__lt=OuterRef("pk"))
    )
    won = Opportunity.objects.filter(is_won=True, is_deleted=False, closed_at__isnull=False)
    own, merged = won.filter(lead=OuterRef("lead")), won.filter(lead__merged_into=OuterRef("lead"))
    found = MqlCycle.objects.filter(
        lead_counts("lead"), ~Exists(earlier), voided_at__isnull=True, lead__source=which.source_id
    ).annotate(won_at=Least(_first(own), _first(merged)))  # of one that is null the other, in PostgreSQL
    if which.start is not None:
        found = found.filter(crossed_at__gte=which.start)
    if which.end is not None:
        found = found.filter(crossed_at__lt=which.end)
    if which.is_of_origin:
        found = (
            found.filter(lead__channel__isnull=True)
            if which.origin is None
            else found.filter(lead__channel=which.origin)
        )
    return found.filter(Exists(own) | Exists(merged)) if which.is_won else found


def won_by(leads: Collection[int]) -> dict[int, Opportunity]:
    """By the key of a lead what made it won: its first won opportunity, or that of a record merged into it."""
    stays = {
        pk: merged_into or pk
        for pk, merged_into in Lead.objects.filter(Q(pk__in=leads) | Q(merged_into__in=leads)).values_list(
            "pk", "merged_into"
        )
    }
    found: dict[int, Opportunity] = {}
    won = Opportunity.objects.filter(is_won=True, is_deleted=False, closed_at__isnull=False, lead__in=stays)
    for each in won.order_by("closed_at", "pk"):
        found.setdefault(stays[each.lead_id], each)  # type: ignore[index]  # filtered by the lead
    return found


def _first(won: QuerySet[Opportunity]) -> Subquery:
    return Subquery(won.order_by("closed_at").values("closed_at")[:1])
