"""One effect per Idempotency-Key: the first request acts, and whoever repeats it within a day reads its answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from alignment.models import KeptAnswer, User


class KeyReused(Exception):
    """The key was used for another request."""


class Answer(NamedTuple):
    """What was answered: the status, and the body as it was sent."""

    status: int
    body: str


_CLAIM = """
    INSERT INTO alignment_keptanswer (user_id, key, request_digest, status, body, kept_at)
    VALUES (%(user)s, %(key)s, %(digest)s, 0, '', %(at)s)
    ON CONFLICT (user_id, key) DO UPDATE
        SET request_digest = EXCLUDED.request_digest, status = 0, body = '', kept_at = EXCLUDED.kept_at
        WHERE alignment_keptanswer.kept_at <= %(forgotten)s
    RETURNING id
"""


def claim(*, user: User, key: str, digest: bytes, at: datetime) -> Answer | None:
    """None: the caller acts, and calls `keep` in the same transaction. Else the answer that was given before.

    A second request with the same key waits here until the first one has committed or failed; it is called
    within a transaction with a lock_timeout. Raises KeyReused.
    """
    given: dict[str, Any] = {
        "user": user.pk,
        "key": key,
        "digest": digest,
        "at": at,
        "forgotten": at - KeptAnswer.KEPT_FOR,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, given)
        if cursor.fetchone():
            return None
    kept = KeptAnswer.objects.get(user=user, key=key)
    if bytes(kept.request_digest) != digest:
        raise KeyReused("This Idempotency-Key was used for another request within the last 24 hours.")
    return Answer(kept.status, kept.body)


def keep(*, user: User, key: str, answer: Answer) -> None:
    """Remember what is answered, for those who repeat the request."""
    KeptAnswer.objects.filter(user=user, key=key).update(status=answer.status, body=answer.body)


def forget_old_answers(*, at: datetime) -> int:
    """Delete answers older than a day; how many there were."""
    deleted, _ = KeptAnswer.objects.filter(kept_at__lte=at - KeptAnswer.KEPT_FOR).delete()
    return deleted
