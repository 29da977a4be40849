"""Making a delivery durable, once per id of its sender for ever."""

from __future__ import annotations

import hashlib
import logging

from django.db import connection, transaction

from alignment.intake.endpoints import OpenEndpoint
from alignment.models import Erasure, ErasureArrival
from alignment.recognised import hold_off_erasures, recognised
from alignment.recognising import read

logger = logging.getLogger(__name__)

_INSERT = """
    INSERT INTO alignment_delivery (source_id, endpoint_id, external_id, body, body_sha256)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (source_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
    RETURNING id
"""
_FIRST = "SELECT id, body_sha256 FROM alignment_delivery WHERE source_id = %s AND external_id = %s"
_INSERT_CONFLICT = """
    INSERT INTO alignment_delivery
        (source_id, endpoint_id, body, body_sha256, state, conflicts_with_id, body_bytes, body_emptied_at)
    VALUES (%s, %s, %s, %s, 'conflict', %s, %s, CASE WHEN %s THEN now() END)
    ON CONFLICT (conflicts_with_id, body_sha256) WHERE conflicts_with_id IS NOT NULL DO NOTHING
    RETURNING id
"""


def store(endpoint: OpenEndpoint, external_id: str | None, body: bytes) -> str:
    """Makes the delivery durable, once per id for ever: 'accepted', 'duplicate' or 'conflict'.

    One statement for a delivery that is new. The body of a conflict that names somebody erased is not kept: nobody
    will ever apply it. Raises django.db.Error.
    """
    digest = hashlib.sha256(body).digest()
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [endpoint.source_id, endpoint.id, external_id, body, digest])
        if cursor.fetchone():
            return "accepted"
        cursor.execute(_FIRST, [endpoint.source_id, external_id])
        first_id, first_digest = cursor.fetchone()
        if bytes(first_digest) == digest:
            return "duplicate"
    with transaction.atomic():
        hold_off_erasures()
        is_gone = _names_somebody_erased(endpoint.source_id, first_id, body)
        with connection.cursor() as cursor:
            cursor.execute(
                _INSERT_CONFLICT,
                [
                    endpoint.source_id,
                    endpoint.id,
                    None if is_gone else body,
                    digest,
                    first_id,
                    len(body) if is_gone else None,
                    is_gone,
                ],
            )
            if row := cursor.fetchone():
                logger.warning("delivery_conflict", extra={"delivery": row[0], "first": first_id})
    return "conflict"


def _names_somebody_erased(source: int, first: int, body: bytes) -> bool:
    """By what it says, or because the delivery whose id it bears was about somebody erased."""
    if not Erasure.objects.exists():
        return False
    if ErasureArrival.objects.filter(delivery=first).exists():
        return True
    return bool(recognised({("conflict", source): read(body)}))
