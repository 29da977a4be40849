"""Compliance roll-up per local day of the due time. Dirty days are recomputed whole: late events, re-dating and
restatement just dirty an old day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import connection, transaction

from alignment.business_time import local_day_bounds
from alignment.models import DirtyDay, Heartbeat, Organisation
from sla.models import METRIC, ComplianceDay

COUNTED = """
SELECT d.day, c.kind, c.team_id, c.owner_id, c.segment,
       count(*) FILTER (WHERE c.outcome = 'met') AS met,
       count(*) FILTER (WHERE c.outcome IN ('missed', 'restated')) AS missed,
       count(*) FILTER (WHERE c.outcome = 'restated') AS restated,
       count(*) FILTER (WHERE c.outcome = 'open') AS running,
       -- as MqlCycle.is_closed_untagged says it
       count(*) FILTER (WHERE c.kind = 'disposition' AND c.outcome = 'met' AND CASE WHEN m.closed_at IS NULL
                        THEN m.crm_closed_at IS NOT NULL ELSE NOT m.is_tagged END) AS untagged,
       count(*) FILTER (WHERE c.outcome = 'not_owed') AS recycled
FROM unnest(%s::date[], %s::timestamptz[], %s::timestamptz[]) AS d(day, starts_at, ends_at)
JOIN sla_clock c ON c.due_at >= d.starts_at AND c.due_at < d.ends_at
JOIN alignment_mqlcycle m ON m.id = c.cycle_id AND m.voided_at IS NULL
WHERE c.outcome <> 'not_owed' OR c.kind = 'disposition' AND m.is_by_clause
GROUP BY 1, 2, 3, 4, 5
"""
COLUMNS = "day, kind, team_id, owner_id, segment, met, missed, restated, running, untagged, recycled"


def roll_up(*, at: datetime) -> int:
    """Recompute the days that facts made dirty; how many. One roll-up at a time, others return at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('sla.compliance'))")
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute("DELETE FROM alignment_dirtyday WHERE metric = %s RETURNING day", [METRIC])
        days = sorted({row[0] for row in cursor.fetchall()})
        _recompute(days)
    Heartbeat.objects.update_or_create(
        name="roll-up", defaults={"beat_at": at, "period": timedelta(seconds=3)}
    )
    return len(days)


def _recompute(days: Sequence[date]) -> None:
    if not days:
        return
    ComplianceDay.objects.filter(day__in=days).delete()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO sla_complianceday ({COLUMNS}) {COUNTED}", _bounds(days))


def _bounds(days: Sequence[date]) -> list[list[object]]:
    zone = Organisation.get().zone
    bounds = [local_day_bounds(day, zone) for day in days]
    return [list(days), [start for start, _ in bounds], [end for _, end in bounds]]


def mark_all_days_dirty() -> int:
    """Have every day counted anew, as when days are cut in another zone; how many.

    One more at either end: clocks of a batch that is still under way may fall there. What such a batch marks by
    the zone before is found by the nightly comparison.
    """
    days = _all_days()
    if days:
        days |= {min(days) - timedelta(days=1), max(days) + timedelta(days=1)}
    DirtyDay.objects.bulk_create([DirtyDay(metric=METRIC, day=day) for day in sorted(days)])
    return len(days)


def _all_days() -> set[date]:
    """Local days in the roll-up, and those from the first clock's due time to the last one's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(due_at), max(due_at) FROM sla_clock")
        first, last = cursor.fetchone()
    days = set(ComplianceDay.objects.values_list("day", flat=True).distinct())
    if first is not None:
        tz = Organisation.get().tz
        start = first.astimezone(tz).date()
        days |= {start + timedelta(days=n) for n in range((last.astimezone(tz).date() - start).days + 1)}
    return days


def compare_roll_up(*, at: datetime) -> list[date]:
    """Days on which the roll-up differs from its base tables, which are then marked dirty again.

    Days that are dirty already are left out: they are known to be behind.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        days = _all_days()
        days -= set(DirtyDay.objects.filter(metric=METRIC).values_list("day", flat=True))
        ordered = sorted(days)
        cursor.execute(
            f"""
            WITH base AS ({COUNTED}), kept AS (SELECT {COLUMNS} FROM sla_complianceday WHERE day = ANY(%s))
            SELECT DISTINCT day FROM (
                (SELECT * FROM base EXCEPT SELECT * FROM kept) UNION ALL (SELECT * FROM kept EXCEPT SELECT * FROM base)
            ) AS difference ORDER BY day
            """,  # noqa: S608 - the statements are constants of this module
            [*_bounds(ordered), ordered],
        )
        different = [row[0] for row in cursor.fetchall()]
        DirtyDay.objects.bulk_create([DirtyDay(metric=METRIC, day=day) for day in different])
    return different
