"""On what figures rest besides the records: moment, window, follow-up, lists of claims, round, survey, definition.

A scorecard keeps its basis in its content, so that the rows behind its figures can be listed later by the same rules:

{"at": "…", "follow_up": {"hours": 8, "time": "business", "calendar": null or its key, "fallback": key or null},
 "claims": {"sales": {"number": 2, "sha256": "…"}, …}, "round": 1 or null,
 "survey": null or {"number": 3, "released_at": "…Z"}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from alignment.definitions.predicate import Definition
from alignment.models import ArtifactVersion, Calendar, Program
from alignment.quarters import Quarter
from alignment.queries.definitions import definition_in_force
from scorecard.measures import Window
from scorecard.models import ClaimList, Diagnosis, QuestionRound, SurveyRelease
from scorecard.queries.attribution import newest_lists
from scorecard.queries.window import (
    FollowUpWindow,
    default_calendar,
    diagnosis_of,
    follow_up_window,
    window_of,
)


@dataclass(frozen=True)
class Basis:
    """`declared` holds the follow-up window; `sql` is the definition of an SQL, None where none was signed; `version`
    None: nothing is frozen, all is as it stands `at` that moment."""

    at: datetime
    window: Window
    declared: Diagnosis
    lists: Mapping[str, ClaimList]
    round: QuestionRound | None
    release: SurveyRelease | None
    sql: Definition | None
    version: ArtifactVersion | None = None
    fallback: Calendar | None = None

    @cached_property
    def within(self) -> FollowUpWindow:
        """Raises NoCalendar."""
        return follow_up_window(self.declared, fallback=self.fallback)

    @property
    def content(self) -> Mapping[str, Any]:
        """Of the version; empty for none."""
        return self.version.content if self.version is not None else {}


def basis_now(program: Program, *, at: datetime) -> Basis:
    """As everything is declared, imported and signed now."""
    diagnosis = diagnosis_of(program)
    definition = definition_in_force("sql")
    return Basis(
        at=at,
        window=window_of(diagnosis, at=at),
        declared=diagnosis,
        lists=newest_lists(program),
        round=QuestionRound.objects.filter(program=program).order_by("-number").first(),
        release=_releases(program).filter(survey__is_released=True).first(),
        sql=definition.definition if definition else None,
        fallback=default_calendar(),
    )


def basis_of(version: ArtifactVersion, program: Program) -> Basis:
    """As it was when the version was measured. Of a version without figures: as it stands at its last change."""
    content = version.content
    if not content.get("window"):
        return basis_now(program, at=version.drafted_at)
    frozen: Mapping[str, Any] = content.get("basis") or {}
    window, within = content["window"], frozen.get("follow_up") or {}
    declared = diagnosis_of(program)
    if within:
        calendar = Calendar.objects.filter(pk=within["calendar"]).first() if within["calendar"] else None
        declared = Diagnosis(
            program=program, follow_up_hours=within["hours"], follow_up_time=within["time"], calendar=calendar
        )
    numbers = {function: one["number"] for function, one in (frozen.get("claims") or {}).items()}
    lists = ClaimList.objects.filter(program=program, number__in=numbers.values()).select_related(
        "imported_by"
    )
    sql = version.rests_on.filter(artifact__kind="definition", artifact__key="sql").first()
    survey = frozen.get("survey") or {}
    return Basis(
        at=datetime.fromisoformat(frozen.get("at") or content["as_of"]),
        window=Window(Quarter.read(window["first"]), Quarter.read(window["last"]), window["zone"]),
        declared=declared,
        lists={one.function: one for one in lists if numbers.get(one.function) == one.number},
        round=QuestionRound.objects.filter(program=program, number=frozen.get("round") or 0).first(),
        release=_releases(program).filter(survey=survey.get("number") or 0).first(),
        sql=Definition.of(sql.content) if sql is not None else None,
        version=version,
        fallback=Calendar.objects.filter(pk=within.get("fallback") or 0).first(),
    )


def frozen(basis: Basis) -> dict[str, Any]:
    """What the content keeps of it beside window and definition, which stand there already."""
    declared, release = basis.declared, basis.release
    return {
        "at": basis.at.astimezone(UTC).isoformat(),
        "follow_up": {
            "hours": declared.follow_up_hours,
            "time": str(declared.follow_up_time),
            "calendar": declared.calendar_id,
            "fallback": basis.fallback.pk if basis.fallback is not None else None,
        },
        "claims": {
            function: {"number": one.number, "sha256": one.sha256}
            for function, one in sorted(basis.lists.items())
        },
        "round": basis.round.number if basis.round is not None else None,
        "survey": None
        if release is None
        else {
            "number": release.survey_id,
            "released_at": release.released_at.astimezone(UTC).isoformat(timespec="seconds"),
        },
    }


def _releases(program: Program) -> Any:
    return SurveyRelease.objects.filter(survey__program=program)
