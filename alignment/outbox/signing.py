"""What messages to a destination are signed with, and why none can be."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from alignment.intake import secrets
from alignment.models import Destination, DestinationSecret

SECRETLESS = "No secret is live: rotate the secret."
UNREADABLE = (
    "The secret cannot be read: SECRET_KEY has changed. Rotate the secret, or bring the old key back."
)


class Signing(NamedTuple):
    """The plain secrets, the newest first. Where there is none nothing is sent, and `problem` says why."""

    secrets: list[str]
    problem: str


def signing(destination: Destination, *, at: datetime) -> Signing:
    """From the secrets that are live and can be read: one of another SECRET_KEY stops none of the others."""
    rows: Iterable[DestinationSecret] = destination.secrets.all()
    live = [row for row in rows if row.expires_at is None or row.expires_at > at]
    plain = []
    for row in sorted(live, key=lambda row: row.pk, reverse=True):
        try:
            plain.append(secrets.decrypt(row.ciphertext))
        except secrets.UnreadableSecret:
            continue
    return Signing(plain, "" if plain else UNREADABLE if live else SECRETLESS)
