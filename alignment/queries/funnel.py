"""From MQL to a won opportunity, by origin of the lead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db import connection

_FUNNEL = """
SELECT grouping(l.channel) = 1 AS is_total, l.channel, count(*) AS mqls, count(w.won_at) AS won,
       percentile_cont(0.5) WITHIN GROUP (
           ORDER BY extract(epoch FROM w.won_at - c.crossed_at)::double precision / 86400
       ) FILTER (WHERE w.won_at IS NOT NULL) AS median_days,
       count(*) FILTER (WHERE w.won_at < c.crossed_at) AS won_before
FROM (
    SELECT lead_id, min(crossed_at) AS crossed_at FROM alignment_mqlcycle WHERE voided_at IS NULL GROUP BY lead_id
) c
JOIN alignment_lead l ON l.id = c.lead_id AND NOT l.is_deleted
LEFT JOIN (
    SELECT lead_id, min(closed_at) AS won_at FROM alignment_opportunity
    WHERE is_won AND NOT is_deleted GROUP BY lead_id
) w ON w.lead_id = l.id
WHERE (%(start)s::timestamptz IS NULL OR c.crossed_at >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR c.crossed_at < %(end)s)
  AND (%(source)s::bigint IS NULL OR l.source_id = %(source)s)
GROUP BY GROUPING SETS ((l.channel), ()) ORDER BY is_total, mqls DESC, l.channel
"""


@dataclass(frozen=True)
class Conversion:
    """One origin: `channel` None where the CRM left it empty, which is not the same as a channel named “unknown”.

    `median_days`: fractional days from crossing to winning, of those won; None where none was. `won_before`: won
    before they crossed, which the sources state now and then: they count, with their negative days.
    """

    channel: str | None
    mqls: int
    won: int
    median_days: float | None
    won_before: int

    @property
    def rate(self) -> Fraction | None:
        return Fraction(self.won, self.mqls) if self.mqls else None


@dataclass(frozen=True)
class Funnel:
    by_origin: list[Conversion]
    total: Conversion


def mql_to_won(
    *, start: datetime | None = None, end: datetime | None = None, source_id: int | None = None
) -> Funnel:
    """Leads by their first standing MQL cycle, live or of history, that crossed in [start, end); without limit: all.

    Every lead counts once, however many cycles it has. Won: the lead has a won opportunity, however long after the
    crossing (no window cuts it off), dated by the first of them. Deleted leads and opportunities do not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FUNNEL, {"start": start, "end": end, "source": source_id})
        found = cursor.fetchall()
    return Funnel(
        by_origin=[Conversion(*row[1:]) for row in found if not row[0]],
        total=next(Conversion(*row[1:]) for row in found if row[0]),
    )
