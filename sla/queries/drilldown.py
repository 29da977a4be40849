"""From a compliance figure to the clocks behind it: one vocabulary for the cells of the page and its list of rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import F, Prefetch, Q, QuerySet

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import DirtyDay
from sla.models import METRIC, Clock, ClockCorrection, Outcome
from sla.queries import compliance, gate_rows
from sla.queries.compliance import GROUPS, NOTHING, Figure
from sla.queries.disputes import (
    NO_ADJUSTMENTS,
    Adjustments,
    adjusted,
    held_clocks,
    set_aside_clocks,
)

OUTCOMES: Mapping[str, str] = {
    "due": "Due (met and missed)",
    "met": "Met in time",
    "missed": "Missed, as known",
    "restated": "Missed, then met by late evidence",
    "met_restated": "Met, restated",
    "set_aside": "Missed, set aside by a ruling",
    "held": "Held by a dispute, unmet",
    "ruled": "Met, with rulings",
    "ruled_due": "Due, with rulings",
    "running": "Still running",
    "all": "All that count",
    **gate_rows.OUTCOMES,
}
_DUE = Q(outcome__in=[Outcome.MET, Outcome.MISSED, Outcome.RESTATED])
_MET_RESTATED = Q(outcome__in=[Outcome.MET, Outcome.RESTATED])


@dataclass(frozen=True)
class Drill:
    """Which clocks: one kind in one week, of everybody or of one rep, team or segment, by outcome.

    `key` is the id (rep, team) or the name (segment); '' with a group means: of nobody.
    """

    week: Week
    kind: str
    group: str = ""
    key: str = ""
    outcome: str = "all"

    @property
    def query(self) -> dict[str, str]:
        """What the address of the rows carries."""
        said = {"week": self.week.monday.isoformat(), "kind": self.kind, "outcome": self.outcome}
        return said | ({"group": self.group, "key": self.key} if self.group else {})

    def by(self, outcome: str) -> Drill:
        return replace(self, outcome=outcome)

    @property
    def is_of_gate(self) -> bool:
        """As the gate of the handoff counts, which it does for everybody together."""
        return self.outcome in gate_rows.OUTCOMES

    @property
    def outcomes(self) -> dict[str, str]:
        """Those that this kind and group have."""
        has_gate = self.kind in gate_rows.KINDS and not self.group
        return {name: text for name, text in OUTCOMES.items() if has_gate or name not in gate_rows.OUTCOMES}


def count_of(figure: Figure, rulings: Adjustments, outcome: str) -> int:
    """How many clocks a figure, with what disputes and rulings add to it, has of one of OUTCOMES."""
    return {
        "due": figure.due,
        "met": figure.met,
        "missed": figure.missed,
        "restated": figure.restated,
        "met_restated": figure.met_restated,
        "running": figure.running,
        "all": figure.due + figure.running,
        "set_aside": rulings.set_aside,
        "held": rulings.held,
        "ruled": figure.met_restated + rulings.set_aside,
        "ruled_due": figure.due + rulings.held,
    }[outcome]


def figure_of(drill: Drill, scope: Scope) -> tuple[Figure, Adjustments]:
    """The figure of the roll-up that the drill comes from, and what disputes and rulings add to it."""
    if not drill.group:
        rulings = adjusted(drill.week.starts_at, drill.week.ends_at, scope)
        return compliance.by_kind(drill.week, scope)[drill.kind], rulings.by_kind()[drill.kind]
    for found in compliance.by_group(drill.week, scope, drill.group):
        if found.key == drill.key:
            return found.figures[drill.kind], found.rulings[drill.kind]
    return NOTHING, NO_ADJUSTMENTS


def clocks(drill: Drill, scope: Scope) -> QuerySet[Clock]:
    """The very clocks, unordered columns loaded for a list: lead, owner, versions, `stamped_at`, `corrected`."""
    if drill.is_of_gate:
        return with_evidence(gate_rows.clocks(drill.week, drill.kind, drill.outcome, scope))
    if drill.outcome in {"held", "ruled", "ruled_due"}:
        return with_evidence(_ruled(drill, scope))
    plain = drill.outcome if drill.outcome in {"met", "missed", "restated", "running"} else ""
    found = compliance.rows(
        drill.week, scope, kind=drill.kind, group=drill.group, key=drill.key, outcome=plain
    )
    if drill.outcome == "due":
        found = found.filter(_DUE)
    elif drill.outcome == "met_restated":
        found = found.filter(_MET_RESTATED)
    elif drill.outcome == "set_aside":
        found = found.filter(pk__in=set_aside_clocks())
    return with_evidence(found)


def _ruled(drill: Drill, scope: Scope) -> QuerySet[Clock]:
    """With what disputes and rulings add. A held clock is among those of the week in which it fell due as of the
    filing."""
    week = drill.week
    in_week = Q(due_at__gte=week.starts_at, due_at__lt=week.ends_at)
    held = Q(pk__in=held_clocks(week.starts_at, week.ends_at).filter(kind=drill.kind).values("pk"))
    conditions = {
        "held": held,
        "ruled": in_week & (_MET_RESTATED | Q(pk__in=set_aside_clocks().values("pk"))),
        "ruled_due": in_week & _DUE | held,
    }
    found = Clock.objects.filter(scope.q(), compliance.of_group(drill.group, drill.key), kind=drill.kind)
    return found.filter(conditions[drill.outcome], cycle__voided_at__isnull=True).order_by("due_at", "pk")


def with_evidence(found: QuerySet[Clock]) -> QuerySet[Clock]:
    """With what a list of clocks shows of each: lead, owner, versions, `stamped_at`, `corrected`."""
    corrections = ClockCorrection.objects.order_by("pk")
    return (
        found.select_related("cycle__lead", "owner", "team", "agreement", "calendar_version__calendar")
        .annotate(stamped_at=F("breach__stamped_at"))
        .prefetch_related(Prefetch("corrections", corrections, to_attr="corrected"), "disputes", "overrides")
    )


def label_of(drill: Drill, scope: Scope) -> str:
    """Whose clocks these are, in words; '' for everybody's. A name is said only with a clock that `scope` shows."""
    if not drill.group:
        return ""
    if not drill.key:
        return NOBODY[drill.group]
    if drill.group == "segment":
        return drill.key
    field = GROUPS[drill.group]
    shown = Clock.objects.filter(scope.q(), **{field: drill.key})
    return next(iter(shown.values_list(f"{field}__name", flat=True)[:1]), NOBODY_SHOWN)


NOBODY_SHOWN = "Nobody with MQLs that you may see"
NOBODY: Mapping[str, str] = {
    "rep": "Assigned to nobody",
    "team": "No team",
    "segment": "No segment",
}


def dirty_weeks(first: Week, last: Week) -> set[date]:
    """Mondays from `first` to `last` of which some day waits for its roll-up."""
    days = DirtyDay.objects.filter(metric=METRIC, day__gte=first.monday, day__lt=last.next().monday)
    found: set[date] = set()
    for day in days.values_list("day", flat=True).distinct():
        found.add(date.fromordinal(day.toordinal() - day.weekday()))
    return found


COLUMNS = (
    "lead_id", "lead", "company", "segment", "owner", "team", "clock", "attempt", "started_at", "due_at", "met_at",
    "outcome", "breached_at", "breach_stamped_at", "correction", "corrected_at", "agreement_version",
    "agreement_signed", "calendar", "calendar_version", "by_receipt",
)  # fmt: skip


def table(found: QuerySet[Clock]) -> Iterator[list[Any]]:
    """Rows for COLUMNS, times in ISO 8601, UTC; read in chunks."""
    for clock in found.iterator(chunk_size=1000):
        corrections: list[ClockCorrection] = clock.corrected  # type: ignore[attr-defined]
        last = corrections[-1] if corrections else None
        lead, version = clock.cycle.lead, clock.calendar_version
        yield [
            lead.external_id,
            lead.name,
            lead.company,
            clock.segment,
            clock.owner.name if clock.owner else "",
            clock.team.name if clock.team else "",
            clock.get_kind_display(),
            clock.ordinal,
            _iso(clock.started_at),
            _iso(clock.due_at),
            _iso(clock.met_at),
            clock.get_outcome_display(),
            _iso(clock.breached_at),
            _iso(clock.stamped_at),  # type: ignore[attr-defined]
            last.get_outcome_display() if last else "",
            _iso(last.corrected_at) if last else "",
            clock.agreement.number,
            "yes" if clock.agreement.is_signed else "no",
            version.calendar.name if version else "elapsed time",
            version.number if version else "",
            "yes" if clock.is_suspect else "",
        ]


def _iso(instant: datetime | None) -> str:
    return instant.isoformat(timespec="seconds") if instant else ""
