"""Delegations: the holder of a role lets somebody sign for it, by a document that only the holder signs."""

from __future__ import annotations

from datetime import date, datetime

from django.db import connection, transaction

from alignment.artifacts import delegation
from alignment.artifacts.kinds import Kind, register
from alignment.blockers import Blocker
from alignment.models import Artifact, ArtifactVersion, Paper, Role, User
from alignment.queries.signers import local_day
from alignment.services.artifacts.drafts import write_draft
from alignment.services.artifacts.sending import dispatch
from alignment.services.authority import OnlyRevOps


@transaction.atomic
def grant(
    *,
    role: Role | str,
    holder: User,
    delegate: User,
    from_on: date,
    until_on: date,
    reason: str,
    paper: str = Paper.A4,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """Draft a delegation and send it to the holder, whose signature puts it in force; from then on it is dated.

    RevOps or the holder does this; days are local and both included. Revoking it ends it early. Raises OnlyRevOps,
    or Blocked with everything that is wrong with it.
    """
    if by is not None and by.pk != holder.pk and not by.has_role(Role.REVOPS):
        raise OnlyRevOps("A delegation is started by RevOps, or by whoever holds the role.")
    with connection.cursor() as cursor:  # keys are numbered, one at a time
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.delegations'))")
    number = Artifact.objects.filter(kind=delegation.NAME).count() + 1
    version = write_draft(
        kind=delegation.NAME,
        key=f"{role}-{number}",
        content={
            "role": str(role),
            "holder": {"id": holder.pk, "name": holder.name},
            "delegate": {"id": delegate.pk, "name": delegate.name},
            "from_on": from_on.isoformat(),
            "until_on": until_on.isoformat(),
            "reason": reason.strip(),
        },
        rests_on=(),
        paper=paper,
        expected=None,
        by=by,
        at=at,
    )
    return dispatch(version=version, by=by, at=at)


def _blockers(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    """Whoever reads a name must be sure that it is the person behind the id."""
    content, found = version.content, []
    first = delegation.day(content, "from_on")
    if first and (first - local_day(at)).days >= delegation.LONGEST:
        text = f"from_on: begin within the next {delegation.LONGEST} days, and date a later leave when it is near."
        found.append(Blocker("from_on", text))
    users = User.objects.in_bulk([content["holder"]["id"], content["delegate"]["id"]])
    for field in ("holder", "delegate"):
        user = users.get(content[field]["id"])
        if user is None or not user.is_active or user.name != content[field]["name"]:
            found.append(
                Blocker(
                    field,
                    f"{content[field]['name']} has no active login of that name; choose the {field} again.",
                )
            )
    return found


DELEGATION = register(
    Kind(
        name=delegation.NAME,
        allows_delegates=False,
        label="Delegation",
        check=delegation.check,
        render=delegation.render,
        signers=delegation.signers,
        named=delegation.named,
        statement="I let the person named here sign for my role in these days, and answer for what they sign.",
        effect=delegation.effect,
        page_limit=1,
        blockers=_blockers,
        expires_on=lambda content: delegation.day(content, "until_on"),
        title=delegation.title,
    )
)
