"""Coming into force, and ceasing to be: what follows from either, in the transaction of the act."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from alignment.artifacts.events import ended_event, in_force_event
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.models import ArtifactVersion, Signature, VersionState
from alignment.services import chain
from alignment.services.artifacts import renditions, telling
from alignment.services.gates import evaluate_after_commit
from alignment.services.heads import sign_head

log = logging.getLogger(__name__)


def bring_into_force(version: ArtifactVersion, signatures: Sequence[Signature], *, at: datetime) -> None:
    """The last role has signed: the version counts from now on, and its predecessor no longer does."""
    before = (
        ArtifactVersion.objects.in_force()
        .filter(artifact=version.artifact_id)
        .select_related("artifact")
        .first()
    )
    if before is not None and before.is_over(at):
        end_by_time(before, at=at)
        before = None
    if before is not None:
        before.state, before.ended_at = VersionState.SUPERSEDED, at
        before.save(update_fields=["state", "ended_at"])
    version.state, version.signed_at = VersionState.IN_FORCE, at
    version.save(update_fields=["state", "signed_at"])
    chain.append(*in_force_event(version), version=version, at=at)
    if before is not None:
        chain.append(*ended_event(before), version=before, at=at)
    renditions.try_to_make_signed(version, at=at)
    if before is not None:
        tell_hooks(before, at=at)
    tell_hooks(version, at=at)
    _try_to_sign_head(version, at=at)
    telling.signed_by_all(version, signatures, before=before, at=at)


def end_by_time(version: ArtifactVersion, *, at: datetime) -> None:
    """Mark as expired what is in force beyond its last day. It ended with that day; `at`: when that was recorded."""
    version.standing(at)
    version.save(update_fields=["state", "ended_at"])
    chain.append(*ended_event(version), version=version, at=at)
    tell_hooks(version, at=at)
    telling.expired(version, at=at)


def tell_hooks(version: ArtifactVersion, *, at: datetime) -> None:
    """Call what the kind registered; its refusal undoes the act. Gates are asked anew once the act is there: any of
    them may rest on what came into force or ceased to be."""
    evaluate_after_commit(at=at)
    try:
        kind = kind_named(version.artifact.kind)
    except UnknownKind:
        return
    for hook in kind.on_change:
        hook(version, at=at)


def _try_to_sign_head(version: ArtifactVersion, *, at: datetime) -> None:
    """After every event of the act. Without a key that can be read the signature stands; the next head covers it."""
    try:
        with transaction.atomic():
            sign_head(at=at)
    except Exception:
        log.exception("the head of the chain could not be signed", extra={"version": version.pk})
