"""The order in which every act on artifacts takes its locks: the artifact, the version, grants, people, the chain."""

from __future__ import annotations

from alignment.models import Artifact, ArtifactVersion, User
from alignment.services.artifacts.refusals import NotADraft


def lock(version: ArtifactVersion) -> ArtifactVersion:
    """The version as it stands now, until the transaction ends; nobody else acts on its artifact meanwhile.

    Raises NotADraft where it was a draft and is gone.
    """
    Artifact.objects.select_for_update(no_key=True).get(pk=version.artifact_id)
    versions = ArtifactVersion.objects.select_for_update(of=("self",), no_key=True)
    found = versions.select_related("artifact").filter(pk=version.pk).first()
    if found is None:
        raise NotADraft(
            "This draft was discarded meanwhile. Look at the versions there are, and start a new one."
        )
    return found


def lock_people(*people: User) -> dict[int, User]:
    """Logins as they stand now, by id: nobody takes a role away or shuts a login until the transaction ends."""
    rows = User.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    return {user.pk: user for user in rows.filter(pk__in={person.pk for person in people})}
