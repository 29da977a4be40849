"""Conversion: leads created in the window, by the demand states for which there is evidence.

A lead counts once, with all records merged into it. It reached a state when there is evidence of that state or of a
later one. A state that the data says nothing about is not known; it is never guessed from the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from alignment.models import MqlCycle
from alignment.queries.counting import lead_counts_sql
from scorecard.measures import Conversion, State, Window

YOUNG = timedelta(days=90)
STATES: Mapping[str, tuple[str, str]] = {
    "inquiry": ("Inquiry", "The lead is there: created in the CRM within the window."),
    "engaged": (
        "Engaged",
        "At least one touch of a marketing program, a partner, the product or a referral, or a contact in which the "
        "lead took part; an attempt that nobody answered is none.",
    ),
    "mql": ("MQL", "A standing MQL cycle: the lead crossed the trigger."),
    "accepted": ("Accepted (SAL)", "Sales set “working” or “converted” on one of its MQL cycles."),
    "qualified": ("Qualified (SQL)", "The signed definition of an SQL holds for it."),
    "opportunity": ("Opportunity", "An opportunity of it was created and not deleted."),
}
NO_PREDICATE = "accepted by sales; no SQL definition is signed"
SIGNED_PREDICATE = "by the signed definition"
_EVIDENCE = f"""
WITH cohort AS (
    SELECT l.id, l.external_id, l.source_id, coalesce(l.crm_created_at, l.first_seen_at) AS created_at
    FROM alignment_lead l
    WHERE l.merged_into_id IS NULL
      AND coalesce(l.crm_created_at, l.first_seen_at) >= %(start)s
      AND coalesce(l.crm_created_at, l.first_seen_at) < %(end)s
      AND (%(before)s::bigint IS NULL OR l.id < %(before)s)
      AND {lead_counts_sql("l")}
    ORDER BY l.id DESC LIMIT %(limit)s
), record AS (
    SELECT id, id AS record_id FROM cohort
    UNION ALL
    SELECT c.id, r.id FROM cohort c JOIN alignment_lead r ON r.merged_into_id = c.id
    WHERE {lead_counts_sql("r")}
), touched AS (
    SELECT DISTINCT k.id FROM record k JOIN alignment_touch t ON t.lead_id = k.record_id
    WHERE NOT t.is_deleted AND t.touched_at <= %(at)s AND (t.function <> 'sales' OR t.is_connected)
), crossed AS (
    SELECT k.id, bool_or(m.accepted_at <= %(at)s OR (m.disposition = 'converted'
                         AND coalesce(m.disposed_at, m.crossed_at) <= %(at)s)) AS is_accepted
    FROM record k JOIN alignment_mqlcycle m ON m.lead_id = k.record_id
    WHERE m.voided_at IS NULL AND m.crossed_at <= %(at)s GROUP BY k.id
), won AS (
    SELECT DISTINCT k.id FROM record k JOIN alignment_opportunity o ON o.lead_id = k.record_id
    WHERE NOT o.is_deleted AND coalesce(o.opened_at, o.first_seen_at) <= %(at)s
)
"""  # noqa: S608 - constants alone
_ROWS = f"""
{_EVIDENCE}
SELECT c.id, c.external_id, s.key, c.created_at, t.id IS NOT NULL, m.id IS NOT NULL,
       coalesce(m.is_accepted, false), w.id IS NOT NULL
FROM cohort c JOIN alignment_source s ON s.id = c.source_id
LEFT JOIN touched t ON t.id = c.id LEFT JOIN crossed m ON m.id = c.id LEFT JOIN won w ON w.id = c.id
ORDER BY c.id DESC
"""  # noqa: S608 - constants alone
# All counts at once. `evidence`: by lead, what each state asks for; {qualified} names records that meet the predicate.
_COUNTS = f"""
{_EVIDENCE}, qualified AS (SELECT DISTINCT k.id FROM record k JOIN ({{qualified}}) q ON q.lead_id = k.record_id),
evidence AS (
    SELECT c.created_at, t.id IS NOT NULL AS engaged, m.id IS NOT NULL AS mql,
           coalesce(m.is_accepted, false) AS accepted, q.id IS NOT NULL AS qualified, w.id IS NOT NULL AS opportunity
    FROM cohort c LEFT JOIN touched t ON t.id = c.id LEFT JOIN crossed m ON m.id = c.id
    LEFT JOIN won w ON w.id = c.id LEFT JOIN qualified q ON q.id = c.id
)
SELECT count(*),
       count(*) FILTER (WHERE engaged OR mql OR accepted OR qualified OR opportunity),
       count(*) FILTER (WHERE mql OR accepted OR qualified OR opportunity),
       count(*) FILTER (WHERE accepted OR qualified OR opportunity),
       count(*) FILTER (WHERE qualified OR opportunity),
       count(*) FILTER (WHERE opportunity),
       count(*) FILTER (WHERE mql),
       count(*) FILTER (WHERE mql AND {{sql}}),
       count(*) FILTER (WHERE mql AND {{sql}} AND opportunity),
       count(*) FILTER (WHERE created_at > %(young)s)
FROM evidence
"""  # noqa: S608 - constants alone
_NOBODY = "SELECT NULL::bigint AS lead_id WHERE false"
# Whether the data can tell of a state at all.
_TELLS_TOUCHES = "SELECT EXISTS (SELECT FROM alignment_touch WHERE NOT is_deleted AND touched_at IS NOT NULL)"
_TELLS_ACCEPTANCE = (
    "SELECT EXISTS (SELECT FROM alignment_mqlcycle WHERE voided_at IS NULL AND disposition <> '')"
)


@dataclass(frozen=True)
class ConversionRow:
    """One lead; `has` the evidence of each state (qualified None: not known), `reached` the furthest state."""

    pk: int
    lead: str
    source: str
    created_at: datetime
    has: Mapping[str, bool | None]

    @property
    def reached(self) -> str:
        return [key for key in STATES if self.has[key]][-1]


def conversion_rows(
    window: Window,
    *,
    at: datetime,
    qualified: QuerySet[MqlCycle] | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[ConversionRow]:
    """The leads of the cohort by falling key with what had happened by `at`, from below `before` on; `limit`: at most
    so many. `qualified`: the cycles that meet the signed definition of an SQL where one is signed."""
    given = {"start": window.starts_at, "end": window.ends_at, "at": at, "before": before, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, given)
        while found := cursor.fetchmany(2000):
            holds = _those_of(qualified, [row[0] for row in found]) if qualified is not None else None
            for pk, lead, source, created_at, touched, crossed, accepted, opportunity in found:
                has = {
                    "inquiry": True,
                    "engaged": touched,
                    "mql": crossed,
                    "accepted": accepted,
                    "qualified": None if holds is None else pk in holds,
                    "opportunity": opportunity,
                }
                yield ConversionRow(pk, lead, source, created_at, has)


def _those_of(qualified: QuerySet[MqlCycle], leads: list[int]) -> set[int]:
    """Of some leads those of which a cycle, or one of a record merged into them, is among these."""
    own = qualified.filter(lead__in=leads).values_list("lead_id", flat=True)
    merged = qualified.filter(lead__merged_into__in=leads).values_list("lead__merged_into_id", flat=True)
    return {pk for pk in (*own, *merged) if pk is not None}


def measure_conversion(
    window: Window, *, at: datetime, qualified: QuerySet[MqlCycle] | None = None
) -> Conversion:
    """`qualified`: see conversion_rows. Counted by the database in one pass."""
    given = {"start": window.starts_at, "end": window.ends_at, "at": at, "before": None, "limit": None}
    given |= {"young": at - YOUNG}
    predicate, named = _named(qualified) if qualified is not None else (_NOBODY, {})
    is_sql = "accepted" if qualified is None else "qualified"
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS.format(qualified=predicate, sql=is_sql), given | named)
        *counts, mqls, sqls, sqls_opened, young = cursor.fetchone()
    reached = dict(zip(STATES, counts, strict=True))
    known = {
        "engaged": _asked(_TELLS_TOUCHES),
        "accepted": _asked(_TELLS_ACCEPTANCE),
        "qualified": qualified is not None,
    }
    states = tuple(
        State(key, label, reached[key] if known.get(key, True) else None, evidence)
        for key, (label, evidence) in STATES.items()
    )
    tells_sqls = qualified is not None or known["accepted"]
    means = SIGNED_PREDICATE if qualified is not None else NO_PREDICATE
    return Conversion(states, mqls, sqls if tells_sqls else None, sqls_opened, means, young)


def _named(found: QuerySet[MqlCycle]) -> tuple[str, dict[str, Any]]:
    """The leads of cycles as SQL with parameters by name, so that it fits into a query that has such."""
    sql, values = found.order_by().values("lead_id").query.sql_with_params()
    places = count()
    named = re.sub(r"%%|%s", lambda sign: "%%" if sign[0] == "%%" else f"%(predicate_{next(places)})s", sql)
    return named, {f"predicate_{place}": value for place, value in enumerate(values)}


def _asked(question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])
