"""Artifacts as people meet them: what is in force, what waits for whom, what rests on what is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from alignment.models import ArtifactVersion, RestsOn, Role, Signature, User, VersionState
from alignment.queries.signers import (
    Grant,
    allows_delegates,
    authorities_of,
    grants_on,
    holders_of,
    is_in_order,
    named_for,
    roles_of,
    roles_whose_turn_it_is,
)


@dataclass(frozen=True)
class Waiting:
    """A version that waits for this person's signature for `role`; `grant`: as whose delegate, None as holder."""

    version: ArtifactVersion
    role: str
    since: datetime
    grant: Grant | None = None


@dataclass(frozen=True)
class SignerState:
    """One signer of a version. `holders`: active logins of the role (or the one named); `signature`: once given."""

    role: str
    holders: list[User]
    signature: Signature | None
    is_turn: bool
    grants: list[Grant] = field(default_factory=list)


def in_force(
    kind: str, key: str, *, at: datetime | None = None, signed_by: Iterable[str] = ()
) -> ArtifactVersion | None:
    """The one version that counts. `at`: leave out what ended by then and was not swept yet. `signed_by`: roles without
    whose signatures it does not count."""
    versions = ArtifactVersion.objects.of(kind, key).in_force().signed_by(*signed_by)
    found = versions.select_related("artifact").first()
    return None if found and at and not is_in_force(found, at=at) else found


def latest(kind: str, key: str) -> ArtifactVersion | None:
    """The version with the highest number, drafts included."""
    return ArtifactVersion.objects.of(kind, key).select_related("artifact").order_by("-number").first()


def draft_of(kind: str, key: str) -> ArtifactVersion | None:
    """The draft that is worked on, if there is one."""
    drafts = ArtifactVersion.objects.of(kind, key).filter(state=VersionState.DRAFT)
    return drafts.select_related("artifact").first()


def history_of(kind: str, key: str) -> list[ArtifactVersion]:
    """Every version, newest first, with its signatures and its refusal fetched (`.signatures.all()`, `.refusal`)."""
    return list(
        ArtifactVersion.objects.of(kind, key)
        .select_related("artifact", "refusal", "drafted_by", "sent_by")
        .prefetch_related("signatures")
        .order_by("-number")
    )


def waiting_for(user: User, *, at: datetime) -> list[Waiting]:
    """What this person may sign now and has not, oldest first: it is the turn of a role that they may sign for.

    What is past its last day, or rests on what is gone, waits for RevOps and for no signer.
    """
    authorities = authorities_of(user, at=at)
    if not authorities:
        return []
    found = []
    waiting = ArtifactVersion.objects.signable(at).select_related("artifact").prefetch_related("signatures")
    for version in waiting.order_by("sent_at", "pk"):
        signatures = list(version.signatures.all())
        if any(signature.signer_id == user.pk for signature in signatures):
            continue
        since = turn_since(version, signatures)
        for role in roles_whose_turn_it_is(version, (signature.role for signature in signatures)):
            authority = authorities.get(role)
            if (
                authority
                and authority.counts_for(version)
                and named_for(version).get(role, user.pk) == user.pk
            ):
                found.append(Waiting(version, role, since, authority.grant))
    return found


def signer_roles(version: ArtifactVersion, *, at: datetime | None = None) -> list[SignerState]:
    """Each role that must sign, in order, with who may and who did. `at`: with the delegates of that time, less those
    who signed for another role: nobody signs one version for two."""
    roles = roles_of(version)
    signatures = {
        signature.role: signature
        for signature in version.signatures.select_related("signer", "delegation__artifact")
    }
    turn = roles_whose_turn_it_is(version, signatures)
    holders = holders_of(roles)
    grants = grants_on(at) if at and allows_delegates(version) else []
    did = {signature.signer_id for signature in signatures.values()}
    grants = [grant for grant in grants if grant.delegate.pk not in did]
    named = named_for(version)
    return [
        SignerState(
            role=role,
            holders=[user for user in holders[role] if named.get(role, user.pk) == user.pk],
            signature=signatures.get(role),
            is_turn=role in turn,
            grants=[grant for grant in grants if grant.role == role and role not in named],
        )
        for role in roles
    ]


def stale_grounds(version: ArtifactVersion, *, at: datetime) -> list[RestsOn]:
    """What the version rests on that is not in force at `at`, whether a sweep has marked it or not; and what that rests
    on in its turn. Each such document once."""
    found: dict[int, RestsOn] = {}
    seen, above = {version.pk}, [version.pk]
    while above:
        rows = RestsOn.objects.filter(version__in=above).select_related("ground__artifact")
        beneath = {row.ground_id: row for row in rows if row.ground_id not in seen}
        found |= {pk: row for pk, row in beneath.items() if not is_in_force(row.ground, at=at)}
        above = list(beneath)
        seen |= set(above)
    return sorted(found.values(), key=lambda row: (row.ground.artifact.kind, row.ground.artifact.key, row.pk))


def is_in_force(version: ArtifactVersion, *, at: datetime) -> bool:
    """Whether it counts at `at`: what is past its last day does not, swept or not."""
    return version.state == VersionState.IN_FORCE and (version.expires_at is None or version.expires_at > at)


def turn_since(version: ArtifactVersion, signatures: Iterable[Signature]) -> datetime:
    """Since when those whose turn it is have been waited for: sending, or the last signature before theirs."""
    if version.sent_at is None:
        raise ValueError("A draft waits for nobody.")
    if not is_in_order(version):
        return version.sent_at
    return max([version.sent_at, *(signature.signed_at for signature in signatures)])


def signatures_so_far(version: ArtifactVersion | None) -> int:
    """How many have signed what waits for signatures; 0 for what does not wait."""
    if version is None or version.state != VersionState.SENT:
        return 0
    return version.signatures.count()


def who_is_missing(version: ArtifactVersion) -> tuple[str, ...]:
    """Who has not signed what waits for signatures: "Petra Vogel (CMO)", or the role alone where nobody holds it."""
    found = []
    for state in signer_roles(version):
        if state.signature is None:
            label = str(Role(state.role).label)
            names = " or ".join(user.name for user in state.holders)
            found.append(f"{names} ({label})" if names else f"the {label}")
    return tuple(found)
