"""Compliance: met among those due, by the week in which clocks fall due.

Totals come from the roll-up, rows from the clocks themselves. `due` = met + missed; running clocks are shown and
left out of it. 'As known' counts a restated clock as missed, 'restated' counts it as met; 'with rulings' counts as
met what a ruling set aside as well, and as due, not met, what an undecided dispute holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Q, QuerySet, Sum

from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import DirtyDay
from sla.models import METRIC, Agreement, Clock, ClockKind, ComplianceDay, Outcome
from sla.queries.disputes import NO_ADJUSTMENTS, Adjusted, Adjustments, adjusted

GROUPS = {"team": "team", "rep": "owner", "segment": "segment"}


@dataclass(frozen=True)
class Figure:
    """One compliance figure: counts of clocks."""

    met: int
    missed: int
    restated: int
    running: int

    @property
    def due(self) -> int:
        return self.met + self.missed

    @property
    def met_restated(self) -> int:
        return self.met + self.restated


@dataclass(frozen=True)
class Group:
    """A rep, team or segment with its figure per clock kind, and what disputes and rulings add to it; `key` is the id
    or name ('' for none)."""

    key: str
    label: str
    figures: dict[str, Figure]
    rulings: dict[str, Adjustments]


NOTHING = Figure(0, 0, 0, 0)
SUMS = {"met": Sum("met"), "missed": Sum("missed"), "restated": Sum("restated"), "running": Sum("running")}


def _figure(row: Mapping[str, Any]) -> Figure:
    return Figure(row["met"], row["missed"], row["restated"], row["running"])


def _days(week: Week, scope: Scope) -> QuerySet[ComplianceDay]:
    return ComplianceDay.objects.filter(scope.q(), day__gte=week.monday, day__lt=week.next().monday)


def judged_by(week: Week, scope: Scope) -> list[Agreement]:
    """The versions that judge the clocks due in a week."""
    due = Clock.objects.filter(
        scope.q("owner"), due_at__gte=week.starts_at, due_at__lt=week.ends_at, kind__in=ClockKind.values
    ).exclude(outcome=Outcome.NOT_OWED)
    return list(Agreement.objects.filter(pk__in=due.order_by().values("agreement").distinct()))


def by_kind(week: Week, scope: Scope) -> dict[str, Figure]:
    """Figure of each clock kind in one week; kinds without a clock have zeros."""
    rows = _days(week, scope).values("kind").annotate(**SUMS).order_by("kind")
    found = {row["kind"]: _figure(row) for row in rows}
    return {kind: found.get(kind, NOTHING) for kind in ClockKind.values}


def by_group(week: Week, scope: Scope, group: str, rulings: Adjusted | None = None) -> list[Group]:
    """Figures per rep, team or segment, each with every clock kind; those with most follow-ups that were missed or are
    held by disputes first. Over all groups they add up to the figures of everybody. `rulings`: `adjusted` of the week
    and scope, where it is at hand."""
    field = GROUPS[group]
    names = [field] if field == "segment" else [field, f"{field}__name"]
    rows = _days(week, scope).values(*names, "kind").annotate(**SUMS).order_by(*names, "kind")
    found: dict[Any, tuple[str, dict[str, Figure]]] = {}
    for row in rows:
        key = row[field]
        label = (row[names[-1]] or "") if key else ""
        found.setdefault(key, (label, {}))[1][row["kind"]] = _figure(row)
    ruled = (rulings or adjusted(week.starts_at, week.ends_at, scope)).by(field)
    for key, label in ruled:
        found.setdefault(key, (label, {}))
    groups = [
        Group(
            str(key or ""),
            label,
            {kind: figures.get(kind, NOTHING) for kind in ClockKind.values},
            ruled.get((key, label)) or dict.fromkeys(ClockKind.values, NO_ADJUSTMENTS),
        )
        for key, (label, figures) in found.items()
    ]
    kind = ClockKind.FOLLOW_UP
    return sorted(groups, key=lambda g: (-g.figures[kind].missed - g.rulings[kind].held, g.label))


def weeks(last: Week, count: int, kind: str, scope: Scope) -> list[tuple[Week, Figure]]:
    """The figure of one kind in `count` weeks up to `last`, oldest first."""
    found = [last]
    while len(found) < count:
        found.insert(0, found[0].previous())
    rows = (
        ComplianceDay.objects.filter(
            scope.q(), kind=kind, day__gte=found[0].monday, day__lt=last.next().monday
        )
        .values("day")
        .annotate(**SUMS)
    )
    sums = {week.monday: NOTHING for week in found}
    for row in rows:
        monday = max(monday for monday in sums if monday <= row["day"])
        was, more = sums[monday], _figure(row)
        sums[monday] = Figure(
            was.met + more.met,
            was.missed + more.missed,
            was.restated + more.restated,
            was.running + more.running,
        )
    return [(week, sums[week.monday]) for week in found]


def of_days(first: date, end: date, kind: str, scope: Scope) -> Figure:
    """The figure of one kind over the local days from `first` until before `end`."""
    found = ComplianceDay.objects.filter(scope.q(), kind=kind, day__gte=first, day__lt=end)
    sums = found.aggregate(**SUMS)
    return Figure(*(sums[name] or 0 for name in ("met", "missed", "restated", "running")))


def are_settled(first: date, end: date) -> bool:
    """Whether none of these days waits for its roll-up."""
    return not DirtyDay.objects.filter(metric=METRIC, day__gte=first, day__lt=end).exists()


def rows(
    week: Week, scope: Scope, *, kind: str, group: str = "", key: str = "", outcome: str = ""
) -> QuerySet[Clock]:
    """The very clocks behind a figure, in order of due time. `outcome`: met, missed (as known), restated, running,
    or empty for all that count."""
    found = (
        Clock.objects.filter(
            scope.q(), kind=kind, due_at__gte=week.starts_at, due_at__lt=week.ends_at,
            cycle__voided_at__isnull=True,
        )
        .exclude(outcome=Outcome.NOT_OWED)
        .select_related("cycle__lead", "owner", "team")
        .order_by("due_at", "pk")
    )  # fmt: skip
    found = found.filter(of_group(group, key))
    conditions = {
        "met": Q(outcome=Outcome.MET),
        "missed": Q(outcome__in=[Outcome.MISSED, Outcome.RESTATED]),
        "restated": Q(outcome=Outcome.RESTATED),
        "running": Q(outcome=Outcome.OPEN),
    }
    return found.filter(conditions[outcome]) if outcome else found


def of_group(group: str, key: str) -> Q:
    """Clocks of one rep, team or segment; `key` '': of none. `group` '': everybody's."""
    if not group:
        return Q()
    field = GROUPS[group]
    if key:
        return Q(**{field: key})
    return Q(segment="") if field == "segment" else Q(**{f"{field}__isnull": True})


def is_settled(week: Week) -> bool:
    """Whether no day of the week waits for its roll-up."""
    return not DirtyDay.objects.filter(
        metric=METRIC, day__gte=week.monday, day__lt=week.next().monday
    ).exists()
