"""The very clocks behind the two shares by which the gate of the handoff judges a week."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from alignment.access import Scope
from alignment.business_time import Week
from sla.models import Clock, ClockKind, Outcome
from sla.queries.disputes import held_clocks, set_aside_clocks
from sla.weeks import Measure

OUTCOMES: Mapping[str, str] = {
    "gate_due": "Gate 3, due",
    "gate_met": "Gate 3, kept",
    "gate_unmet": "Gate 3, not kept",
}
KINDS = (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION)
_DUE = Q(outcome__in=[Outcome.MET, Outcome.MISSED, Outcome.RESTATED])
_RECYCLED = Q(kind=ClockKind.DISPOSITION, outcome=Outcome.NOT_OWED, cycle__is_by_clause=True)
_COUNTS = {
    ClockKind.FOLLOW_UP: Q(owner__isnull=False),
    # the opposite of MqlCycle.is_closed_untagged
    ClockKind.DISPOSITION: Q(cycle__closed_at__isnull=True, cycle__crm_closed_at__isnull=True)
    | Q(cycle__closed_at__isnull=False, cycle__is_tagged=True),
}


def clocks(week: Week, kind: str, outcome: str, scope: Scope) -> QuerySet[Clock]:
    """By due time. `kind`: one of KINDS, `outcome`: one of OUTCOMES. A held clock is among those of the week in which
    it fell due as of the filing of its dispute."""
    held = held_clocks(week.starts_at, week.ends_at).filter(kind=kind)
    in_week = Q(due_at__gte=week.starts_at, due_at__lt=week.ends_at)
    found = Clock.objects.filter(scope.q(), kind=kind, cycle__voided_at__isnull=True)
    found = found.filter(in_week & (_DUE | _RECYCLED) | Q(pk__in=held.values("pk"))).order_by("due_at", "pk")
    kept = Q(outcome=Outcome.MET) & _COUNTS[ClockKind(kind)]
    kept |= Q(pk__in=set_aside_clocks(with_restated=True).filter(kind=kind).values("pk"))
    if outcome == "gate_met":
        return found.filter(kept)
    return found.exclude(kept) if outcome == "gate_unmet" else found


def mqls_due(weeks: Sequence[Week]) -> dict[date, int]:
    """By Monday the MQLs of which a first follow-up or a disposition is due in one of these weeks, judged or not; each
    once a week. Two statements."""
    mqls = defaultdict[date, set[int]](set)
    if not weeks:
        return {}
    held = held_clocks(weeks[0].starts_at, weeks[-1].ends_at).filter(kind__in=KINDS)
    found = list(held.values_list("pk", "cycle", "disputes__clock_due_at"))
    in_weeks = reduce(or_, (Q(due_at__gte=week.starts_at, due_at__lt=week.ends_at) for week in weeks))
    clocks = Clock.objects.filter(in_weeks, kind__in=KINDS, cycle__voided_at__isnull=True)
    due = clocks.filter(_DUE | _RECYCLED | Q(outcome=Outcome.OPEN)).exclude(pk__in=[pk for pk, *_ in found])
    for _, cycle, due_at in (*found, *due.values_list("pk", "cycle", "due_at")):
        for week in weeks:
            if due_at is not None and week.starts_at <= due_at < week.ends_at:
                mqls[week.monday].add(cycle)
    return {monday: len(cycles) for monday, cycles in mqls.items()}


def count_of(measure: Measure, outcome: str) -> int:
    """How many clocks a measure has of one of OUTCOMES."""
    return {"gate_due": measure.due, "gate_met": measure.met, "gate_unmet": measure.unmet}[outcome]
