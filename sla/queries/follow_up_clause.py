"""The follow-up clause in figures: which periods it judges, by which SLA, and what each came to.

Only clocks that run on a signed version count, after a revocation those of versions signed since. Figures come from the
compliance roll-up, as known first: a breach that late evidence disproved stays a miss, unless a ruling has set it
aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet

from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.models import Clock, ClockKind, ComplianceDay, Outcome
from sla.periods import Period
from sla.queries import compliance
from sla.queries.agreements import AgreementBook, InForce, SignedSpan, load_book
from sla.queries.disputes import held_clocks, set_aside_clocks

KIND = ClockKind.FOLLOW_UP
MISSED = Q(outcome__in=[Outcome.MISSED, Outcome.RESTATED])

UNDER_WAY = "not over yet"
CUT_SHORT = "not judged: the SLA was revoked before it was over"


@dataclass(frozen=True)
class Judging:
    """A period, the signed version that judges it, and the signed time that this is of. `is_cut_short`: a revocation
    ended that before the period was over, so nothing judges it."""

    period: Period
    version: InForce
    span: SignedSpan
    is_cut_short: bool = False


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
    def is_cut_short(self) -> bool:
        return self.unsettled == CUT_SHORT

    @property
    def is_missed(self) -> bool:
        return 100 * self.missed > self.percent * self.due


def clause_periods(*, at: datetime, book: AgreementBook | None = None) -> Iterator[Judging]:
    """The periods of the clause, up to the one under way; without a gap while a signed SLA stands.

    Each is of the kind that the SLA in force at its first instant names, the very first of the first signed SLA's. A
    quarter begins with a quarter: until then, single months. After a revocation they begin anew with the next signed
    version, as with a first signature; the one that it cut short is left out where the first of them begins no later.
    """
    book = book or load_book()
    found: list[Judging] = []
    for span in book.spans:
        if span.starts_at > at:
            break
        judged_to = max((each.period.end for each in found if not each.is_cut_short), default=date.min)
        for judging in _periods_of(span, book, judged_to, at):
            while found and found[-1].is_cut_short and found[-1].period.first >= judging.period.first:
                found.pop()
            found.append(judging)
    yield from found


def _periods_of(span: SignedSpan, book: AgreementBook, judged_to: date, at: datetime) -> Iterator[Judging]:
    """The periods of one signed time; the one that its end cuts short is the last. `judged_to`: the day before which
    periods of an earlier one were judged."""
    zone = Organisation.get().tz
    if not span.reaches(span.starts_at):  # revoked before it began
        return
    day = span.starts_at.astimezone(zone).date()
    version, today = span.first, at.astimezone(zone).date()
    period = Period.of(day, _unit(version))
    if period.first < judged_to:
        period = Period.of(day)
    while period.first <= today:
        is_cut_short = not span.reaches(period.ends_at(zone.key))
        yield Judging(period, version, span, is_cut_short)
        if is_cut_short:
            return
        found = book.at(period.ends_at(zone.key))
        if found is not None and found.clauses is not None:
            version = found
        following = Period.of(period.end, _unit(version))
        period = following if following.first == period.end else Period.of(period.end)


def _unit(version: InForce) -> str:
    return version.clauses.consequences.period if version.clauses else "month"


def follow_ups(judging: Judging, *, at: datetime) -> FollowUps:
    """What a period came to so far."""
    period, span = judging.period, judging.span
    rows = (
        ComplianceDay.objects.filter(kind=KIND, day__gte=period.first, day__lt=period.end)
        .values("day")
        .annotate(**compliance.SUMS)
        .order_by("day")
    )
    days: list[dict[str, Any]] = [{**row, "day": row["day"].isoformat()} for row in rows]
    other = _of_no_account(period, span)
    held, set_aside = _held(period, span).count(), _set_aside(period, span).count()
    missed = sum(row["missed"] for row in days) - other["missed"]
    met = sum(row["met"] for row in days) - other["met"]
    return FollowUps(
        period,
        judging.version,
        missed + held - set_aside,
        missed + met + held,
        held,
        set_aside,
        CUT_SHORT if judging.is_cut_short else why_unsettled(period, span, at=at),
        days,
    )


def missed_clocks(period: Period, span: SignedSpan) -> QuerySet[Clock]:
    """The missed clocks of a period whose breach no ruling has set aside, in order of due time."""
    return (
        _due(period, span)
        .filter(MISSED)
        .exclude(pk__in=set_aside_clocks(with_restated=True).values("pk"))
        .order_by("due_at", "pk")
    )


def why_unsettled(period: Period, span: SignedSpan, *, at: datetime) -> str:
    """Why a period cannot be judged yet: it is not over, or something of it is still under way. "" when it can."""
    zone = Organisation.get().zone
    end = period.ends_at(zone)
    if at < end:
        return UNDER_WAY
    if processed_up_to(at=at) < end:
        return "not yet known: events of these days wait in the inbox"
    if not compliance.are_settled(period.first, period.end):
        return "not yet known: some day is still being added up"
    if _due(period, span).filter(outcome=Outcome.OPEN, held_since__isnull=True).exists():
        return "not yet known: some follow-up that fell due is not judged yet"
    return ""


def _due(period: Period, span: SignedSpan) -> QuerySet[Clock]:
    """Clocks of standing MQLs due in the period that run on a version of that signed time."""
    zone = Organisation.get().zone
    return Clock.objects.filter(
        kind=KIND,
        due_at__gte=period.starts_at(zone),
        due_at__lt=period.ends_at(zone),
        cycle__voided_at__isnull=True,
        agreement__number__gte=span.first.agreement.number,
    )


def _held(period: Period, span: SignedSpan) -> QuerySet[Clock]:
    zone = Organisation.get().zone
    found = held_clocks(period.starts_at(zone), period.ends_at(zone))
    return found.filter(kind=KIND, agreement__number__gte=span.first.agreement.number)


def _set_aside(period: Period, span: SignedSpan) -> QuerySet[Clock]:
    return _due(period, span).filter(pk__in=set_aside_clocks(with_restated=True).values("pk"))


def _of_no_account(period: Period, span: SignedSpan) -> dict[str, int]:
    """What the roll-up has of clocks that run on a version from before that signed time: unsigned, or revoked; asked of
    the clocks themselves."""
    zone = Organisation.get().zone
    return Clock.objects.filter(
        kind=KIND,
        due_at__gte=period.starts_at(zone),
        due_at__lt=period.ends_at(zone),
        cycle__voided_at__isnull=True,
        agreement__number__lt=span.first.agreement.number,
    ).aggregate(missed=Count("pk", filter=MISSED), met=Count("pk", filter=Q(outcome=Outcome.MET)))
