"""Who may sign for a role today: its active holders, and their delegates by a signed grant that is in force."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from alignment.artifacts import delegation, envelope
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.models import ArtifactVersion, Organisation, Signature, User


@dataclass(frozen=True)
class Grant:
    """On one day `delegate` may sign for `role` because `holder`, who holds it, signed `version`."""

    role: str
    holder: User
    delegate: User
    version: ArtifactVersion


@dataclass(frozen=True)
class Authority:
    """By what a person signs for a role: as its holder (`grant` None) or as the delegate of one."""

    role: str
    grant: Grant | None = None

    def counts_for(self, version: ArtifactVersion) -> bool:
        """Whether it is enough for this version: some kinds are signed by the holders of the roles alone."""
        return self.grant is None or allows_delegates(version)


def allows_delegates(version: ArtifactVersion) -> bool:
    """Whether a delegate may sign it for the holder of a role."""
    try:
        return kind_named(version.artifact.kind).allows_delegates
    except UnknownKind:
        return False


def roles_of(version: ArtifactVersion) -> tuple[str, ...]:
    """Roles that must sign, in order: of a sent version as it was sent, of a draft as its content asks."""
    if version.is_draft:
        return tuple(str(role) for role in kind_named(version.artifact.kind).signers(version.content))
    return tuple(envelope.read(version.envelope)["signers"])


def is_in_order(version: ArtifactVersion) -> bool:
    """Whether they sign one after the other."""
    if version.is_draft:
        return kind_named(version.artifact.kind).in_order
    return bool(envelope.read(version.envelope)["in_order"])


def roles_whose_turn_it_is(version: ArtifactVersion, signed: Iterable[str]) -> tuple[str, ...]:
    """Roles that may sign now, given those that have; none unless the version waits for signatures."""
    if version.state != "sent":
        return ()
    done = set(signed)
    missing = tuple(role for role in roles_of(version) if role not in done)
    return missing[:1] if is_in_order(version) else missing


def named_for(version: ArtifactVersion) -> Mapping[str, int]:
    """Roles for which one person only may sign this version, with that person's id."""
    try:
        return kind_named(version.artifact.kind).named(version.content)
    except UnknownKind:
        return {}


def holders_of(roles: Iterable[str]) -> dict[str, list[User]]:
    """Active logins per role, by name; a role without any has an empty list."""
    found: dict[str, list[User]] = {str(role): [] for role in roles}
    for user in User.objects.filter(role__in=found, is_active=True).order_by("name", "pk"):
        found[user.role].append(user)
    return found


def local_day(at: datetime) -> date:
    """The day of an instant in the organisation's zone."""
    return at.astimezone(Organisation.get().tz).date()


def grants_on(at: datetime) -> list[Grant]:
    """Every grant that lets somebody sign at this time, in the order of signing."""
    today = local_day(at)
    versions = [
        version
        for version in ArtifactVersion.objects.in_force()
        .filter(artifact__kind=delegation.NAME)
        .select_related("artifact")
        .order_by("signed_at", "pk")
        if _holds_on(version, today)
    ]
    signed = {
        signature.version_id: signature.signer
        for signature in Signature.objects.filter(version__in=versions).select_related("signer")
    }
    wanted = {version.content["delegate"]["id"] for version in versions}
    delegates = User.objects.filter(pk__in=wanted, is_active=True).in_bulk()
    grants = []
    for version in versions:
        role = version.content["role"]
        holder, delegate = signed.get(version.pk), delegates.get(version.content["delegate"]["id"])
        if holder and delegate and holder.is_active and holder.role == role:
            grants.append(Grant(role, holder, delegate, version))
    return grants


def authorities_of(user: User, *, at: datetime) -> dict[str, Authority]:
    """For which roles this person may sign, each with what allows it; none for a login that is switched off."""
    if not user.is_active:
        return {}
    found = {
        grant.role: Authority(grant.role, grant) for grant in grants_on(at) if grant.delegate.pk == user.pk
    }
    return found | {user.role: Authority(user.role)}


def who_may_sign(roles: Iterable[str], *, at: datetime) -> dict[str, list[User]]:
    """Per role its holders, then their delegates; nobody twice."""
    found = holders_of(roles)
    by_role: dict[str, list[User]] = defaultdict(list)
    for grant in grants_on(at):
        by_role[grant.role].append(grant.delegate)
    for role, users in found.items():
        users += [user for user in dict.fromkeys(by_role[role]) if user not in users]
    return found


def _holds_on(version: ArtifactVersion, today: date) -> bool:
    first, last = delegation.day(version.content, "from_on"), delegation.day(version.content, "until_on")
    return first is not None and last is not None and first <= today <= last
