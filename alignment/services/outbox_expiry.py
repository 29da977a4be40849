"""Bodies of write-back: emptied after their time; key, state and times stay."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import Length

from alignment.models import OutgoingMessage, OutgoingState
from alignment.retention import Amount, expires

CANNOT_BE_SENT = "Its body has expired: it cannot be sent."


def count_messages(cut_off: datetime) -> Amount:
    """Bodies of write-back written before `cut_off` that wait for no delivery."""
    found = OutgoingMessage.objects.exclude(body="").filter(created_at__lt=cut_off)
    total = found.exclude(state=OutgoingState.PENDING).aggregate(rows=Count("pk"), size=Sum(Length("body")))
    return Amount(total["rows"], total["size"] or 0)


@expires("Messages of write-back", count=count_messages)
def empty_messages(cut_off: datetime, limit: int, at: datetime) -> Amount:
    """Empty the oldest bodies, never those that wait. What was given up can no longer be sent: it is set aside."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id, length(body) AS size FROM alignment_outgoingmessage
                WHERE body <> '' AND state <> 'pending' AND created_at < %(cut_off)s
                ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            )
            UPDATE alignment_outgoingmessage m SET
                body = '', last_answer = '',
                set_aside_at = CASE WHEN state = 'dead' THEN coalesce(set_aside_at, %(at)s) END,
                set_aside_reason = CASE WHEN state = 'dead' AND set_aside_at IS NULL THEN %(why)s
                                        ELSE set_aside_reason END
            FROM due WHERE m.id = due.id RETURNING due.size
            """,
            {"cut_off": cut_off, "limit": limit, "at": at, "why": CANNOT_BE_SENT},
        )
        sizes = [row[0] for row in cursor.fetchall()]
    return Amount(len(sizes), sum(sizes))
