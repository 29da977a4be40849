"""Whether a person may sign for a role, asked while nobody can change the answer."""

from __future__ import annotations

from datetime import datetime

from alignment.models import ArtifactVersion, Role, User
from alignment.queries.signers import Authority, authorities_of, named_for
from alignment.services.artifacts.locks import lock_people
from alignment.services.artifacts.refusals import NotTheHolder


def require_authority(
    version: ArtifactVersion, role: str, *, by: User, at: datetime
) -> tuple[User, Authority]:
    """The person as they are now, and by what they may sign for `role`; both hold until the transaction ends.

    Raises NotTheHolder.
    """
    named = named_for(version).get(role)
    if named is not None and named != by.pk:
        raise NotTheHolder("This is a personal grant: only the person who is named in it signs it.")
    likely = authorities_of(by, at=at).get(role)
    people = [by]
    if likely and likely.grant:
        people.append(likely.grant.holder)
        ArtifactVersion.objects.select_for_update(no_key=True).get(pk=likely.grant.version.pk)
    user = lock_people(*people)[by.pk]
    found = authorities_of(user, at=at).get(role)
    if found is None:
        raise NotTheHolder(
            f"Only who holds the role {_label(role)} signs for it, or a delegate by a signed delegation that is in "
            "force today. RevOps gives roles under People; who holds one delegates it under Signatures, Delegations."
        )
    if named is not None and found.grant is not None:
        raise NotTheHolder("This is a personal grant: only the person who is named in it signs it.")
    if not found.counts_for(version):
        raise NotTheHolder(
            f"This is signed by the {_label(role)} in person: it is not among what a delegation covers."
        )
    return user, found


def _label(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role
