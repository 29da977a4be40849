"""What a change of one document does to others: what rests on it, what waits to be renewed, what nobody renews."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.models import ArtifactVersion, Program, RestsOn, VersionState
from alignment.queries.renditions import title_of

UNFINISHED = (VersionState.DRAFT, VersionState.SENT)


@dataclass(frozen=True)
class Carried:
    """A version that rests on the one to be replaced. `then`: what follows for it, as half a sentence."""

    version: ArtifactVersion
    title: str
    ground: ArtifactVersion
    then: str


def carried_by(version: ArtifactVersion) -> list[Carried]:
    """What is in force, or waits for signatures, and rests on the version that a draft or sent version would replace.

    Nothing of a closed program: nobody renews that.
    """
    if version.state not in UNFINISHED:
        return []
    replaced = version.artifact.versions.filter(state=VersionState.IN_FORCE).first()
    if replaced is None:
        return []
    found = list(
        ArtifactVersion.objects.filter(
            foundations__ground=replaced, state__in=(VersionState.SENT, VersionState.IN_FORCE)
        )
        .exclude(artifact=version.artifact_id)
        .select_related("artifact")
        .order_by("artifact__kind", "artifact__key", "number")
    )
    over = of_closed_programs(found)
    return [Carried(each, title_of(each), replaced, _then(each)) for each in found if each.pk not in over]


def to_renew(*, at: datetime) -> list[ArtifactVersion]:
    """In force, and resting on what no longer is; without those of closed programs, and those of which a newer version
    that rests on nothing gone is sent."""
    counts = Q(ground__expires_at__isnull=True) | Q(ground__expires_at__gt=at)
    counts &= Q(ground__state=VersionState.IN_FORCE)
    gone = RestsOn.objects.filter(~counts, version=OuterRef("pk"))
    newer = ArtifactVersion.objects.filter(
        ~Exists(gone), artifact=OuterRef("artifact"), number__gt=OuterRef("number"), state=VersionState.SENT
    )
    found = _open(ArtifactVersion.objects.in_force().filter(Exists(gone)).exclude(Exists(newer)))
    return sorted(found, key=lambda version: (version.signed_at or version.changed_at, version.pk))


def refused_without_successor() -> list[ArtifactVersion]:
    """The latest version of each document that RevOps drafts, where a signer declined or revoked it and nothing was
    drafted since. A waiver that was revoked is left out: nobody has to ask for one again."""
    later = ArtifactVersion.objects.filter(artifact=OuterRef("artifact"), number__gt=OuterRef("number"))
    refused = ArtifactVersion.objects.filter(state__in=[VersionState.DECLINED, VersionState.REVOKED])
    refused = refused.exclude(Exists(later)).exclude(artifact__kind="delegation")
    refused = refused.exclude(artifact__kind="waiver", state=VersionState.REVOKED)
    return _open(refused.order_by("-ended_at", "-pk"))


def of_closed_programs(versions: Iterable[ArtifactVersion]) -> set[int]:
    """Ids of those that belong to a program that is closed; one query for all of them."""
    numbers = {version.pk: program_of(version) for version in versions}
    wanted = {number for number in numbers.values() if number is not None}
    if not wanted:
        return set()
    closed = set(
        Program.objects.filter(number__in=wanted, closed_at__isnull=False).values_list("number", flat=True)
    )
    return {pk for pk, number in numbers.items() if number in closed}


def program_of(version: ArtifactVersion) -> int | None:
    """Number of the program that a version belongs to."""
    try:
        return kind_named(version.artifact.kind).program(version.artifact.key)
    except UnknownKind:
        return None


def _open(versions: QuerySet[ArtifactVersion]) -> list[ArtifactVersion]:
    found = list(versions.select_related("artifact"))
    over = of_closed_programs(found)
    return [version for version in found if version.pk not in over]


def _then(version: ArtifactVersion) -> str:
    if version.state == VersionState.SENT:
        return "it can no longer be signed and has to be sent anew"
    return kind_named(version.artifact.kind).loses
