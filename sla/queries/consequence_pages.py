"""What the pages of the clauses show: months of volume, periods of follow-up, cases, and the MQLs of a consequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.urls import reverse

from alignment.access import Scope
from alignment.models import Organisation
from sla.models import (
    ClauseKind,
    ClausePeriod,
    Consequence,
    ConsequenceCycle,
    CycleState,
    Outcome,
    RenegotiationCase,
)
from sla.periods import Period, periods_up_to
from sla.queries.agreements import load_book
from sla.queries.follow_up_clause import FollowUps, clause_periods, follow_ups
from sla.queries.volume import VolumeMonth, months_of_volume, ruled_out

SHOWN = 12


@dataclass(frozen=True)
class MonthRow:
    """A month of volume as it is known now, beside what it was judged by (None: not judged yet). `ruled_out`: of those
    delivered, how many a ruling says are no MQLs."""

    now: VolumeMonth
    judged: ClausePeriod | None
    ruled_out: int = 0

    @property
    def is_restated(self) -> bool:
        """What is known now differs from what was judged."""
        return self.judged is not None and self.judged.part != self.now.delivered


@dataclass(frozen=True)
class PeriodRow:
    """A period of first follow-ups: judged, or with its figures so far (`now`)."""

    period: Period
    judged: ClausePeriod | None
    now: FollowUps | None

    @property
    def consequence(self) -> Consequence | None:
        return getattr(self.judged, "consequence", None) if self.judged else None


def month_rows(*, at: datetime, shown: int = SHOWN) -> list[MonthRow]:
    """The last calendar months, the one under way first; of those before the first signed SLA none but the present."""
    last = Period.of(at.astimezone(Organisation.get().tz).date())
    judged = {
        row.first: row
        for row in ClausePeriod.objects.filter(kind=ClauseKind.VOLUME).select_related("agreement")
    }
    periods = periods_up_to(last, shown)
    ruled = ruled_out(periods, at=at)
    rows = [
        MonthRow(month, judged.get(month.period.first), ruled[month.period])
        for month in reversed(months_of_volume(periods, at=at))
    ]
    begun = load_book().first_signed()
    if begun is None:
        return rows[:1]
    since, zone = begun.agreement.in_force_from, Organisation.get().zone
    return [row for row in rows if row.now.period.ends_at(zone) > since] or rows[:1]


def period_rows(*, at: datetime, shown: int = SHOWN) -> list[PeriodRow]:
    """The last periods of the follow-up clause, the one under way first; none before the first signed SLA."""
    judged = {
        row.first: row
        for row in ClausePeriod.objects.filter(kind=ClauseKind.FOLLOW_UP).select_related(
            "agreement", "consequence"
        )
    }
    periods = list(clause_periods(at=at))[-shown:]
    return [
        PeriodRow(
            judging.period,
            judged.get(judging.period.first),
            None if judging.period.first in judged else follow_ups(judging, at=at),
        )
        for judging in reversed(periods)
    ]


def cases() -> list[RenegotiationCase]:
    """All cases, the newest first."""
    return list(
        RenegotiationCase.objects.select_related("agreement", "closed_by__artifact", "ruling__dispute")
    )


def consequences() -> QuerySet[Consequence]:
    """With their figures, and how many MQLs each took out, recycled and gave back."""
    return Consequence.objects.select_related("judged__agreement").annotate(
        mqls=Count("cycles"),
        recycled=Count("cycles", filter=Q(cycles__state=CycleState.RECYCLED)),
        waiting=Count("cycles", filter=Q(cycles__state=CycleState.WAITING)),
        touched=Count("cycles", filter=_touched("cycles__")),
        spared=Count("cycles", filter=Q(cycles__state=CycleState.SPARED)),
        undone=Count("cycles", filter=Q(cycles__undone__isnull=False)),
    )


SHOWS = {
    "": "All",
    "recycled": "Recycled by the clause",
    "listed": "Taken out only",
    "touched": "Attempt told later",
    "undone": "Taken back by a ruling",
}


def entries(consequence: Consequence, scope: Scope, show: str = "") -> QuerySet[ConsequenceCycle]:
    """The MQLs of a consequence that somebody may see, with lead, owner, clock and ruling; in no order."""
    found = consequence.cycles.filter(scope.q("clock__owner"))
    if show == "undone":
        found = found.filter(undone__isnull=False)
    elif show == "touched":
        found = found.filter(_touched())
    elif show == "listed":
        found = found.exclude(state__in=[CycleState.RECYCLED, CycleState.WAITING])
    elif show == "recycled":
        found = found.filter(state__in=[CycleState.RECYCLED, CycleState.WAITING])
    return found.select_related(
        "cycle__lead", "clock__owner", "clock__team", "undone__ruling__dispute", "undone__ruling__ruled_by"
    ).annotate(due_at=F("clock__due_at"))


def _touched(prefix: str = "") -> Q:
    """Entries that are `is_touched`. `prefix`: the way to them, as lookups write it."""
    wanted = {"state": CycleState.RECYCLED, "cycle__is_by_clause": True, "cycle__attempts__gt": 0}
    return Q(**{f"{prefix}{name}": value for name, value in wanted.items()})


def dispute_url(entry: ConsequenceCycle, *, of_whole: bool) -> str:
    """Where is disputed what was done to an MQL: the missed clock; where late evidence has disproved the breach, the
    consequence, which is then taken back in part, for those who may dispute it as a whole (`of_whole`)."""
    if entry.clock.outcome == Outcome.MISSED:
        return f"{reverse('sla:dispute-new')}?clock={entry.clock_id}"
    return f"{reverse('sla:dispute-new')}?consequence={entry.consequence_id}" if of_whole else ""


COLUMNS = (
    "lead_id", "lead", "company", "segment", "owner", "team", "mql", "crossed_at", "due_at", "met_at", "clock_outcome",
    "by_the_clause", "executed_at", "undone_at", "ruling_on_dispute", "reopened",
)  # fmt: skip


def table(found: QuerySet[ConsequenceCycle]) -> Iterator[list[Any]]:
    """Rows for COLUMNS, times in ISO 8601, UTC."""
    for entry in found.order_by("clock__due_at", "pk").iterator(chunk_size=1000):
        clock, cycle = entry.clock, entry.cycle
        undone = getattr(entry, "undone", None)
        yield [
            cycle.lead.external_id,
            cycle.lead.name,
            cycle.lead.company,
            cycle.segment,
            clock.owner.name if clock.owner else "",
            clock.team.name if clock.team else "",
            cycle.number,
            _iso(cycle.crossed_at),
            _iso(clock.due_at),
            _iso(clock.met_at),
            clock.get_outcome_display(),
            entry.get_state_display(),
            _iso(entry.executed_at),
            _iso(undone.undone_at) if undone else "",
            undone.ruling_id if undone else "",
            ("yes" if undone.is_reopened else "no") if undone else "",
        ]


def _iso(instant: datetime | None) -> str:
    return instant.isoformat(timespec="seconds") if instant else ""
