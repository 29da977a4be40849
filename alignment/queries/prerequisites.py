"""What the data say of a program's prerequisites: the last events per object, and whether the history can be trusted.

History: the last four full quarters, in the organisation's zone, by month. Of each month, how many records there are
and how many hold every field that their figure needs:

- pipeline: opportunities by the day on which they were opened; needed are that day, amount with currency, and stage
- MQL → SQL: MQL cycles by the day of crossing; needed are an owner and a disposition with all that it requires
- closed-won: won opportunities by the day on which they closed; needed are that day and an amount with its currency

A record without its own day stands in the month of the next best one (closing, expected closing, first seen), so that
none is hidden by what it lacks. Records that the CRM deleted (see counting) and cycles that were voided do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Count, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, TruncDate, TruncMonth

from alignment.models import MqlCycle, Opportunity
from alignment.quarters import Quarter
from alignment.queries.counting import lead_counts

FILLED_AT_LEAST = Fraction(9, 10)
OBJECTS = ("lead", "opportunity", "campaign")


@dataclass(frozen=True)
class Figure:
    """What a month is judged by. `lacks`: sentence part → condition that a record lacks it."""

    key: str
    label: str
    records: str
    rows: Callable[[ZoneInfo], QuerySet[Any]]
    lacks: dict[str, Q]

    def with_day(self, zone: ZoneInfo) -> QuerySet[Any]:
        """All records of the figure with `day` (local) and `is_filled`."""
        missing = Q()
        for condition in self.lacks.values():
            missing |= condition
        filled = Case(When(missing, then=Value(value=False)), default=Value(value=True))
        found: QuerySet[Any] = self.rows(zone).annotate(is_filled=filled)
        return found


def _opened(zone: ZoneInfo) -> QuerySet[Any]:
    day = Coalesce(
        TruncDate("opened_at", tzinfo=zone),
        TruncDate("closed_at", tzinfo=zone),
        F("close_on"),
        TruncDate("first_seen_at", tzinfo=zone),
    )
    return Opportunity.objects.filter(is_deleted=False).annotate(day=day)


def _crossed(zone: ZoneInfo) -> QuerySet[Any]:
    found = MqlCycle.objects.standing().filter(lead_counts("lead"))
    return found.annotate(day=TruncDate("crossed_at", tzinfo=zone))


def _won(zone: ZoneInfo) -> QuerySet[Any]:
    day = Coalesce(
        TruncDate("closed_at", tzinfo=zone), F("close_on"), TruncDate("first_seen_at", tzinfo=zone)
    )
    return Opportunity.objects.filter(is_deleted=False, is_won=True).annotate(day=day)


_AMOUNT = {"amount": Q(amount_minor__isnull=True), "currency": Q(currency="")}
FIGURES = {
    figure.key: figure
    for figure in (
        Figure(
            "pipeline",
            "Pipeline",
            "opportunities opened",
            _opened,
            {"date of opening": Q(opened_at__isnull=True), **_AMOUNT, "stage": Q(stage="")},
        ),
        Figure(
            "mql-to-sql",
            "MQL → SQL",
            "MQLs crossed",
            _crossed,
            {"owner": Q(owner__isnull=True), "complete disposition": Q(is_tagged=False)},
        ),
        Figure(
            "closed-won",
            "Closed-won",
            "opportunities won",
            _won,
            {"date of closing": Q(closed_at__isnull=True), **_AMOUNT},
        ),
    )
}


@dataclass(frozen=True)
class Month:
    """One month of one figure; `first`: its first day. Enough: present, and at least nine of ten are filled."""

    first: date
    total: int
    filled: int

    @property
    def share(self) -> Fraction:
        return Fraction(self.filled, self.total) if self.total else Fraction(0)

    @property
    def is_enough(self) -> bool:
        return self.total > 0 and self.filled * 10 >= self.total * 9

    @property
    def key(self) -> str:
        return f"{self.first:%Y-%m}"


def last_quarters(at: datetime, zone: str, count: int = 4) -> list[Quarter]:
    """The last full quarters before the one of `at`, oldest first."""
    found = [Quarter.of(at, zone).previous()]
    while len(found) < count:
        found.insert(0, found[0].previous())
    return found


def months_of(quarters: list[Quarter]) -> list[date]:
    return [first for quarter in quarters for first in quarter.months()]


def history(figure: Figure, *, at: datetime, zone: str) -> list[Month]:
    """The twelve months of the last four full quarters, oldest first; one statement."""
    months = months_of(last_quarters(at, zone))
    end = last_quarters(at, zone)[-1].next().months()[0]
    rows = (
        figure.with_day(ZoneInfo(zone))
        .filter(day__gte=months[0], day__lt=end)
        .annotate(month=TruncMonth("day"))
        .order_by()
        .values("month")
        .annotate(total=Count("pk"), filled=Count("pk", filter=Q(is_filled=True)))
    )
    counted = {row["month"]: (row["total"], row["filled"]) for row in rows}
    return [Month(first, *counted.get(first, (0, 0))) for first in months]


def unfilled(figure: Figure, first: date, *, zone: str) -> QuerySet[Any]:
    """The records of the month that begins on `first` which lack something, to be paged by key."""
    end = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return figure.with_day(ZoneInfo(zone)).filter(day__gte=first, day__lt=end, is_filled=False)


def missing_of(figure: Figure, record: Any) -> list[str]:
    """What a record of this figure lacks, in words."""
    empty = {
        "date of opening": lambda: record.opened_at is None,
        "date of closing": lambda: record.closed_at is None,
        "amount": lambda: record.amount_minor is None,
        "currency": lambda: not record.currency,
        "stage": lambda: not record.stage,
        "owner": lambda: record.owner_id is None,
        "complete disposition": lambda: not record.is_tagged,
    }
    return [name for name in figure.lacks if empty[name]()]


def last_events() -> dict[str, datetime | None]:
    """When the newest fact of each object that a program needs was received; None: never. By the ledger."""
    newest = " UNION ALL ".join(
        "(SELECT subject, received_at FROM alignment_fact WHERE subject = %s ORDER BY id DESC LIMIT 1)"
        for _ in OBJECTS
    )
    with connection.cursor() as cursor:
        cursor.execute(newest, list(OBJECTS))
        found = dict(cursor.fetchall())
    return {name: found.get(name) for name in OBJECTS}
