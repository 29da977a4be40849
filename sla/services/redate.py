"""Re-dating: running clocks follow their calendar and the time-zone rules, with an audit row each."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from alignment.business_time import tzdata_version
from alignment.pipeline import refold_leads

BATCH = 500
STALE = """
SELECT DISTINCT l.source_id, l.external_id FROM sla_clock c
JOIN alignment_calendarversion own ON own.id = c.calendar_version_id
JOIN alignment_mqlcycle m ON m.id = c.cycle_id
JOIN alignment_lead l ON l.id = m.lead_id
WHERE c.settled_at IS NULL AND (
    c.tzdata <> %s OR EXISTS (
        SELECT 1 FROM alignment_calendarversion later
        WHERE later.calendar_id = own.calendar_id
          AND later.number > own.number AND later.effective_from <= c.due_at
    )
)
ORDER BY 1, 2 LIMIT %s
"""


def redate_clocks(*, at: datetime) -> int:
    """Give running clocks the due time that today's calendar versions and zone rules say; leads looked at.

    An exception acts only on instants after it was entered, so the part of a clock that has run stays as it was.
    """
    seen = 0
    while True:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(STALE, [tzdata_version(), BATCH])
                keys = {(source, external_id) for source, external_id in cursor.fetchall()}
            if keys:
                refold_leads(keys, at=at, reason="calendar or time-zone rules changed")
        seen += len(keys)
        if len(keys) < BATCH:
            return seen
