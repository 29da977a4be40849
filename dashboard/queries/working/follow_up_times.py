"""Time to the first follow-up, by tier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from alignment.queries.counting import lead_counts_sql
from dashboard.queries.working.shares import Share

LAST = timedelta(days=90)
HIGH_INTENT = "high_intent"
HIGH_INTENT_WITHIN = timedelta(minutes=5)
NURTURE_WITHIN = timedelta(hours=24)

_FOLLOW_UP = f"""
SELECT tier, count(*), count(*) FILTER (WHERE taken < within),
    percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(floor(extract(epoch FROM taken))::bigint, %(never)s))
FROM (
    SELECT tier, first_follow_up_at - started_at AS taken,
        CASE WHEN tier = %(high)s THEN %(high_within)s::interval ELSE %(other_within)s::interval END AS within,
        started_at
    FROM alignment_mqlcycle m JOIN alignment_lead l ON l.id = m.lead_id AND {lead_counts_sql("l")}
    WHERE voided_at IS NULL AND NOT is_history AND started_at >= %(start)s AND started_at < %(end)s
) c WHERE c.started_at + c.within <= %(end)s
GROUP BY tier ORDER BY tier <> %(high)s, tier
"""  # noqa: S608 - constants alone
_NEVER = 2**62


@dataclass(frozen=True)
class TierTime:
    """First follow-ups of one tier. `median`: seconds from crossing; None: the middle one was never followed up."""

    tier: str
    within: timedelta
    share: Share
    median: int | None


def follow_up(*, at: datetime) -> list[TierTime]:
    """First follow-ups of live MQLs that crossed in the last 90 days, by tier, in elapsed time from the crossing.

    MQLs younger than the limit of their tier are left out; those never followed up count as not in time.
    """
    given: dict[str, Any] = {
        "high": HIGH_INTENT,
        "high_within": HIGH_INTENT_WITHIN,
        "other_within": NURTURE_WITHIN,
        "never": _NEVER,
        "start": at - LAST,
        "end": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW_UP, given)
        return [
            TierTime(
                tier,
                HIGH_INTENT_WITHIN if tier == HIGH_INTENT else NURTURE_WITHIN,
                Share(in_time, mqls),
                None if median == _NEVER else median,
            )
            for tier, mqls, in_time, median in cursor.fetchall()
        ]
