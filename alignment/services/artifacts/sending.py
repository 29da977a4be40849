"""Sending a draft to its signers: from here on it never changes."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.db import transaction

from alignment.artifacts import envelope
from alignment.artifacts.canonical import digest
from alignment.artifacts.events import refusal_event, sent_event
from alignment.artifacts.kinds import InvalidContent, kind_named
from alignment.blockers import Blocked, Blocker
from alignment.models import (
    ArtifactVersion,
    Organisation,
    Refusal,
    RefusalKind,
    Role,
    User,
    VersionState,
)
from alignment.queries.artifacts import stale_grounds
from alignment.queries.renditions import title_of
from alignment.queries.signers import holders_of, named_for, roles_of
from alignment.services import chain
from alignment.services.artifacts import renditions, telling
from alignment.services.artifacts.locks import lock
from alignment.services.artifacts.refusals import ChangedMeanwhile, NotADraft
from alignment.services.authority import require_revops


def send(
    *, version: ArtifactVersion, by: User | None, at: datetime, expected: int | None = None
) -> ArtifactVersion:
    """Fix a draft as what will be signed, make its PDF, and ask those whose turn it is to sign.

    A version that still waits for signatures is withdrawn: its change is this new one, unsigned. `expected`: the
    draft's revision that was read. Raises OnlyRevOps, NotADraft, ChangedMeanwhile, or Blocked with every reason.
    """
    require_revops(by, "Documents")
    return dispatch(version=version, by=by, at=at, expected=expected)


@transaction.atomic
def dispatch(
    *, version: ArtifactVersion, by: User | None, at: datetime, expected: int | None = None
) -> ArtifactVersion:
    """As `send`, for services that let other people send."""
    draft = lock(version)
    if not draft.is_draft:
        raise NotADraft(f"Version {draft.number} was sent already. A change of it is a new version.")
    if expected is not None and expected != draft.revision:
        raise ChangedMeanwhile(
            "Somebody changed this draft after you read it. Read what it says now, then send that."
        )
    if blockers := blockers_of(draft, at=at):
        raise Blocked(blockers)
    _withdraw_the_one_before(draft, by=by, at=at)
    _fix(draft, by=by, at=at)
    chain.append(*sent_event(draft), version=draft, at=at)
    renditions.make(draft, is_signed=False, at=at)
    telling.signatures_wanted(draft, at=at)
    return draft


def blockers_of(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    """Why a draft cannot be sent yet; empty where it can."""
    kind = kind_named(version.artifact.kind)
    blockers = [
        Blocker(
            "ground",
            f"{title_of(row.ground)} is no longer in force, and this rests on it. Take over its successor, "
            "then send this.",
            url=telling.address_of(row.ground),
        )
        for row in stale_grounds(version, at=at)
    ]
    try:
        kind.examined(version.content)
    except InvalidContent as problem:
        where = kind.edit_url(version)
        lacks = [Blocker("content", sentence, url=where) for sentence in problem.problems]
        return lacks + blockers + kind.shut_by(at=at)
    blockers += _blockers_of_signers(version)
    ends_at = end_of(version)
    if ends_at and ends_at <= at:
        blockers.append(
            Blocker("expiry", "The last day on which it would be in force is over; write a later one.")
        )
    blockers += renditions.blockers_of(version)
    return blockers + kind.blockers(version, at=at)


def end_of(version: ArtifactVersion) -> datetime | None:
    """The first instant after the last day on which the version is in force; None where it has no end."""
    last = kind_named(version.artifact.kind).expires_on(version.content)
    if last is None:
        return None
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=Organisation.get().tz)


def _blockers_of_signers(version: ArtifactVersion) -> list[Blocker]:
    roles, named = roles_of(version), named_for(version)
    if not roles or len(set(roles)) < len(roles) or not set(roles) <= set(Role.values):
        return [
            Blocker(
                "signers", "It does not say which roles sign it, each once; nobody could put it in force."
            )
        ]
    blockers = []
    for role, holders in holders_of(roles).items():
        label = Role(role).label
        if not holders:
            blockers.append(
                Blocker("holder", f"Nobody active holds the role {label}. Give it to somebody under People.")
            )
        elif role in named and named[role] not in {user.pk for user in holders}:
            blockers.append(
                Blocker("holder", f"Whoever is named to sign does not hold the role {label} today.")
            )
    return blockers


def _withdraw_the_one_before(draft: ArtifactVersion, *, by: User | None, at: datetime) -> None:
    waiting = (
        ArtifactVersion.objects.sent().filter(artifact=draft.artifact_id).select_related("artifact").first()
    )
    if waiting is None:
        return
    refusal = Refusal.objects.create(
        version=waiting,
        kind=RefusalKind.WITHDRAWN,
        role=by.role if by else Role.REVOPS,
        person=by,
        name=str(by) if by else "",
        reason=f"Version {draft.number} was sent in its place.",
        refused_at=at,
    )
    waiting.state, waiting.ended_at = VersionState.WITHDRAWN, at
    waiting.save(update_fields=["state", "ended_at"])
    chain.append(*refusal_event(refusal), version=waiting, at=at)
    telling.withdrawn(refusal, at=at, by_mail=False)


def _fix(draft: ArtifactVersion, *, by: User | None, at: datetime) -> None:
    kind = kind_named(draft.artifact.kind)
    before = (
        ArtifactVersion.objects.filter(artifact=draft.artifact_id, number__lt=draft.number)
        .exclude(state=VersionState.DRAFT)
        .order_by("-number")
        .values_list("digest", flat=True)
        .first()
    )
    grounds = [
        envelope.ground(
            kind=row.ground.artifact.kind,
            key=row.ground.artifact.key,
            version=row.ground.number,
            digest=row.ground.digest,
        )
        for row in draft.foundations.select_related("ground__artifact")
    ]
    raw = envelope.envelope(
        kind,
        organisation=Organisation.get().name,
        key=draft.artifact.key,
        version=draft.number,
        previous=before or "",
        rests_on=grounds,
        paper=draft.paper,
        content=draft.content,
    )
    draft.envelope, draft.digest, draft.previous_digest = raw.decode(), digest(raw), before or ""
    draft.expires_at = end_of(draft)
    draft.state, draft.sent_by, draft.sent_at = VersionState.SENT, by, at
    draft.save(
        update_fields=[
            "envelope",
            "digest",
            "previous_digest",
            "expires_at",
            "state",
            "sent_by",
            "sent_at",
        ]
    )
