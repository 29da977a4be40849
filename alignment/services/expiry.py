"""Bodies of deliveries and files of imports: emptied after their time; what was made of them stays."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import Length

from alignment.models import Delivery, DeliveryState, ImportPiece
from alignment.models.imports import LIVE_STATES
from alignment.retention import Amount, expires

CANNOT_BE_REPLAYED = "Its raw body has expired: it cannot be replayed."


def count_bodies(cut_off: datetime) -> Amount:
    """Bodies received before `cut_off` that nothing waits for."""
    found = Delivery.objects.filter(body__isnull=False, received_at__lt=cut_off)
    total = found.exclude(state=DeliveryState.PENDING).aggregate(rows=Count("pk"), size=Sum(Length("body")))
    return Amount(total["rows"], total["size"] or 0)


@expires("Bodies of deliveries", count=count_bodies)
def empty_bodies(cut_off: datetime, limit: int, at: datetime) -> Amount:
    """Empty the oldest bodies, never those still waiting for the drain, and settle their dead events."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id FROM alignment_delivery
                WHERE body IS NOT NULL AND state <> 'pending' AND received_at < %s
                ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE alignment_delivery d
            SET body_bytes = octet_length(d.body), body_emptied_at = %s, body = NULL
            FROM due WHERE d.id = due.id RETURNING d.id, d.body_bytes
            """,
            [cut_off, limit, at],
        )
        emptied = cursor.fetchall()
    settle_dead([pk for pk, _ in emptied], CANNOT_BE_REPLAYED, at=at)
    return Amount(len(emptied), sum(size for _, size in emptied))


def settle_dead(deliveries: list[int], why: str, *, at: datetime) -> int:
    """Dead events of emptied deliveries wait for nobody any more: nothing can mend them. How many there were.

    What a message quotes of the body goes with it; its code and the rest of the sentence stay.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alignment_deadevent SET
                message = regexp_replace(message, '“[^”]*”?', '“…”', 'g'),
                set_aside_at = coalesce(set_aside_at, CASE WHEN replayed_at IS NULL THEN %(at)s END),
                set_aside_reason = CASE WHEN set_aside_at IS NULL AND replayed_at IS NULL THEN %(why)s
                                        ELSE set_aside_reason END
            WHERE delivery_id = ANY(%(ids)s)
            """,
            {"at": at, "why": why, "ids": deliveries},
        )
        return int(cursor.rowcount)


def count_pieces(cut_off: datetime) -> Amount:
    """Pieces of files whose imports ended before `cut_off`."""
    found = ImportPiece.objects.filter(file__finished_at__lt=cut_off).exclude(file__state__in=LIVE_STATES)
    total = found.aggregate(rows=Count("pk"), size=Sum(Length("body")))
    return Amount(total["rows"], total["size"] or 0)


@expires("Imported files", count=count_pieces)
def empty_pieces(cut_off: datetime, limit: int, at: datetime) -> Amount:
    """Remove the oldest pieces, and what the rejects of their imports quote of the file."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT p.id FROM alignment_importpiece p JOIN alignment_import i ON i.id = p.file_id
                WHERE i.finished_at < %s ORDER BY p.id LIMIT %s FOR UPDATE OF p SKIP LOCKED
            )
            DELETE FROM alignment_importpiece p USING due WHERE p.id = due.id
            RETURNING p.file_id, octet_length(p.body)
            """,
            [cut_off, limit],
        )
        removed = cursor.fetchall()
        cursor.execute(
            """
            UPDATE alignment_importreject SET message = regexp_replace(message, '“[^”]*”?', '“…”', 'g')
            WHERE file_id = ANY(%s) AND message LIKE '%%“%%'
            """,
            [sorted({file for file, _ in removed})],
        )
    return Amount(len(removed), sum(size for _, size in removed))
