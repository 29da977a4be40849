"""Who is told what about an artifact, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.urls import reverse

from alignment.models import ArtifactVersion, Refusal, Role, Signature, User, VersionState
from alignment.notifications import notify
from alignment.queries.artifacts import signer_roles
from alignment.queries.renditions import title_of
from alignment.queries.signers import holders_of, roles_of


def address_of(version: ArtifactVersion) -> str:
    """The page of a version."""
    artifact = version.artifact
    return reverse("alignment:artifact-version", args=[artifact.kind, artifact.key, version.number])


def signatures_wanted(version: ArtifactVersion, *, at: datetime) -> int:
    """Ask those whose turn it is, delegates included; each is asked once for a version and role."""
    told = 0
    for role, people in those_wanted(version, at=at).items():
        label = Role(role).label
        told += _tell(
            people,
            version,
            what=f"wanted:{role}",
            kind="signature-wanted",
            subject=f"Your signature as {label}: {title_of(version)}",
            text=f"{title_of(version)} waits for the signature of the {label}. Read it there, then sign or decline.",
            at=at,
        )
    return told


def reminder(version: ArtifactVersion, role: str, people: Iterable[User], *, which: str, at: datetime) -> int:
    """Ask again; `which` names the reminder, so that it goes out once."""
    label = Role(role).label
    return _tell(
        people,
        version,
        what=f"reminder:{role}:{which}",
        kind="reminder",
        subject=f"Still waiting for the {label}'s signature: {title_of(version)}",
        text=f"{title_of(version)} was sent for signature and the {label} has neither signed nor declined yet.",
        at=at,
    )


def those_wanted(version: ArtifactVersion, *, at: datetime) -> dict[str, list[User]]:
    """Per role whose turn it is, who may sign: nobody who signed the version for another role."""
    states = signer_roles(version, at=at)
    signed = {state.signature.signer_id for state in states if state.signature}
    found = {}
    for state in states:
        if state.is_turn:
            people = [*state.holders, *(grant.delegate for grant in state.grants)]
            found[state.role] = [user for user in dict.fromkeys(people) if user.pk not in signed]
    return found


def signed(signature: Signature, *, at: datetime) -> int:
    """One has signed and others have not: a line for RevOps, no mail."""
    version = signature.version
    return _tell(
        _revops(),
        version,
        what=f"signed:{signature.role}",
        kind="signed",
        subject=f"{signature.name} signed {title_of(version)}",
        text=f"Signed for the role {Role(signature.role).label}; others have yet to sign.",
        at=at,
        by_mail=False,
    )


def signed_by_all(
    version: ArtifactVersion,
    signatures: Sequence[Signature],
    *,
    before: ArtifactVersion | None,
    at: datetime,
) -> int:
    """To the signers and RevOps. Of the version before: what is in force and rests on it needs a look."""
    text = f"{title_of(version)} is signed by all and in force."
    if before is not None:
        text += f" It replaces version {before.number}."
    told = _tell(
        [*(signature.signer for signature in signatures), *_revops()],
        version,
        what="in-force",
        kind="in-force",
        subject=f"In force: {title_of(version)}",
        text=text,
        at=at,
    )
    if before is not None:
        told += _tell_of_what_rests_on(before, "was replaced by a newer version", at=at)
        told += _tell(
            [user for user in _signers_of(before) if user.pk not in {each.signer_id for each in signatures}],
            before,
            what="superseded",
            kind="superseded",
            subject=f"Superseded: {title_of(before)}",
            text=f"{title_of(version)} took its place. What you signed stays as evidence.",
            at=at,
        )
    return told


def declined(refusal: Refusal, *, at: datetime) -> int:
    """To RevOps and the other signers, with the reason."""
    version = refusal.version
    return _tell(
        [*_revops(), *_all_signers(version)],
        version,
        what="declined",
        kind="declined",
        subject=f"{refusal.name} declined {title_of(version)}",
        text=f"Declined for the role {Role(refusal.role).label}: {refusal.reason}",
        at=at,
        but=refusal.person_id,
    )


def withdrawn(refusal: Refusal, *, at: datetime, by_mail: bool = True) -> int:
    """To those who were asked to sign."""
    version = refusal.version
    return _tell(
        _all_signers(version),
        version,
        what="withdrawn",
        kind="withdrawn",
        subject=f"Withdrawn: {title_of(version)}",
        text=f"It no longer waits for signatures. {refusal.reason}",
        at=at,
        but=refusal.person_id,
        by_mail=by_mail,
    )


def revoked(refusal: Refusal, *, at: datetime) -> int:
    """To RevOps and all signers, with the reason."""
    version = refusal.version
    told = _tell(
        [*_revops(), *_all_signers(version)],
        version,
        what="revoked",
        kind="revoked",
        subject=f"{refusal.name} revoked {title_of(version)}",
        text=f"It is no longer in force, and nothing takes its place. {refusal.reason}",
        at=at,
        but=refusal.person_id,
    )
    return told + _tell_of_what_rests_on(version, "was revoked", at=at)


def expired(version: ArtifactVersion, *, at: datetime) -> int:
    """To RevOps and the signers."""
    told = _tell(
        [*_revops(), *_all_signers(version)],
        version,
        what="expired",
        kind="expired",
        subject=f"Expired: {title_of(version)}",
        text="Its last day is over. A new version has to be signed if it should go on.",
        at=at,
    )
    return told + _tell_of_what_rests_on(version, "has expired", at=at)


def _tell_of_what_rests_on(ground: ArtifactVersion, what: str, *, at: datetime) -> int:
    told = 0
    resting = ArtifactVersion.objects.filter(
        foundations__ground=ground, state__in=[VersionState.SENT, VersionState.IN_FORCE]
    )
    for version in resting.select_related("artifact").order_by("pk"):
        told += _tell(
            _revops(),
            version,
            what=f"stale:{ground.pk}",
            kind="stale-ground",
            subject=f"{title_of(version)} rests on what is no longer in force",
            text=f"{title_of(ground)} {what}. Send a new version that rests on what is in force.",
            at=at,
        )
    return told


def _tell(
    people: Iterable[User],
    version: ArtifactVersion,
    *,
    what: str,
    kind: str,
    subject: str,
    text: str,
    at: datetime,
    but: int | None = None,
    by_mail: bool = True,
) -> int:
    to = [user for user in dict.fromkeys(people) if user.is_active and user.pk != but]
    return notify(
        to=to,
        key=f"artifact:{version.pk}:{what}",
        kind=kind,
        subject=subject[:200],
        text=text,
        url=address_of(version),
        at=at,
        by_mail=by_mail,
    )


def _revops() -> list[User]:
    return holders_of([Role.REVOPS])[Role.REVOPS]


def _signers_of(version: ArtifactVersion) -> list[User]:
    return [signature.signer for signature in version.signatures.select_related("signer")]


def _all_signers(version: ArtifactVersion) -> list[User]:
    """Who signed, and who may for the roles that are asked."""
    holders = holders_of(roles_of(version))
    return [*_signers_of(version), *(user for people in holders.values() for user in people)]
