"""Telling people: a line in the app and, where wanted, a mail in the outbox, each once per person and event."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from alignment.models import OutgoingMail, User

SUBJECT_LENGTH, KEY_LENGTH = 200, 120

_TELL = """
INSERT INTO alignment_notification (user_id, key, kind, subject, text, url, created_at, read_at)
SELECT told, %(key)s, %(kind)s, %(subject)s, %(text)s, %(url)s, %(at)s, %(read_at)s FROM unnest(%(to)s::bigint[]) told
ON CONFLICT (user_id, key) DO NOTHING RETURNING user_id
"""


@transaction.atomic
def notify(
    *,
    to: Iterable[User],
    key: str,
    kind: str,
    subject: str,
    text: str,
    url: str,
    at: datetime,
    attachments: Sequence[dict[str, Any]] = (),
    by_mail: bool = True,
    is_read: bool = False,
) -> int:
    """Tell each of these logins once about what `key` names; how many had not been told yet.

    `url`: path within this product, "" for none. `attachments`: {"name", "type", "text"}, the text in UTF-8; they go
    with the mail alone. Rows are written in the caller's transaction, the mail leaves after it (see services.mail).
    `is_read`: the line in the app counts as read from the beginning, for what matters as a mail alone.
    Logins that are switched off are told nothing. Raises ValueError where the key is longer than 120 characters.
    """
    if len(key) > KEY_LENGTH:
        raise ValueError(f"The key of a notification has at most {KEY_LENGTH} characters.")
    people = {user.pk: user for user in to if user.is_active}
    if not people:
        return 0
    subject = " ".join(subject.split())[:SUBJECT_LENGTH]
    row: dict[str, Any] = {"key": key, "kind": kind, "subject": subject, "text": text, "url": url, "at": at}
    row["read_at"] = at if is_read else None
    with connection.cursor() as cursor:
        cursor.execute(_TELL, row | {"to": sorted(people)})
        told = sorted(found[0] for found in cursor.fetchall())
    if by_mail:
        written = "\n\n".join(part for part in (text, settings.BASE_URL + url if url else "") if part)
        OutgoingMail.objects.bulk_create(
            (
                OutgoingMail(
                    key=f"{key}:{pk}",
                    user_id=pk,
                    to=people[pk].email,
                    subject=subject,
                    text=written,
                    attachments=list(attachments),
                    next_attempt_at=at,
                    created_at=at,
                )
                for pk in told
            ),
            ignore_conflicts=True,
        )
    return len(told)
