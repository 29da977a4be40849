"""Which artifacts a login may read: RevOps all; others what they sign, signed, or belong to the readers of."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, JSONField, Q, QuerySet, Value
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast, NullIf

from alignment.artifacts import delegation
from alignment.artifacts.kinds import kinds
from alignment.models import ArtifactVersion, Role, User, VersionState
from alignment.queries.signers import authorities_of, roles_of


def readable_by(user: User, *, at: datetime) -> QuerySet[ArtifactVersion]:
    """Versions that this login may open at this time.

    Drafts are for RevOps and whoever wrote them. What was sent is for the roles that its kind lists as readers and
    for its signers, their delegates of that day included; who signed keeps the right, and so do both sides of a
    delegation. A board viewer reads none.
    """
    versions = ArtifactVersion.objects.select_related("artifact")
    if user.has_role(Role.REVOPS):
        return versions
    if user.has_role(Role.BOARD_VIEWER) or not user.is_active:
        return versions.none()
    sent = versions.annotate(
        asked=KeyTransform("signers", Cast(NullIf(F("envelope"), Value("")), JSONField()))
    )
    is_asked = Q(pk__in=[])
    for role in authorities_of(user, at=at):
        is_asked |= Q(asked__contains=[role])
    mine = Q(content__delegate__id=user.pk) | Q(content__holder__id=user.pk)
    return sent.filter(
        Q(state=VersionState.DRAFT, drafted_by=user)
        | ~Q(state=VersionState.DRAFT)
        & (
            Q(artifact__kind__in=[kind.name for kind in kinds() if user.role in kind.readers])
            | is_asked
            | Q(pk__in=user.signatures.values("version"))
            | Q(artifact__kind=delegation.NAME) & mine
        )
    )


def may_take_bundle(user: User, version: ArtifactVersion, *, at: datetime) -> bool:
    """A bundle holds the signers' mail addresses, network addresses and browsers: it is for RevOps, for the signers of
    this document and their delegates of that day, and for both sides of a delegation. Others have the PDF."""
    if user.has_role(Role.REVOPS):
        return True
    if not user.is_active or version.is_draft:
        return False
    if version.signatures.filter(signer=user).exists() or set(authorities_of(user, at=at)) & set(
        roles_of(version)
    ):
        return True
    parties = [(version.content.get(side) or {}).get("id") for side in ("holder", "delegate")]
    return version.artifact.kind == delegation.NAME and user.pk in parties
