"""The order in which every act on artifacts takes its locks: the artifact, the version, grants, people, the chain."""

from __future__ import annotations

from django.db.models import Q

from alignment.models import Artifact, ArtifactVersion, User, VersionState
from alignment.services.artifacts.refusals import NotADraft


def lock(version: ArtifactVersion) -> ArtifactVersion:
    """The version as it stands now, until the transaction ends; nobody else acts on its artifact meanwhile.

    All of the artifact's versions that may still move are locked with it: who appends to the chain holds up everybody
    else, and must wait for no row from then on. Raises NotADraft where it was a draft and is gone.
    """
    Artifact.objects.select_for_update(no_key=True).get(pk=version.artifact_id)
    rows = ArtifactVersion.objects.select_for_update(of=("self",), no_key=True).select_related("artifact")
    moving = Q(state__in=[VersionState.DRAFT, VersionState.SENT, VersionState.IN_FORCE])
    versions = rows.filter(moving | Q(pk=version.pk), artifact=version.artifact_id).order_by("number")
    for found in versions:
        if found.pk == version.pk:
            return found
    raise NotADraft(
        "This draft was discarded meanwhile. Look at the versions there are, and start a new one."
    )


def lock_people(*people: User) -> dict[int, User]:
    """Logins as they stand now, by id: nobody takes a role away or shuts a login until the transaction ends."""
    rows = User.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    return {user.pk: user for user in rows.filter(pk__in={person.pk for person in people})}
