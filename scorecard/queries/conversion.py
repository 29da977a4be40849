"""Conversion: leads created in the window, by the demand states for which there is evidence.

A lead counts once, with all records merged into it. It reached a state when there is evidence of that state or of a
later one. A state that the data says nothing about is not known; it is never guessed from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

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
_ROWS = f"""
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
    WHERE NOT t.is_deleted AND t.touched_at IS NOT NULL AND (t.function <> 'sales' OR t.is_connected)
), crossed AS (
    SELECT k.id, bool_or(m.accepted_at IS NOT NULL OR m.disposition = 'converted') AS is_accepted
    FROM record k JOIN alignment_mqlcycle m ON m.lead_id = k.record_id WHERE m.voided_at IS NULL GROUP BY k.id
), won AS (
    SELECT DISTINCT k.id FROM record k JOIN alignment_opportunity o ON o.lead_id = k.record_id WHERE NOT o.is_deleted
)
SELECT c.id, c.external_id, s.key, c.created_at, t.id IS NOT NULL, m.id IS NOT NULL,
       coalesce(m.is_accepted, false), w.id IS NOT NULL
FROM cohort c JOIN alignment_source s ON s.id = c.source_id
LEFT JOIN touched t ON t.id = c.id LEFT JOIN crossed m ON m.id = c.id LEFT JOIN won w ON w.id = c.id
ORDER BY c.id DESC
"""  # noqa: S608 - constants alone
# Whether the data can tell of a state at all.
_TELLS_TOUCHES = "SELECT EXISTS (SELECT FROM alignment_touch WHERE NOT is_deleted AND touched_at IS NOT NULL)"
_TELLS_ACCEPTANCE = (
    "SELECT EXISTS (SELECT FROM alignment_mqlcycle WHERE voided_at IS NULL AND disposition <> '')"
)
Qualified = Callable[[list[int]], set[int]]
"""Of leads by their keys those for which the signed definition of an SQL holds."""


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
    qualified: Qualified | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[ConversionRow]:
    """The leads of the cohort by falling key, from below `before` on; `limit`: at most so many."""
    given = {"start": window.starts_at, "end": window.ends_at, "before": before, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, given)
        while found := cursor.fetchmany(2000):
            holds = qualified([row[0] for row in found]) if qualified is not None else None
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


def measure_conversion(window: Window, *, at: datetime, qualified: Qualified | None = None) -> Conversion:
    """`qualified`: the signed predicate of an SQL where one is in force."""
    order = list(STATES)
    reached = dict.fromkeys(order, 0)
    mqls = sqls = sqls_opened = young = 0
    for row in conversion_rows(window, qualified=qualified):
        for key in order[: order.index(row.reached) + 1]:
            reached[key] += 1
        is_sql = row.has["accepted"] if qualified is None else row.has["qualified"]
        became_sql = bool(row.has["mql"] and is_sql)
        mqls += bool(row.has["mql"])
        sqls += became_sql
        sqls_opened += became_sql and bool(row.has["opportunity"])
        young += row.created_at > at - YOUNG
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


def _asked(question: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return bool(cursor.fetchone()[0])
