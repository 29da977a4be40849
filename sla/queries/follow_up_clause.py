"""The follow-up clause in figures: which periods it judges, by which SLA, and what each came to.

Only clocks that run on a signed version count. Figures come from the compliance roll-up, as known first: a breach that
late evidence disproved stays a miss, unless a ruling has set it aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.models import Clock, ClockKind, ComplianceDay, Outcome
from sla.periods import Period
from sla.queries import compliance
from sla.queries.agreements import AgreementBook, InForce, load_book
from sla.queries.disputes import held_clocks, set_aside_clocks

KIND = ClockKind.FOLLOW_UP
MISSED = Q(outcome__in=[Outcome.MISSED, Outcome.RESTATED])

UNDER_WAY = "not over yet"


@dataclass(frozen=True)
class FollowUps:
    """First follow-ups due in a period. `missed` of `due`, as the clause counts them: `held` ones (disputed, not ruled
    on) as missed, `set_aside` ones (by a ruling) as met. `unsettled`: why it cannot be judged yet, "" when it can."""

    period: Period
    version: InForce
    missed: int
    due: int
    held: int
    set_aside: int
    unsettled: str
    days: list[dict[str, Any]] = field(default_factory=list, repr=False)

    @property
    def percent(self) -> int:
        """The agreed line; more than this fires."""
        return self.version.clauses.consequences.missed_percent if self.version.clauses else 100

    @property
    def is_under_way(self) -> bool:
        return self.unsettled == UNDER_WAY

    @property
    def is_missed(self) -> bool:
        return 100 * self.missed > self.percent * self.due


def clause_periods(*, at: datetime, book: AgreementBook | None = None) -> Iterator[tuple[Period, InForce]]:
    """The periods that the clause judges, one after the other without a gap, up to the one under way.

    Each is of the kind that the SLA in force at its first instant names, the very first of the first signed SLA's. A
    quarter begins with a quarter: until then, single months.
    """
    book = book or load_book()
    zone = Organisation.get().tz
    begun = book.first_signed()
    if begun is None or begun.clauses is None or begun.agreement.in_force_from > at:
        return
    day = begun.agreement.in_force_from.astimezone(zone).date()
    period, version = Period.of(day, begun.clauses.consequences.period), begun
    today = at.astimezone(zone).date()
    while period.first <= today:
        yield period, version
        found = book.at(period.ends_at(zone.key))
        if found is not None and found.clauses is not None:
            version = found
        unit = version.clauses.consequences.period if version.clauses else "month"
        following = Period.of(period.end, unit)
        period = following if following.first == period.end else Period.of(period.end)


def follow_ups(period: Period, version: InForce, *, at: datetime) -> FollowUps:
    """What a period came to so far."""
    rows = (
        ComplianceDay.objects.filter(kind=KIND, day__gte=period.first, day__lt=period.end)
        .values("day")
        .annotate(**compliance.SUMS)
        .order_by("day")
    )
    days: list[dict[str, Any]] = [{**row, "day": row["day"].isoformat()} for row in rows]
    other = _unsigned(period)
    held, set_aside = _held(period).count(), _set_aside(period).count()
    missed = sum(row["missed"] for row in days) - other["missed"]
    met = sum(row["met"] for row in days) - other["met"]
    return FollowUps(
        period,
        version,
        missed + held - set_aside,
        missed + met + held,
        held,
        set_aside,
        why_unsettled(period, at=at),
        days,
    )


def missed_clocks(period: Period) -> QuerySet[Clock]:
    """The missed clocks of a period whose breach no ruling has set aside, in order of due time."""
    return (
        _due(period)
        .filter(MISSED)
        .exclude(pk__in=set_aside_clocks(with_restated=True).values("pk"))
        .order_by("due_at", "pk")
    )


def why_unsettled(period: Period, *, at: datetime) -> str:
    """Why a period cannot be judged yet: it is not over, or something of it is still under way. "" when it can."""
    zone = Organisation.get().zone
    end = period.ends_at(zone)
    if at < end:
        return UNDER_WAY
    if processed_up_to(at=at) < end:
        return "not yet known: events of these days wait in the inbox"
    if not compliance.are_settled(period.first, period.end):
        return "not yet known: some day is still being added up"
    if _due(period).filter(outcome=Outcome.OPEN, held_since__isnull=True).exists():
        return "not yet known: some follow-up that fell due is not judged yet"
    return ""


def _due(period: Period) -> QuerySet[Clock]:
    """Clocks of standing MQLs due in the period that run on a signed SLA."""
    zone = Organisation.get().zone
    return Clock.objects.filter(
        kind=KIND,
        due_at__gte=period.starts_at(zone),
        due_at__lt=period.ends_at(zone),
        cycle__voided_at__isnull=True,
        agreement__is_signed=True,
    )


def _held(period: Period) -> QuerySet[Clock]:
    zone = Organisation.get().zone
    found = held_clocks(period.starts_at(zone), period.ends_at(zone))
    return found.filter(kind=KIND, agreement__is_signed=True)


def _set_aside(period: Period) -> QuerySet[Clock]:
    return _due(period).filter(pk__in=set_aside_clocks(with_restated=True).values("pk"))


def _unsigned(period: Period) -> dict[str, int]:
    """What the roll-up has of clocks that run on an unsigned version; asked of the clocks themselves."""
    zone = Organisation.get().zone
    return Clock.objects.filter(
        kind=KIND,
        due_at__gte=period.starts_at(zone),
        due_at__lt=period.ends_at(zone),
        cycle__voided_at__isnull=True,
        agreement__is_signed=False,
    ).aggregate(missed=Count("pk", filter=MISSED), met=Count("pk", filter=Q(outcome=Outcome.MET)))
