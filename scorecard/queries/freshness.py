"""Whether a draft still says how things are: what it was measured on is what counts now, and it is not too old."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from alignment.blockers import Blocker
from alignment.definitions.predicate import KEYS
from alignment.models import ArtifactVersion, Program
from alignment.queries.artifacts import in_force
from alignment.queries.definitions import definitions_in_force
from scorecard import bands, content
from scorecard.dimensions import ATTRIBUTION, DEFINITIONS, TRUST
from scorecard.queries.answers import round_of
from scorecard.queries.attribution import newest_lists
from scorecard.queries.trust import measure_trust
from scorecard.queries.window import diagnosis_of, window_of

MEASURED_WITHIN = timedelta(days=14)
"""Facts come in daily: of older figures a leader would sign what their own CRM no longer says."""


def changed_since(version: ArtifactVersion, program: Program, *, at: datetime) -> list[Blocker]:
    """Why a measured draft has to be measured again; empty where nothing was measured, or nothing changed."""
    if not version.content.get("dimensions"):
        return []
    where = reverse("scorecard:scorecard")
    grounds = list(version.rests_on.select_related("artifact"))
    found = [*_of_grounds(grounds), *_of_inputs(version.content, program, at)]
    as_of = datetime.fromisoformat(version.content["as_of"])
    if at - as_of > MEASURED_WITHIN:
        text = (
            f"This was measured {(at - as_of).days} days ago; facts have come in since, and figures older than "
            f"{MEASURED_WITHIN.days} days are not sent: measure again."
        )
        found.append(("measured-long-ago", text))
    return [Blocker(code, text, url=where) for code, text in found]


def _of_grounds(grounds: list[ArtifactVersion]) -> Iterator[tuple[str, str]]:
    signed = in_force(bands.KIND, bands.KEY)
    if signed is not None and signed not in grounds:
        yield "bands-new", "The scoring bands were signed after this was measured: measure again."
    frozen = {ground.artifact.key: ground for ground in grounds if ground.artifact.kind == "definition"}
    now = {key: one.version for key, one in definitions_in_force().items()}
    others = [name for key, (name, _) in KEYS.items() if frozen.get(key) != now.get(key)]
    if others:
        text = f"After this was measured another definition came into force, or one ended ({', '.join(others)}): "
        yield "definitions-new", f"{text}measure again."


def _of_inputs(measured: Mapping[str, Any], program: Program, at: datetime) -> Iterator[tuple[str, str]]:
    if _is_declared_otherwise(measured, program, at):
        yield (
            "declared-new",
            "The quarters or the follow-up window are others now than when this was measured: measure again.",
        )
    round_ = round_of(program)
    if content.figures_of(measured, DEFINITIONS).get("round") != (round_.row.number if round_ else None):
        yield (
            "answers-new",
            "Another round of the questions was opened after this was measured: measure again.",
        )
    lists = {function: row.number for function, row in newest_lists(program).items()}
    if content.figures_of(measured, ATTRIBUTION).get("lists", {}) != lists:
        yield "claims-new", "Another list of claims was imported after this was measured: measure again."
    if content.figures_of(measured, TRUST).get("survey") != measure_trust(program).survey:
        yield "survey-new", "Another survey was published after this was measured: measure again."


def _is_declared_otherwise(measured: Mapping[str, Any], program: Program, at: datetime) -> bool:
    declared = diagnosis_of(program)
    window = window_of(declared, at=at)
    quarters = {"first": window.first.key, "last": window.last.key, "zone": window.zone}
    within = {
        "hours": declared.follow_up_hours,
        "time": str(declared.follow_up_time),
        "calendar": declared.calendar_id,
    }
    known: Mapping[str, Any] = (measured.get("basis") or {}).get("follow_up") or {}
    return any(
        name in given and given[name] != now[name]
        for given, now in ((measured.get("window") or {}, quarters), (known, within))
        for name in now
    )
