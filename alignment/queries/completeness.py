"""MQLs that lack a field which the signed definition requires, by week or month, and the very records.

Judged by the fields as they are known now, whichever fact brought them: a field that is filled in later completes
the MQL, one that is emptied makes it incomplete again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncMonth, TruncWeek

from alignment.access import Scope
from alignment.business_time.zones import start_of_day
from alignment.definitions import evaluate
from alignment.definitions.conditions import all_filled
from alignment.definitions.fields import Field
from alignment.definitions.predicate import Definition
from alignment.models import MqlCycle, Organisation
from alignment.queries.definitions import RELATED, counted_mqls

PERIODS = {"week": TruncWeek, "month": TruncMonth}
SHOWN = 12
STATES = {"incomplete": "Incomplete", "complete": "Complete", "all": "All"}
ORIGINS = {"": "Live and imported", "live": "Live", "history": "Imported"}


@dataclass(frozen=True)
class Completeness:
    """Of the MQLs that crossed within a period those with all required fields. `start`: its first day."""

    period: str
    start: date
    mqls: int
    complete: int

    @property
    def incomplete(self) -> int:
        return self.mqls - self.complete

    @property
    def end(self) -> date:
        """The first day after it."""
        if self.period == "week":
            return self.start + timedelta(days=7)
        return (self.start.replace(day=1) + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True)
class Which:
    """Which MQLs a list shows. `start` and `end`: days in the organisation's zone, the second one excluded."""

    state: str = "incomplete"
    start: date | None = None
    end: date | None = None
    source: int | None = None
    segment: str | None = None
    origin: str = ""


def completeness(
    definition: Definition, period: str, *, at: datetime, scope: Scope, shown: int = SHOWN
) -> list[Completeness]:
    """The last weeks or months that began by `at`, the latest first, those without MQLs included."""
    organisation = Organisation.get()
    starts = _starts(period, at.astimezone(organisation.tz).date(), shown)
    first, last = starts[-1], Completeness(period, starts[0], 0, 0).end
    truncated = PERIODS[period]("crossed_at", tzinfo=organisation.tz)
    counted = (
        mqls(Which(state="all", start=first, end=last), definition, scope=scope)
        .annotate(first_day=truncated)
        .values("first_day")
        .annotate(mqls=Count("pk"), complete=Count("pk", filter=all_filled(definition.required, "lead__")))
        .order_by("first_day")
    )
    found = {row["first_day"].astimezone(organisation.tz).date(): row for row in counted}
    return [
        Completeness(period, start, found[start]["mqls"], found[start]["complete"])
        if start in found
        else Completeness(period, start, 0, 0)
        for start in starts
    ]


def mqls(which: Which, definition: Definition, *, scope: Scope) -> QuerySet[MqlCycle]:
    """The MQLs of a list, in no order."""
    zone = Organisation.get().zone
    found = counted_mqls().filter(scope.q())
    if which.start is not None:
        found = found.filter(crossed_at__gte=start_of_day(which.start, zone))
    if which.end is not None:
        found = found.filter(crossed_at__lt=start_of_day(which.end, zone))
    if which.source is not None:
        found = found.filter(lead__source=which.source)
    if which.segment is not None:
        found = found.filter(segment=which.segment)
    if which.origin:
        found = found.filter(is_history=which.origin == "history")
    if which.state == "all":
        return found
    complete: Q = all_filled(definition.required, "lead__")
    return found.filter(complete if which.state == "complete" else ~complete)


def with_missing(cycles: Sequence[MqlCycle], definition: Definition) -> list[tuple[MqlCycle, list[Field]]]:
    """Each MQL with the required fields that its lead lacks."""
    return [(cycle, evaluate.missing(definition, cycle.lead)) for cycle in cycles]


def with_leads(found: QuerySet[MqlCycle]) -> QuerySet[MqlCycle]:
    """With all that the fields of their leads follow."""
    return found.select_related("owner", "lead__source", *(f"lead__{name}" for name in RELATED["lead"]))


def _starts(period: str, today: date, count: int) -> list[date]:
    if period == "week":
        monday = today - timedelta(days=today.weekday())
        return [monday - timedelta(days=7 * n) for n in range(count)]
    month = today.replace(day=1)
    found = []
    for _ in range(count):
        found.append(month)
        month = (month - timedelta(days=1)).replace(day=1)
    return found
