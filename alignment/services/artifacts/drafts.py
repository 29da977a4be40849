"""Drafts: the next version while it is written. A draft shuts nothing and signs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from alignment.artifacts.canonical import NotCanonical, normalised
from alignment.artifacts.kinds import InvalidContent, kind_named
from alignment.models import KEY_PATTERN, Artifact, ArtifactVersion, Paper, RestsOn, User, VersionState
from alignment.services.artifacts.locks import lock
from alignment.services.artifacts.refusals import CannotRestart, ChangedMeanwhile, NotADraft
from alignment.services.authority import require_revops

KEY = re.compile(KEY_PATTERN)
WRONG_PAPER = f"paper: choose one of {', '.join(Paper.values)}."


@transaction.atomic
def save_draft(
    *,
    kind: str,
    key: str,
    content: Mapping[str, Any],
    rests_on: Sequence[ArtifactVersion] = (),
    paper: str | None = None,
    expected: int | None = None,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """The draft of the next version: made, or changed where there is one. It may be incomplete.

    `paper` None: as the draft or the version before has it, A4 where there is neither. `expected`: the draft's revision
    as its author knew it, 0 where there was none; None overwrites. Raises OnlyRevOps, UnknownKind, ChangedMeanwhile, or
    InvalidContent for what can never be signed (floats, numbers beyond 2^53-1, half characters, an unknown paper,
    grounds that were never sent).
    """
    require_revops(by, "Documents")
    return write_draft(
        kind=kind,
        key=key,
        content=content,
        rests_on=rests_on,
        paper=paper,
        expected=expected,
        by=by,
        at=at,
    )


def write_draft(
    *,
    kind: str,
    key: str,
    content: Mapping[str, Any],
    rests_on: Sequence[ArtifactVersion],
    paper: str | None,
    expected: int | None,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """As `save_draft`, within the caller's transaction and for services that let other people draft."""
    known = kind_named(kind)
    clean = _checked(key, content, rests_on, paper, own=(kind, key))
    artifact, _ = Artifact.objects.get_or_create(kind=kind, key=key, defaults={"created_at": at})
    Artifact.objects.select_for_update(no_key=True).get(pk=artifact.pk)
    draft = artifact.versions.filter(state=VersionState.DRAFT).select_related("artifact").first()
    _require_known(draft, expected)
    if draft is None:
        last = artifact.versions.order_by("-number").only("number", "paper").first()
        draft = ArtifactVersion.objects.create(
            artifact=artifact,
            number=last.number + 1 if last else known.first_number(),
            content=clean,
            paper=paper or (last.paper if last else Paper.A4),
            drafted_by=by,
            drafted_at=at,
            changed_at=at,
        )
    else:
        draft.content, draft.paper, draft.changed_at = clean, paper or draft.paper, at
        draft.revision += 1
        draft.save(update_fields=["content", "paper", "changed_at", "revision"])
    _set_grounds(draft, rests_on)
    return draft


@transaction.atomic
def restart(*, version: ArtifactVersion, by: User | None, at: datetime) -> ArtifactVersion:
    """A new draft with the content of a version that was declined or withdrawn, resting on what is in force today.

    Raises OnlyRevOps, CannotRestart, or ChangedMeanwhile where there is a draft already.
    """
    if version.state not in (VersionState.DECLINED, VersionState.WITHDRAWN):
        raise CannotRestart(
            f"Version {version.number} is {version.get_state_display().lower()}: only what was declined or withdrawn "
            "is begun again."
        )
    if not kind_named(version.artifact.kind).restarts:
        raise CannotRestart(
            "A document of this kind is made of figures or of other people's words: make it anew."
        )
    if ArtifactVersion.objects.filter(artifact=version.artifact_id, state=VersionState.DRAFT).exists():
        raise ChangedMeanwhile(
            "There is a draft of this document already. Go on with that one, or discard it first."
        )
    grounds = ArtifactVersion.objects.in_force().filter(
        artifact__in=version.foundations.values("ground__artifact")
    )
    return save_draft(
        kind=version.artifact.kind,
        key=version.artifact.key,
        content=version.content,
        rests_on=list(grounds),
        paper=version.paper,
        expected=0,
        by=by,
        at=at,
    )


@transaction.atomic
def choose_paper(
    *, version: ArtifactVersion, paper: str, expected: int | None = None, by: User | None, at: datetime
) -> ArtifactVersion:
    """Set a draft on other paper, which is part of what is signed; the versions after it stay on it.

    Raises OnlyRevOps, NotADraft, ChangedMeanwhile or InvalidContent (unknown paper).
    """
    require_revops(by, "Documents")
    draft = lock(version)
    if not draft.is_draft:
        raise NotADraft(f"Version {draft.number} was sent and stays on its paper. A change is a new version.")
    if expected is not None and expected != draft.revision:
        raise ChangedMeanwhile(
            "Somebody changed this draft after you read it. Read what it says now, then choose its paper."
        )
    if paper not in Paper.values:
        raise InvalidContent(WRONG_PAPER)
    if draft.paper != paper:
        draft.paper, draft.changed_at = paper, at
        draft.revision += 1
        draft.save(update_fields=["paper", "changed_at", "revision"])
    return draft


@transaction.atomic
def discard_draft(*, version: ArtifactVersion, by: User | None, at: datetime) -> None:
    """Delete a draft; its number is free again. Raises OnlyRevOps, or NotADraft for what was sent."""
    require_revops(by, "Documents")
    draft = lock(version)
    if not draft.is_draft:
        raise NotADraft(
            f"Version {draft.number} was sent and stays. Withdraw it while it waits for signatures."
        )
    draft.delete()


def _checked(
    key: str,
    content: Mapping[str, Any],
    rests_on: Sequence[ArtifactVersion],
    paper: str | None,
    *,
    own: tuple[str, str],
) -> dict[str, Any]:
    problems = []
    clean: dict[str, Any] = {}
    try:
        clean = normalised(content)
    except NotCanonical as problem:
        problems.append(str(problem))
    if not KEY.fullmatch(key):
        problems.append("key: use up to 60 letters, digits, dots, hyphens and underscores.")
    if paper is not None and paper not in Paper.values:
        problems.append(WRONG_PAPER)
    for ground in rests_on:
        if ground.is_draft:
            problems.append(f"rests_on: {ground} is a draft; only what was sent can be built on.")
        elif (ground.artifact.kind, ground.artifact.key) == own:
            problems.append(f"rests_on: {ground} is an earlier version of this very document.")
    if problems:
        raise InvalidContent(*problems)
    return clean


def _require_known(draft: ArtifactVersion | None, expected: int | None) -> None:
    revision = draft.revision if draft else 0
    if expected is None or expected == revision:
        return
    if draft is None:
        raise ChangedMeanwhile(
            "The draft that you worked on was sent or discarded meanwhile. Look at the versions there are; what "
            "you save now begins a new one."
        )
    raise ChangedMeanwhile(
        "Somebody changed this draft after you opened it. Read what it says now, then save again what should hold."
    )


def _set_grounds(draft: ArtifactVersion, rests_on: Sequence[ArtifactVersion]) -> None:
    wanted = {ground.pk for ground in rests_on}
    known = set(draft.foundations.values_list("ground", flat=True))
    draft.foundations.filter(ground__in=known - wanted).delete()
    RestsOn.objects.bulk_create(RestsOn(version=draft, ground_id=pk) for pk in sorted(wanted - known))
