"""Reminders to those whose turn it is to sign: after two business days, and every two from then on."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from alignment.business_days import business_days
from alignment.models import ArtifactVersion, User, VersionState
from alignment.queries.artifacts import turn_since
from alignment.services.artifacts import telling
from alignment.services.artifacts.refusals import NotSent
from alignment.services.artifacts.signing import require_signable
from alignment.services.authority import require_revops

log = logging.getLogger(__name__)
EVERY = 2  # business days


def remind(*, at: datetime) -> int:
    """Send the reminders that are due; how many notices went out. Ticks that were missed make no flood.

    A version that fails, such as one of a kind that no app knows any more, holds up no other.
    """
    told, days = 0, business_days(at)
    waiting = ArtifactVersion.objects.signable(at)
    for version in waiting.select_related("artifact").prefetch_related("signatures").order_by("pk"):
        try:
            since = turn_since(version, version.signatures.all())
            which = days.passed_between(since, at) // EVERY
            if which:
                told += _remind(version, which=str(which), at=at)
        except Exception:
            log.exception("signers could not be reminded", extra={"version": version.pk})
    return told


@transaction.atomic
def remind_now(*, version: ArtifactVersion, by: User | None, at: datetime) -> int:
    """Ask those who have not signed again, at once and once a minute at most; how many were asked.

    Raises OnlyRevOps, NotSent, PastItsEnd or GroundNotInForce.
    """
    require_revops(by, "Reminders")
    version = ArtifactVersion.objects.select_related("artifact").get(pk=version.pk)
    if version.state != VersionState.SENT:
        raise NotSent(f"Version {version.number} does not wait for signatures; there is nobody to remind.")
    require_signable(version, at=at)
    return _remind(version, which=f"{at:%Y-%m-%dT%H:%M}", at=at)


@transaction.atomic
def _remind(version: ArtifactVersion, *, which: str, at: datetime) -> int:
    return sum(
        telling.reminder(version, role, people, which=which, at=at)
        for role, people in telling.those_wanted(version, at=at).items()
    )
