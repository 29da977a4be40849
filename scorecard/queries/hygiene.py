"""Handoff hygiene: MQL cycles that crossed in the window, and whether each was followed up in time.

The window runs from the crossing (of a live cycle: from where its clocks run), whoever was assigned when: it asks how
long a lead waited for sales. Business hours are those of the team of whoever owns it (see FollowUpWindow). Follow-up
is the first attempt by sales, or the dated closing of the cycle.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from alignment.models import MqlCycle
from alignment.queries.counting import lead_counts, lead_counts_sql
from scorecard.measures import Hygiene, Window
from scorecard.queries.window import FollowUpWindow

OUTCOMES = {
    "met": "Followed up in time",
    "missed": "Not followed up in time",
    "running": "Not due yet, left out",
}
_FIELDS = (
    "pk",
    "started_at",
    "first_follow_up_at",
    "owner_id",
    "crossed_at",
    "lead__source__key",
    "lead__external_id",
    "lead__merged_into_id",
    "lead_id",
    "is_history",
    "owner__team__calendar_id",
)
# Opportunities opened in the window by leads, or by records merged into them, that crossed in it: per currency their
# amounts and the cycles of their leads. The row without a currency: the cycles of leads with a deal in any.
_PIPELINE = f"""
WITH crossed AS (
    SELECT coalesce(r.merged_into_id, r.id) AS lead_id, count(*) AS cycles
    FROM alignment_mqlcycle c JOIN alignment_lead r ON r.id = c.lead_id
    WHERE c.voided_at IS NULL AND c.crossed_at >= %(start)s AND c.crossed_at < %(end)s AND {lead_counts_sql("r")}
    GROUP BY 1
), deal AS (
    SELECT coalesce(l.merged_into_id, l.id) AS lead_id, upper(o.currency) AS currency, sum(o.amount_minor) AS amount
    FROM alignment_opportunity o JOIN alignment_lead l ON l.id = o.lead_id
    WHERE NOT o.is_deleted AND o.amount_minor IS NOT NULL AND o.opened_at >= %(start)s AND o.opened_at < %(end)s
    GROUP BY 1, 2
)
SELECT d.currency, sum(d.amount)::bigint, sum(c.cycles)::bigint FROM deal d JOIN crossed c USING (lead_id) GROUP BY 1
UNION ALL
SELECT NULL, NULL, sum(c.cycles)::bigint FROM crossed c WHERE c.lead_id IN (SELECT lead_id FROM deal)
ORDER BY 1
"""  # noqa: S608 - constants alone


@dataclass(frozen=True)
class HygieneRow:
    """One MQL cycle. `due_at`: when the window ended, or will; `calendar`: by whose hours, None where all count.
    `outcome` is one of OUTCOMES."""

    pk: int
    crossed_at: datetime
    started_at: datetime
    due_at: datetime
    followed_up_at: datetime | None
    is_assigned: bool
    outcome: str
    source: str
    lead: str
    lead_id: int
    is_history: bool
    calendar: int | None


def hygiene_rows(
    window: Window,
    within: FollowUpWindow,
    *,
    at: datetime,
    group: str = "",
    before: int | None = None,
    limit: int | None = None,
) -> Iterator[HygieneRow]:
    """The cycles of the cohort by falling key as they stood `at` that moment, from below `before` on; `limit`: at most
    so many. With a group only cycles that can be in it are read, all of them and some others. Read in chunks."""
    found = MqlCycle.objects.standing().filter(
        lead_counts("lead"), crossed_at__gte=window.starts_at, crossed_at__lt=window.ends_at
    )
    if group == "running":
        found = found.filter(started_at__gte=within.open_since(at))
    elif group == "met":
        found = found.filter(first_follow_up_at__lte=at)
    elif group == "unassigned":
        found = found.filter(owner=None)
    if before is not None:
        found = found.filter(pk__lt=before)
    ordered = found.order_by("-pk").values_list(*_FIELDS)
    for row in ordered[:limit].iterator(chunk_size=2000):
        (
            pk,
            started_at,
            followed_up_at,
            owner,
            crossed_at,
            source,
            external_id,
            merged_into,
            lead,
            history,
            team,
        ) = row
        if followed_up_at is not None and followed_up_at > at:
            followed_up_at = None  # nobody knew of it then
        due_at, calendar = within.due(started_at, team), within.calendar_of(team)
        if followed_up_at is not None and followed_up_at <= due_at:
            outcome = "met"
        else:
            outcome = "missed" if due_at <= at else "running"
        yield HygieneRow(
            pk, crossed_at, started_at, due_at, followed_up_at, owner is not None, outcome, source, external_id,
            merged_into or lead, history, calendar,
        )  # fmt: skip


def measure_hygiene(window: Window, within: FollowUpWindow, *, at: datetime) -> Hygiene:
    """Raises NoOpenTime where the calendar opens too seldom for the window."""
    counts = dict.fromkeys(OUTCOMES, 0)
    unassigned = recorded = 0
    used: set[int | None] = set()
    for row in hygiene_rows(window, within, at=at):
        counts[row.outcome] += 1
        unassigned += row.outcome == "missed" and not row.is_assigned
        recorded += row.followed_up_at is not None
        used.add(row.calendar)
    return Hygiene(
        within=within.words(used),
        met=counts["met"],
        missed=counts["missed"],
        running=counts["running"],
        unassigned=unassigned,
        recorded=recorded,
        **_pipeline(window),
    )


def _pipeline(window: Window) -> dict[str, Any]:
    """The three figures of Hygiene that are about deals."""
    with connection.cursor() as cursor:
        cursor.execute(_PIPELINE, {"start": window.starts_at, "end": window.ends_at})
        found = cursor.fetchall()
    return {
        "pipeline": {currency: amount for currency, amount, _ in found if currency is not None},
        "with_deals": {currency: cycles for currency, _, cycles in found if currency is not None},
        "with_any_deal": next((cycles or 0 for currency, _, cycles in found if currency is None), 0),
    }
