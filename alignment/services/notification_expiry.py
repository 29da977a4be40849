"""Texts of mails and notifications: emptied after their time, and where they name somebody who is erased."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import Length

from alignment.erasure import SHORTEST_NAME, Erasing, erases
from alignment.models import MailState, Notification, OutgoingMail
from alignment.retention import Amount, expires

NAMED_SOMEBODY = "It named somebody who was erased: it is not sent."


def count_mails(cut_off: datetime) -> Amount:
    """Texts of mails entered before `cut_off` that wait for no attempt."""
    found = OutgoingMail.objects.exclude(text="").exclude(state=MailState.WAITING)
    total = found.filter(created_at__lt=cut_off).aggregate(rows=Count("pk"), size=Sum(Length("text")))
    return Amount(total["rows"], total["size"] or 0)


@expires("Texts of mails", count=count_mails)
def empty_mails(cut_off: datetime, limit: int, at: datetime) -> Amount:
    """Empty text and attachments of the oldest; subject, address and times stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id, length(text) AS size FROM alignment_outgoingmail
                WHERE text <> '' AND created_at < %s AND state <> 'waiting'
                ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE alignment_outgoingmail m SET text = '', attachments = '[]'
            FROM due WHERE m.id = due.id RETURNING due.size
            """,
            [cut_off, limit],
        )
        return _amount(cursor.fetchall())


def count_notifications(cut_off: datetime) -> Amount:
    """Texts of notifications from before `cut_off`, read or not."""
    found = Notification.objects.exclude(text="").filter(created_at__lt=cut_off)
    total = found.aggregate(rows=Count("pk"), size=Sum(Length("text")))
    return Amount(total["rows"], total["size"] or 0)


@expires("Texts of notifications", count=count_notifications)
def empty_notifications(cut_off: datetime, limit: int, at: datetime) -> Amount:
    """Empty the oldest; subject, address and times stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT id, length(text) AS size FROM alignment_notification
                WHERE text <> '' AND created_at < %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
            )
            UPDATE alignment_notification m SET text = '' FROM due WHERE m.id = due.id RETURNING due.size
            """,
            [cut_off, limit],
        )
        return _amount(cursor.fetchall())


def _amount(sizes: list[tuple[int]]) -> Amount:
    return Amount(len(sizes), sum(size for (size,) in sizes))


@erases("mails and notifications")
def empty_what_names(person: Erasing) -> int:
    """Those that name the person lose subject, text and attachments; a mail that still waits is given up."""
    mails = [
        mail.pk
        for mail in OutgoingMail.objects.order_by("pk").iterator(chunk_size=500)
        if any(
            person.is_named_in(said, shortest=SHORTEST_NAME)
            for said in (mail.subject, mail.text, *(part["text"] for part in mail.attachments))
        )
    ]
    lines = [
        line.pk
        for line in Notification.objects.order_by("pk").iterator(chunk_size=500)
        if person.is_named_in(f"{line.subject}\n{line.text}", shortest=SHORTEST_NAME)
    ]
    found = OutgoingMail.objects.filter(pk__in=mails)
    found.filter(state=MailState.WAITING).update(state=MailState.DEAD, last_error=NAMED_SOMEBODY)
    number = found.update(subject="(erased)", text="", attachments=[])
    return number + Notification.objects.filter(pk__in=lines).update(subject="(erased)", text="")
