"""Who is told what about an artifact, in the transaction of the act."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.urls import reverse

from alignment.artifacts.difference import differences
from alignment.artifacts.kinds import kind_named
from alignment.models import ArtifactVersion, Refusal, Role, Signature, User, VersionState
from alignment.notifications import notify
from alignment.queries.artifact_ripples import of_closed_programs
from alignment.queries.artifacts import signer_roles
from alignment.queries.renditions import title_of
from alignment.queries.signers import holders_of, named_for, roles_of, who_may_sign


def address_of(version: ArtifactVersion) -> str:
    """The page of a version."""
    artifact = version.artifact
    return reverse("alignment:artifact-version", args=[artifact.kind, artifact.key, version.number])


def signatures_wanted(version: ArtifactVersion, *, at: datetime) -> int:
    """Ask those whose turn it is, delegates included; each is asked once for a version and role."""
    told, about = 0, _about(version)
    for role, people in those_wanted(version, at=at).items():
        label = Role(role).label
        told += _tell(
            people,
            version,
            what=f"wanted:{role}",
            kind="signature-wanted",
            subject=f"Your signature as {label}: {title_of(version)}",
            text=f"{title_of(version)} waits for the signature of the {label}.{about} Read it there, then sign or "
            "decline.",
            at=at,
        )
    return told


def _about(version: ArtifactVersion) -> str:
    """Who sent it, how much of it changed, and what happens when it is signed; begins with a blank."""
    said = [f"{version.sent_by.name} sent it."] if version.sent_by else []
    kind = kind_named(version.artifact.kind)
    before = (
        version.artifact.versions.filter(number__lt=version.number, signed_at__isnull=False)
        .order_by("-number")
        .first()
    )
    if before is not None:
        count = len(differences(kind.render(before.content), kind.render(version.content)))
        changes = f"{count} change{'' if count == 1 else 's'}" if count else "No word changed"
        said.append(f"{changes} since version {before.number}, which was signed last.")
    if effect := kind.effect(version.content):
        said.append(f"When it is signed: {' '.join(effect)}")
    return "".join(f" {sentence}" for sentence in said)


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
    """One has signed and others have not: a line for RevOps, no mail. Who holds a role hears what a delegate signed."""
    version = signature.version
    return signed_for_another(signature, at=at) + _tell(
        _revops(),
        version,
        what=f"signed:{signature.role}",
        kind="signed",
        subject=f"{signature.name} signed {title_of(version)}",
        text=f"Signed for the role {Role(signature.role).label}; others have yet to sign.",
        at=at,
        by_mail=False,
    )


def signed_for_another(signature: Signature, *, at: datetime) -> int:
    """A delegate signed: whoever holds the role answers for it, and is told by mail."""
    if signature.delegation_id is None:
        return 0
    version, label = signature.version, Role(signature.role).label
    return _tell(
        holders_of([signature.role])[signature.role],
        version,
        what=f"signed-for:{signature.role}",
        kind="signed-for-you",
        subject=f"{signature.name} signed for the {label}: {title_of(version)}",
        text=f"{signature.name} signed {title_of(version)} for the role {label}, by your delegation or that of "
        "another holder of the role. You answer for it: read what was signed.",
        at=at,
        but=signature.signer_id,
    )


def signed_by_all(
    version: ArtifactVersion,
    signatures: Sequence[Signature],
    *,
    before: ArtifactVersion | None,
    at: datetime,
) -> int:
    """To the signers, those in whose name they signed, and RevOps.

    Of the version before: what is in force and rests on it needs a look.
    """
    text = f"{title_of(version)} is signed by all and in force."
    if before is not None:
        text += f" It replaces version {before.number}."
    text = " ".join([text, *kind_named(version.artifact.kind).effect(version.content)])
    told = sum(signed_for_another(signature, at=at) for signature in signatures)
    told += _tell(
        [*_concerned(version, at=at), *_revops()],
        version,
        what="in-force",
        kind="in-force",
        subject=f"In force: {title_of(version)}",
        text=text,
        at=at,
    )
    if before is not None:
        now = {*_concerned(version, at=at), *(signature.signer for signature in signatures)}
        told += _tell_of_what_rests_on(before, "was replaced by a newer version", at=at)
        told += _tell(
            [user for user in _signers_of(before) if user not in now],
            before,
            what="superseded",
            kind="superseded",
            subject=f"Superseded: {title_of(before)}",
            text=f"{title_of(version)} took its place. What you signed stays as evidence.",
            at=at,
        )
    return told


def declined(refusal: Refusal, *, at: datetime) -> int:
    """To RevOps, the other signers and whoever was asked, with the reason."""
    version = refusal.version
    return _tell(
        [*_revops(), *_concerned(version, at=at)],
        version,
        what="declined",
        kind="declined",
        subject=f"{refusal.name} declined {title_of(version)}",
        text=f"Declined for the role {Role(refusal.role).label}: {refusal.reason}\n"
        "What is in force stays in force; RevOps can send a changed version, which everybody signs anew.",
        at=at,
        but=refusal.person_id,
    )


def withdrawn(refusal: Refusal, *, at: datetime, by_mail: bool = True) -> int:
    """To those who were asked to sign. Whose signature was given hears by mail in any case: it counts no more."""
    version, told = refusal.version, 0
    signatures = list(version.signatures.select_related("signer"))
    holders = holders_of({signature.role for signature in signatures if signature.delegation_id})
    signed = [*_signers_of(version), *(user for people in holders.values() for user in people)]
    for people, lost, mail in ((signed, True, True), (_concerned(version, at=at), False, by_mail)):
        void = "The signature that was given under it counts no more. " if lost else ""
        told += _tell(
            people,
            version,
            what="withdrawn",
            kind="withdrawn",
            subject=f"Withdrawn: {title_of(version)}",
            text=f"It no longer waits for signatures. {void}{refusal.reason}",
            at=at,
            but=refusal.person_id,
            by_mail=mail,
        )
    return told


def revoked(refusal: Refusal, *, at: datetime) -> int:
    """To RevOps and all signers, with the reason."""
    version = refusal.version
    told = _tell(
        [*_revops(), *_concerned(version, at=at)],
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
    then = "A new version has to be signed if it should go on."
    if of_closed_programs([version]):
        then = "Its program is closed: nothing has to be done."
    told = _tell(
        [*_revops(), *_concerned(version, at=at)],
        version,
        what="expired",
        kind="expired",
        subject=f"Expired: {title_of(version)}",
        text=f"Its last day is over. {then}",
        at=at,
    )
    return told + _tell_of_what_rests_on(version, "has expired", at=at)


def _tell_of_what_rests_on(ground: ArtifactVersion, what: str, *, at: datetime) -> int:
    """To RevOps; nothing of a closed program, as nobody renews that."""
    told = 0
    resting = ArtifactVersion.objects.filter(
        foundations__ground=ground, state__in=[VersionState.SENT, VersionState.IN_FORCE]
    )
    found = list(resting.select_related("artifact").order_by("pk"))
    closed = of_closed_programs(found)
    for version in found:
        if version.pk in closed:
            continue
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
        key=_key(version, what),
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


def _concerned(version: ArtifactVersion, *, at: datetime) -> list[User]:
    """Who signed, who may for the roles that are asked (delegates of today included), and whoever was asked."""
    roles, named = roles_of(version), named_for(version)
    may = [
        user
        for role, people in who_may_sign(roles, at=at).items()
        for user in people
        if named.get(role, user.pk) == user.pk
    ]
    asked = User.objects.filter(
        notifications__key__in=[_key(version, f"wanted:{role}") for role in roles], is_active=True
    )
    return [*_signers_of(version), *may, *asked.order_by("pk")]


def _key(version: ArtifactVersion, what: str) -> str:
    return f"artifact:{version.pk}:{what}"
