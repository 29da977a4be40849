"""Marketing's conversion from MQL to opportunity: raw, and after the consequence clause.

The cohort is what marketing delivered: MQLs that crossed in some calendar months and stand, of leads that count.
One is converted when an opportunity that was not deleted is linked to it, or was opened for its lead while it was the
lead's newest MQL. After the clause, the MQLs of standing consequences are in neither number. Each MQL is one row with
a yes or no, so neither rate can pass 100%, however many opportunities there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from alignment.models import MqlCycle, Opportunity, Organisation
from alignment.queries.counting import lead_counts
from sla.models import ConsequenceCycle
from sla.periods import Period


@dataclass(frozen=True)
class Rate:
    """`part` converted of `whole` MQLs."""

    part: int
    whole: int


@dataclass(frozen=True)
class Conversion:
    """`first`, `last`: the first and last period of the cohort."""

    first: Period
    last: Period
    raw: Rate
    after: Rate

    @property
    def taken_out(self) -> int:
        """MQLs that the clause took out of the cohort."""
        return self.raw.whole - self.after.whole


def conversion(first: Period, last: Period | None = None, *, at: datetime) -> Conversion:
    """Of the MQLs that crossed from the beginning of `first` to the end of `last` (default: the same period)."""
    last = last or first
    counted = rows(first, last, at=at).aggregate(
        mqls=Count("pk"),
        converted=Count("pk", filter=Q(is_converted=True)),
        stay=Count("pk", filter=Q(is_taken_out=False)),
        stay_converted=Count("pk", filter=Q(is_taken_out=False, is_converted=True)),
    )
    return Conversion(
        first,
        last,
        Rate(counted["converted"], counted["mqls"]),
        Rate(counted["stay_converted"], counted["stay"]),
    )


def rows(first: Period, last: Period, *, at: datetime) -> QuerySet[MqlCycle]:
    """The MQLs behind both rates, each with `is_converted` and `is_taken_out`; in no order. Known by `at`."""
    zone = Organisation.get().zone
    standing = ConsequenceCycle.objects.standing().filter(cycle=OuterRef("pk"))
    later_mql = MqlCycle.objects.standing().filter(
        lead=OuterRef(OuterRef("lead")),
        crossed_at__gt=OuterRef(OuterRef("crossed_at")),
        crossed_at__lte=OuterRef("began_at"),
    )
    opened = (
        Opportunity.objects.filter(is_deleted=False)
        .annotate(began_at=Coalesce("opened_at", "first_seen_at"))
        .filter(~Exists(later_mql), began_at__gte=OuterRef("crossed_at"), began_at__lte=at)
    )
    linked = Opportunity.objects.filter(pk=OuterRef("opportunity"), is_deleted=False)
    return (
        MqlCycle.objects.standing()
        .filter(
            lead_counts("lead"),
            crossed_at__gte=first.starts_at(zone),
            crossed_at__lt=last.ends_at(zone),
            received_at__lte=at,
        )
        .annotate(
            is_converted=Q(Exists(linked))
            | Q(Exists(opened.filter(lead=OuterRef("lead"))))
            | Q(Exists(opened.filter(lead__merged_into=OuterRef("lead")))),
            is_taken_out=Exists(standing),
        )
    )
