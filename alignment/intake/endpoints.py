"""Which endpoint an address belongs to, with its live secrets, remembered for two seconds by each process."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from alignment.intake.secrets import UnreadableSecret, decrypt

REMEMBERED_SECONDS = 2.0  # a revoked secret or endpoint is refused everywhere after this
REMEMBERED_ADDRESSES = 4096
_ADDRESS = re.compile(r"[A-Za-z0-9_-]{1,64}")
_FIND = """
    SELECT e.id, e.source_id, e.scheme, e.webhook_id, e.header, k.ciphertext, k.expires_at
    FROM alignment_endpoint e
    JOIN alignment_source s ON s.id = e.source_id
    LEFT JOIN alignment_endpointsecret k ON k.endpoint_id = e.id
    WHERE e.address = %s AND e.is_active AND s.is_active
    ORDER BY k.slot
"""


@dataclass(frozen=True, slots=True)
class OpenEndpoint:
    """What verification needs of an active endpoint of an active source."""

    id: int
    source_id: int
    scheme: str
    webhook_id: str
    header: str
    secrets: tuple[tuple[str, datetime | None], ...]  # plain text, end of life

    def __repr__(self) -> str:
        return f"<OpenEndpoint {self.id}>"  # never its secrets: reprs end up in logs

    def live_secrets(self, at: datetime) -> list[str]:
        return [secret for secret, expires_at in self.secrets if expires_at is None or at < expires_at]


_remembered: OrderedDict[str, tuple[float, OpenEndpoint | None]] = OrderedDict()


def find_open(address: str) -> OpenEndpoint | None:
    """The endpoint behind `address`; None where it is unknown or switched off. One query, or none within 2 s.

    A miss is remembered as well, so that a repeated guess costs the same as a repeated delivery. Raises
    django.db.Error where the database does not answer.
    """
    if not _ADDRESS.fullmatch(address):
        return None
    now = time.monotonic()
    known = _remembered.get(address)
    if known is not None and 0 <= now - known[0] < REMEMBERED_SECONDS:
        return known[1]
    endpoint = _load(address)
    _remembered.pop(address, None)
    _remembered[address] = (now, endpoint)
    while len(_remembered) > REMEMBERED_ADDRESSES:
        try:
            _remembered.popitem(last=False)
        except KeyError:  # another thread was faster
            break
    return endpoint


def forget(address: str) -> None:
    """A change in this process counts at once here; elsewhere within two seconds."""
    _remembered.pop(address, None)


def _load(address: str) -> OpenEndpoint | None:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, [address])
        rows = cursor.fetchall()
    if not rows:
        return None
    secrets = []
    for row in rows:
        if row[5] is not None:
            try:
                secrets.append((decrypt(row[5]), row[6]))
            except UnreadableSecret:
                continue  # the other slot may still open; with none left every delivery is refused
    endpoint_id, source_id, scheme, webhook_id, header = rows[0][:5]
    return OpenEndpoint(endpoint_id, source_id, scheme, webhook_id, header, tuple(secrets))
