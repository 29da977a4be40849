"""MQL to SQL by quarter: by the signed definition of an SQL where one is in force, else by what sales accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import Case, Count, IntegerField, Q, Value, When

from alignment.definitions.conditions import meets
from alignment.models import ArtifactVersion, MqlCycle
from alignment.quarters import Quarter
from alignment.queries.counting import lead_counts
from alignment.queries.definitions import definition_in_force, moment
from dashboard.queries.working.shares import QuarterShare, Share

ACCEPTED_ABOVE = Fraction(70, 100)
ACCEPTED_BY_SALES = Q(accepted_at__isnull=False) | Q(disposition__in=["working", "converted"])


@dataclass(frozen=True)
class Acceptance:
    """`signed`: the version of the SQL definition that was asked; None: none is in force, and what sales accepted
    counts."""

    rows: list[QuarterShare]
    signed: ArtifactVersion | None


def acceptance(quarters: Sequence[Quarter], *, zone: str, at: datetime) -> Acceptance:
    """Of the MQLs that crossed in each quarter, live and imported, how many became an SQL; judged as known at `at`."""
    found = definition_in_force("sql")
    is_sql = meets(found.definition, moment(at)) if found is not None else ACCEPTED_BY_SALES
    edges = [(quarter.starts_at(zone), quarter.ends_at(zone)) for quarter in quarters]
    places = (
        When(crossed_at__gte=start, crossed_at__lt=end, then=Value(place))
        for place, (start, end) in enumerate(edges)
    )
    counted = (
        MqlCycle.objects.filter(
            lead_counts("lead"), voided_at=None, crossed_at__gte=edges[0][0], crossed_at__lt=edges[-1][1]
        )
        .annotate(place=Case(*places, output_field=IntegerField()))
        .values("place")
        .annotate(mqls=Count("pk"), sqls=Count("pk", filter=is_sql))
        .order_by()
    )
    shares = {row["place"]: Share(row["sqls"], row["mqls"]) for row in counted}
    rows = [QuarterShare(quarter, shares.get(place, Share())) for place, quarter in enumerate(quarters)]
    return Acceptance(rows, found.version if found is not None else None)
