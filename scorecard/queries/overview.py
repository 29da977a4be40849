"""Where the scorecard of a program stands: six steps with their states, and the version that is worked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.models import ArtifactVersion, Opportunity, Program, VersionState
from alignment.queries.artifacts import draft_of, history_of, in_force
from scorecard import bands, content
from scorecard.measures import Trust, Window
from scorecard.models import ClaimList, Diagnosis
from scorecard.models.claims import CLAIMING
from scorecard.queries.answers import Round, round_of
from scorecard.queries.attribution import newest_lists
from scorecard.queries.trust import measure_trust
from scorecard.queries.window import diagnosis_of, window_of

_SHOWN = (VersionState.SENT, VersionState.IN_FORCE)


@dataclass(frozen=True)
class Bands:
    """The bands in force and a draft or sent successor; either may be None."""

    in_force: ArtifactVersion | None
    next: ArtifactVersion | None


@dataclass(frozen=True)
class Overview:
    """`shown`: the version whose figures are shown, by default the draft for those who work on it, else the newest
    that was sent or signed; `lists` by function."""

    program: Program
    diagnosis: Diagnosis
    window: Window
    round: Round | None
    lists: Mapping[str, ClaimList]
    has_opportunities: bool
    trust: Trust
    bands: Bands
    draft: ArtifactVersion | None
    shown: ArtifactVersion | None
    versions: list[ArtifactVersion]

    @property
    def needs_no_lists(self) -> bool:
        """Nothing was opened in the window, so there is nothing to claim."""
        return not self.has_opportunities

    @property
    def has_all_lists(self) -> bool:
        return all(function.value in self.lists for function in CLAIMING)

    @property
    def content(self) -> Mapping[str, Any]:
        return self.shown.content if self.shown is not None else {}


def overview(program: Program, *, sees_drafts: bool, at: datetime) -> Overview:
    """`sees_drafts`: whether figures of a draft may be shown to whoever asks."""
    diagnosis = diagnosis_of(program)
    versions = history_of(content.KIND, str(program.number))
    draft = next((version for version in versions if version.is_draft), None)
    sent = next((version for version in versions if version.state in _SHOWN), None)
    window = window_of(diagnosis, at=at)
    return Overview(
        program=program,
        diagnosis=diagnosis,
        window=window,
        round=round_of(program),
        lists=newest_lists(program),
        has_opportunities=_has_opportunities(window),
        trust=measure_trust(program),
        bands=Bands(in_force(bands.KIND, bands.KEY), _next_bands()),
        draft=draft,
        shown=draft if sees_drafts and draft is not None else sent,
        versions=[version for version in versions if not version.is_draft or sees_drafts],
    )


def version_shown(
    program: Program, *, sees_drafts: bool, number: int | None = None
) -> ArtifactVersion | None:
    """The version whose figures are shown, as in Overview, or that with a number; None where there is none to see."""
    found = ArtifactVersion.objects.of(content.KIND, str(program.number)).select_related("artifact")
    if not sees_drafts:
        found = found.exclude(state=VersionState.DRAFT)
    if number is not None:
        return found.filter(number=number).first()
    return found.filter(state__in=[VersionState.DRAFT, *_SHOWN]).order_by("-number").first()


def of_closed_programs() -> list[tuple[Program, ArtifactVersion]]:
    """The signed scorecards of programs that are closed, the newest first; their figures and rows stay to be read."""
    closed = {str(program.number): program for program in Program.objects.filter(closed_at__isnull=False)}
    signed = ArtifactVersion.objects.in_force().filter(artifact__kind=content.KIND, artifact__key__in=closed)
    found = signed.select_related("artifact").order_by("-signed_at", "-pk")
    return [(closed[version.artifact.key], version) for version in found]


def _has_opportunities(window: Window) -> bool:
    opened = Opportunity.objects.filter(is_deleted=False, opened_at__gte=window.starts_at)
    return opened.filter(opened_at__lt=window.ends_at).exists()


def _next_bands() -> ArtifactVersion | None:
    waiting = ArtifactVersion.objects.of(bands.KIND, bands.KEY).sent().select_related("artifact").first()
    return draft_of(bands.KIND, bands.KEY) or waiting
