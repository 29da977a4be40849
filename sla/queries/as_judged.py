"""What the follow-up clause counts otherwise than a replay: it knows a breach first, and late evidence afterwards.

A breach that evidence disproved when it was stamped already stays a miss for the clause; one that a ruling set aside
counts as met. Both are few beside all promises, so each is looked at by itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Max

from sla.models import ClockCorrection, ClockKind, Outcome
from sla.queries.disputes import set_aside_clocks
from sla.queries.replay import Replayed, held_outcomes, statement_of, tables_of

KIND = ClockKind.FOLLOW_UP


@dataclass
class Otherwise:
    """What is added to the counts of a replay, of the first follow-ups that fall due in a month; may be negative."""

    missed: int = 0
    due: int = 0

    def add(self, outcome: str, *, was_late: bool, is_set_aside: bool) -> None:
        """A promise that the replay counts as `outcome`. `was_late`: it was due before the evidence was there."""
        if outcome == "missed":
            self.missed -= is_set_aside
        elif was_late and outcome in ("met", "not_owed"):
            self.missed += not is_set_aside
            self.due += outcome == "not_owed"


_FEW = """
SELECT cycle_id, cell, outcome, calendar_id, due FROM judged
WHERE cell BETWEEN 1 AND %(cells)s AND cycle_id = ANY(%(few)s)
"""


def otherwise(asked: Replayed) -> dict[date, Otherwise]:
    """By first day of the month in which they would have fallen due."""
    corrected, set_aside = _corrected(), _set_aside()
    few = sorted(corrected.keys() | set_aside)
    found: dict[date, Otherwise] = defaultdict(Otherwise)
    if not few:
        return found
    cells = asked.span.cells()
    statement, given = statement_of(asked, [KIND])
    if given["calendars"]:
        tables = tables_of(asked, [KIND])
        with connection.cursor() as cursor:
            cursor.execute(statement + _FEW, given | {"few": few})
            for cycle, cell, outcome, calendar, due in cursor.fetchall():
                at = corrected.get(cycle)
                was_late = at is not None and due < tables[calendar].mark(at)
                month = cells[cell - 1].replace(day=1)
                found[month].add(outcome, was_late=was_late, is_set_aside=cycle in set_aside)
    for held, outcome, due_at, day in held_outcomes(asked, [KIND]):
        at = corrected.get(held.cycle_id)
        if day is not None:
            was_late = at is not None and due_at < at
            is_set_aside = held.cycle_id in set_aside
            found[day.replace(day=1)].add(outcome, was_late=was_late, is_set_aside=is_set_aside)
    return found


def _corrected() -> dict[int, datetime]:
    """By cycle when evidence disproved the breach of its first follow-up."""
    rows = ClockCorrection.objects.filter(
        clock__kind=KIND, clock__outcome=Outcome.RESTATED, clock__cycle__voided_at__isnull=True
    )
    newest = rows.order_by().values_list("clock__cycle_id").annotate(Max("corrected_at"))
    return dict(newest)


def _set_aside() -> set[int]:
    """Cycles the breach of whose first follow-up a ruling set aside."""
    return set(set_aside_clocks(with_restated=True).filter(kind=KIND).values_list("cycle_id", flat=True))
