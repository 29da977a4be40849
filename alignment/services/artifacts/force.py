"""Coming into force, and ceasing to be: what follows from either, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from alignment.artifacts.events import ended_event, in_force_event
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.models import ArtifactVersion, Signature, VersionState
from alignment.services import chain
from alignment.services.artifacts import renditions, telling
from alignment.services.heads import sign_head


def bring_into_force(version: ArtifactVersion, signatures: Sequence[Signature], *, at: datetime) -> None:
    """The last role has signed: the version counts from now on, and its predecessor no longer does."""
    before = (
        ArtifactVersion.objects.in_force()
        .filter(artifact=version.artifact_id)
        .select_related("artifact")
        .first()
    )
    if before is not None:
        before.state, before.ended_at = VersionState.SUPERSEDED, at
        before.save(update_fields=["state", "ended_at"])
    version.state, version.signed_at = VersionState.IN_FORCE, at
    version.save(update_fields=["state", "signed_at"])
    chain.append(*in_force_event(version), version=version, at=at)
    if before is not None:
        chain.append(*ended_event(before), version=before, at=at)
        tell_hooks(before, at=at)
    renditions.try_to_make_signed(version, at=at)
    sign_head(at=at)
    tell_hooks(version, at=at)
    telling.signed_by_all(version, signatures, before=before, at=at)


def tell_hooks(version: ArtifactVersion, *, at: datetime) -> None:
    """Call what the kind registered; its refusal undoes the act."""
    try:
        kind = kind_named(version.artifact.kind)
    except UnknownKind:
        return
    for hook in kind.on_change:
        hook(version, at=at)
