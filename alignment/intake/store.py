"""Making a delivery durable, once per id of its sender for ever."""

from __future__ import annotations

import hashlib
import logging

from django.db import connection

from alignment.intake.endpoints import OpenEndpoint

logger = logging.getLogger(__name__)

_INSERT = """
    INSERT INTO alignment_delivery (source_id, endpoint_id, external_id, body, body_sha256)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (source_id, external_id) WHERE external_id IS NOT NULL DO NOTHING
    RETURNING id
"""
_FIRST = "SELECT id, body_sha256 FROM alignment_delivery WHERE source_id = %s AND external_id = %s"
_INSERT_CONFLICT = """
    INSERT INTO alignment_delivery (source_id, endpoint_id, body, body_sha256, state, conflicts_with_id)
    VALUES (%s, %s, %s, %s, 'conflict', %s)
    ON CONFLICT (conflicts_with_id, body_sha256) WHERE conflicts_with_id IS NOT NULL DO NOTHING
    RETURNING id
"""


def store(endpoint: OpenEndpoint, external_id: str | None, body: bytes) -> str:
    """Makes the delivery durable, once per id for ever: 'accepted', 'duplicate' or 'conflict'.

    One statement for a delivery that is new. Raises django.db.Error.
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
        cursor.execute(_INSERT_CONFLICT, [endpoint.source_id, endpoint.id, body, digest, first_id])
        if row := cursor.fetchone():
            logger.warning("delivery_conflict", extra={"delivery": row[0], "first": first_id})
    return "conflict"
