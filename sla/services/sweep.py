"""The sweep: stamp breaches and warnings, each once, however many workers sweep."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from alignment.business_time import tzdata_version
from alignment.models import DirtyDay, Heartbeat, Organisation
from alignment.queries.inbox import processed_up_to
from sla.models import METRIC

BATCH = 5000

BREACH = """
WITH due AS (
    SELECT id FROM sla_clock
    WHERE settled_at IS NULL AND due_at < %(at)s
      -- what a dispute holds stands still; one that was filed after the due time holds nothing
      AND (held_since IS NULL OR held_since >= due_at)
      -- a clock whose calendar or zone rules changed under it is re-dated before it is judged
      AND (calendar_version_id IS NULL OR tzdata = %(tzdata)s)
      AND NOT EXISTS (
          SELECT 1 FROM alignment_calendarversion own
          JOIN alignment_calendarversion later USING (calendar_id)
          WHERE own.id = sla_clock.calendar_version_id
            AND later.number > own.number AND later.effective_from <= sla_clock.due_at
      )
    ORDER BY due_at LIMIT %(batch)s
    FOR UPDATE OF sla_clock SKIP LOCKED
), stamped AS (
    UPDATE sla_clock c
    SET breached_at = c.due_at, settled_at = %(now)s, outcome = 'missed'
    FROM due WHERE c.id = due.id
    RETURNING c.id, c.due_at, c.agreement_id, c.calendar_version_id, c.owner_id
), logged AS (
    INSERT INTO sla_breach (clock_id, breached_at, stamped_at, agreement_id, calendar_version_id, owner_id)
    SELECT id, due_at, %(now)s, agreement_id, calendar_version_id, owner_id FROM stamped
    RETURNING breached_at
)
SELECT date_bin('15 minutes', breached_at, 'epoch'), count(*) FROM logged GROUP BY 1
"""
WARN = """
WITH due AS (
    SELECT id FROM sla_clock
    WHERE settled_at IS NULL AND warned_at IS NULL AND warn_at <= %(at)s AND due_at >= %(at)s
      AND held_since IS NULL
    ORDER BY warn_at LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE sla_clock c SET warned_at = %(at)s FROM due WHERE c.id = due.id
"""


def mark_breached(*, at: datetime) -> int:
    """Stamp every running clock whose due time has passed; how many were stamped.

    Judges only up to the point to which the inbox is processed, so that a backlog is not taken for silence. The
    breach's time is the due time, whenever the sweep comes by.
    """
    judged_to = min(at, processed_up_to(at=at))
    zone = ZoneInfo(Organisation.get().zone)
    total = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(BREACH, {"at": judged_to, "now": at, "batch": BATCH, "tzdata": tzdata_version()})
            # a quarter of an hour lies within one day of any zone
            quarters = cursor.fetchall()
            days = {start.astimezone(zone).date() for start, _ in quarters}
            stamped: int = sum(count for _, count in quarters)
            DirtyDay.objects.bulk_create([DirtyDay(metric=METRIC, day=day) for day in sorted(days)])
        total += stamped
        if stamped < BATCH:
            break
    Heartbeat.objects.update_or_create(name="sweep", defaults={"beat_at": at, "period": timedelta(seconds=5)})
    return total


def mark_warned(*, at: datetime) -> int:
    """Mark clocks that have used up the agreed share of their budget, once each."""
    with connection.cursor() as cursor:
        cursor.execute(WARN, {"at": at, "batch": BATCH})
        warned: int = cursor.rowcount
    return warned
