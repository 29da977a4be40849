"""Delegations in the list: who may sign for whom, from when until when, and whether today is one of those days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from alignment.artifacts import delegation
from alignment.models import ArtifactVersion, Role, User, VersionState
from alignment.queries.signers import local_day


@dataclass(frozen=True)
class Row:
    """A delegation. `state`: waiting (for its signature), coming, active, over, revoked, declined, withdrawn."""

    version: ArtifactVersion
    role: str
    holder: str
    delegate: str
    first: date | None
    last: date | None
    reason: str
    state: str
    label: str
    is_mine: bool


def delegations_of(user: User) -> QuerySet[ArtifactVersion]:
    """All for RevOps, else those that this login gave or was given."""
    found = ArtifactVersion.objects.filter(artifact__kind=delegation.NAME).select_related("artifact")
    if user.has_role(Role.REVOPS):
        return found
    return found.filter(Q(content__delegate__id=user.pk) | Q(content__holder__id=user.pk))


def rows_of(versions: Iterable[ArtifactVersion], user: User, *, at: datetime) -> list[Row]:
    """Each of them as this login sees it at this time."""
    today = local_day(at)
    return [_row(version, user, today) for version in versions]


def _row(version: ArtifactVersion, user: User, today: date) -> Row:
    content = version.content
    first, last = delegation.day(content, "from_on"), delegation.day(content, "until_on")
    state, label = _state(version, first, last, today)
    role = content.get("role", "")
    return Row(
        version=version,
        role=str(Role(role).label) if role in Role.values else role,
        holder=_name(content, "holder"),
        delegate=_name(content, "delegate"),
        first=first,
        last=last,
        reason=str(content.get("reason", "")),
        state=state,
        label=label,
        is_mine=user.pk in delegation.named(content).values(),
    )


def _state(version: ArtifactVersion, first: date | None, last: date | None, today: date) -> tuple[str, str]:
    if version.state == VersionState.SENT:
        return "waiting", "Waits for the holder's signature"
    if version.state != VersionState.IN_FORCE:
        return version.state, version.get_state_display()
    if first and today < first:
        return "running", "Signed, not begun"
    if last and today > last:
        return "neutral", "Over"
    return "active", "May sign today"


def _name(content: dict[str, object], field: str) -> str:
    person = content.get(field)
    return str(person.get("name", "–")) if isinstance(person, dict) else "–"
