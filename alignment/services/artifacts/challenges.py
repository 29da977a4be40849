"""One-time numbers: whoever signs saw the page that shows this version, lately, as themselves."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alignment.models import ArtifactVersion, SigningChallenge, User
from alignment.services.artifacts.refusals import ChallengeExpired, ChallengeUnknown, ChallengeUsed, NotSent

LASTS = timedelta(minutes=10)
KEPT = timedelta(days=1)


def challenge(*, version: ArtifactVersion, by: User, at: datetime) -> str:
    """A number for the page that shows a sent version: for this person and this digest, 10 minutes, once.

    Raises NotSent.
    """
    if version.state != "sent":
        raise NotSent(f"Version {version.number} does not wait for signatures.")
    nonce = secrets.token_urlsafe(24)
    SigningChallenge.objects.create(
        nonce_sha256=_hashed(nonce), version=version, user=by, digest=version.digest, issued_at=at
    )
    return nonce


def use(nonce: str, *, version: ArtifactVersion, by: User, at: datetime) -> None:
    """Use up a number, in the transaction of the signature.

    Raises ChallengeUnknown, ChallengeUsed or ChallengeExpired.
    """
    rows = SigningChallenge.objects.select_for_update()
    found = rows.filter(nonce_sha256=_hashed(nonce), user=by, version=version, digest=version.digest).first()
    again = "Open the page again, read it, and sign there."
    if found is None:
        raise ChallengeUnknown(f"This page was made for another person or another version. {again}")
    if found.used_at is not None:
        raise ChallengeUsed(f"This page was signed before; a page signs once. {again}")
    if not timedelta(0) <= at - found.issued_at <= LASTS:
        raise ChallengeExpired(f"This page was open for more than {LASTS.seconds // 60} minutes. {again}")
    found.used_at = at
    found.save(update_fields=["used_at"])


@transaction.atomic
def forget_challenges(*, at: datetime) -> int:
    """Delete numbers that were used, or can no longer be, for a day."""
    old = Q(used_at__lt=at - KEPT) | Q(issued_at__lt=at - LASTS - KEPT)
    return SigningChallenge.objects.filter(old).delete()[0]


def _hashed(nonce: str) -> str:
    return hashlib.sha256(nonce.encode("utf-8", "replace")).hexdigest()
