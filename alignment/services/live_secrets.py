"""Exchanging the secrets of an endpoint or a destination: for a day the older one is live beside the newer.

The caller holds the lock of the row that owns the secrets, and writes its history.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from alignment.intake import secrets
from alignment.models import Destination, Endpoint

ROTATION_OVERLAP = timedelta(hours=24)


class AlreadyRotating(Exception):
    """Two secrets are live: wait until the old one expires, or revoke one."""


class NoSuchSecret(Exception):
    """That slot holds no secret."""


def store_first(owner: Endpoint | Destination, plain: str, *, at: datetime) -> None:
    """Keep the first secret, encrypted."""
    _store(owner, slot=1, plain=plain, at=at)


def rotate(owner: Endpoint | Destination, plain: str, *, at: datetime) -> None:
    """A second secret beside the first, which ends after ROTATION_OVERLAP. Raises AlreadyRotating."""
    owner.secrets.filter(expires_at__lte=at).delete()
    slots = set(owner.secrets.values_list("slot", flat=True))
    if len(slots) == 2:
        raise AlreadyRotating("Two secrets are live; the older ends within 24 hours, or revoke one now.")
    owner.secrets.filter(expires_at__isnull=True).update(expires_at=at + ROTATION_OVERLAP)
    _store(owner, slot=2 if 1 in slots else 1, plain=plain, at=at)


def revoke(owner: Endpoint | Destination, *, slot: int) -> None:
    """End one secret now, be it the last. Raises NoSuchSecret."""
    deleted, _ = owner.secrets.filter(slot=slot).delete()
    if not deleted:
        raise NoSuchSecret(f"Slot {slot} holds no secret: it was revoked already, or it has ended.")


def _store(owner: Endpoint | Destination, *, slot: int, plain: str, at: datetime) -> None:
    owner.secrets.create(slot=slot, ciphertext=secrets.encrypt(plain), created_at=at)
