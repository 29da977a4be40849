"""Lead to opportunity by who sourced the lead, and whether the two conversions move together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from alignment.quarters import Quarter
from alignment.queries.counting import lead_counts_sql
from alignment.ruled_sources import ruled_sources
from dashboard.queries.working.shares import Share, span

WINDOW = timedelta(days=90)  # from a lead's creation to its opportunity
SIDES = ("marketing", "sales")
TOO_FEW = 30  # leads of a side in a quarter: fewer say nothing about a movement

_CONVERSION = f"""
SELECT width_bucket(l.made_at, %(edges)s::timestamptz[]) AS place, l.sourced_function, l.by_ruling, count(*),
    count(*) FILTER (WHERE d.opened_at < l.made_at + %(window)s::interval),
    count(*) FILTER (WHERE x.lead_id IS NOT NULL),
    count(*) FILTER (WHERE x.lead_id IS NOT NULL AND d.opened_at < l.made_at + %(window)s::interval)
FROM (
    SELECT id, sourced_function, coalesce(u.function, sourced_function) AS by_ruling,
        coalesce(crm_created_at, first_seen_at) AS made_at
    FROM alignment_lead r
    LEFT JOIN unnest(%(ruled_leads)s::bigint[], %(leads_by_ruling)s::text[]) AS u(lead_id, function) ON u.lead_id = r.id
    WHERE {lead_counts_sql("r")} AND merged_into_id IS NULL
      AND (sourced_function IN ('marketing', 'sales') OR u.function IN ('marketing', 'sales'))
      AND coalesce(crm_created_at, first_seen_at) >= %(start)s AND coalesce(crm_created_at, first_seen_at) < %(end)s
) l
LEFT JOIN (
    SELECT coalesce(r.merged_into_id, r.id) AS lead_id, min(coalesce(o.opened_at, o.first_seen_at)) AS opened_at
    FROM alignment_opportunity o JOIN alignment_lead r ON r.id = o.lead_id
    WHERE NOT o.is_deleted GROUP BY 1
) d ON d.lead_id = l.id
LEFT JOIN (
    SELECT DISTINCT coalesce(r.merged_into_id, r.id) AS lead_id FROM sla_consequencecycle e
    JOIN alignment_mqlcycle m ON m.id = e.cycle_id AND m.voided_at IS NULL JOIN alignment_lead r ON r.id = m.lead_id
    WHERE NOT EXISTS (SELECT FROM sla_consequenceundone u WHERE u.entry_id = e.id)
) x ON x.lead_id = l.id
GROUP BY 1, 2, 3
"""  # noqa: S608 - constants alone


@dataclass(frozen=True)
class QuarterOfConversion:
    """Leads created in a quarter and those of them with an opportunity opened within the window.

    `is_complete`: the window of the last of them is over, so that the figure cannot rise any more. `after_clause`:
    marketing's without the leads of MQLs that a standing consequence of the SLA took out of both numbers. `ruled`:
    (marketing, sales) by the function that rulings say in the stead of the first touch; None: they change neither.
    """

    quarter: Quarter
    marketing: Share
    sales: Share
    is_complete: bool
    after_clause: Share | None = None
    ruled: tuple[Share, Share] | None = None

    @property
    def taken_out(self) -> int:
        """Marketing-sourced leads that the clause took out."""
        return self.marketing.whole - self.after_clause.whole if self.after_clause else 0


@dataclass(frozen=True)
class Movement:
    """How the two conversions moved from one quarter to the next, both complete. `word`: together, still (both stayed),
    diverging (one rose and the other fell), apart (one alone moved), or unknown."""

    word: str
    sentence: str
    before: Quarter | None = None
    after: Quarter | None = None


def conversion(quarters: Sequence[Quarter], *, zone: str, at: datetime) -> list[QuarterOfConversion]:
    """Of the leads created in each quarter, how many had an opportunity opened within 90 days of their creation."""
    given = span(quarters, zone) | {"window": WINDOW} | ruled_sources().parameters
    counts = defaultdict[tuple[int, str], Share](Share)
    stay = defaultdict[tuple[int, str], Share](Share)
    ruled = defaultdict[tuple[int, str], Share](Share)
    with connection.cursor() as cursor:
        cursor.execute(_CONVERSION, given)
        for place, side, by_ruling, leads, converted, out, out_converted in cursor.fetchall():
            counts[place - 1, side] += Share(converted, leads)
            stay[place - 1, side] += Share(converted - out_converted, leads - out)
            ruled[place - 1, by_ruling] += Share(converted, leads)
    return [
        QuarterOfConversion(
            quarter,
            counts[place, "marketing"],
            counts[place, "sales"],
            quarter.ends_at(zone) + WINDOW <= at,
            stay[place, "marketing"],
            (ruled[place, "marketing"], ruled[place, "sales"])
            if any(ruled[place, side] != counts[place, side] for side in SIDES)
            else None,
        )
        for place, quarter in enumerate(quarters)
    ]


def movement(found: Sequence[QuarterOfConversion]) -> Movement:
    """Whether the two conversions moved the same way between the last two complete quarters."""
    complete = [each for each in found if each.is_complete]
    if len(complete) < 2:
        return Movement("unknown", "Two quarters must be complete before a movement can be told.")
    before, after = complete[-2:]
    sides = (before.marketing, before.sales, after.marketing, after.sales)
    if any(side.whole < TOO_FEW for side in sides):
        said = f"Fewer than {TOO_FEW} leads of a side in a quarter say nothing about a movement."
        return Movement("unknown", said, before.quarter, after.quarter)
    ways = [_way(before.marketing, after.marketing), _way(before.sales, after.sales)]
    names = ("marketing-sourced", "sales-sourced")
    said = " and ".join(f"{name} {way}" for name, way in zip(names, ways, strict=True))
    if ways == ["stayed", "stayed"]:
        word = "still"
    else:
        word = "together" if ways[0] == ways[1] else "apart" if "stayed" in ways else "diverging"
    sentence = f"From {before.quarter.name} to {after.quarter.name}: {said}."
    return Movement(word, sentence, before.quarter, after.quarter)


def _way(before: Share, after: Share) -> str:
    """A change that one lead more or less would undo is none."""
    if (after.part - 1) * before.whole > before.part * after.whole:
        return "rose"
    return "fell" if (after.part + 1) * before.whole < before.part * after.whole else "stayed"
