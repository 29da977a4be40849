"""The artifacts of step 1: the scorecard and the bands that it is scored by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.urls import reverse

from alignment.artifacts.kinds import Content, Kind, program_in, register
from alignment.blockers import Blocker
from alignment.gates import notes_of, standing_blockers
from alignment.models import ArtifactVersion, Program, Role, Step
from alignment.queries.artifacts import in_force
from scorecard import bands, consistency, content, page
from scorecard.queries.freshness import changed_since
from scorecard.sequencing import STEPS, Track, track_of_rule

_READERS = frozenset({Role.SALES_MANAGER.value, Role.MARKETING.value, Role.FINANCE.value})
_BOTH_LEADS = (Role.CRO.value, Role.CMO.value)


def _leads(_: Content) -> tuple[str, ...]:
    return _BOTH_LEADS


def scorecard_blockers(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    """Why a scorecard cannot be sent: gate 0 is shut, the bands are not signed, something was not measured, or what
    was measured on is no longer what counts."""
    found = []
    number = _number(version)
    program = Program.objects.filter(number=number).first() if number is not None else None
    if program is None:
        found.append(Blocker("program", "There is no program of this number: open one, then measure."))
    else:
        found += standing_blockers(Step.PREREQUISITES, program, at=at)
        if notes_of(Step.PREREQUISITES, program, at=at) != version.content.get("waivers", []):
            text = "A waiver was signed, or ended, after this was measured: measure again, so that it is printed."
            found.append(Blocker("waivers-new", text, url=reverse("scorecard:scorecard")))
    signed = in_force(bands.KIND, bands.KEY)
    if signed is None:
        found.append(
            Blocker(
                "bands",
                "The scoring bands are not signed: both function leads sign them before scores rest on them.",
                url=reverse("scorecard:bands"),
            )
        )
    changed = changed_since(version, program, at=at) if program is not None else []
    renewed = {blocker.code for blocker in changed}
    needs = [entry["needs"] for entry in version.content.get("dimensions", []) if entry["needs"]]
    # what was missing and came since is no longer to be done first: only to be measured
    if program is not None and signed is not None and not changed:
        found += consistency.blockers_of(version, program, signed.content, at=at)
    return [*found, *(_need(need) for need in needs if f"{need['code']}-new" not in renewed), *changed]


def _need(needs: dict[str, Any]) -> Blocker:
    return Blocker(needs["code"], f"{needs['text']} Then measure again.", url=reverse(needs["url_name"]))


def _number(version: ArtifactVersion) -> int | None:
    key = version.artifact.key
    return int(key) if key.isascii() and key.isdigit() and len(key) < 9 else None


def _scorecard_title(found: Content, key: str) -> str:
    program = found.get("program")
    name = program.get("name") if isinstance(program, Mapping) else None
    return f"Diagnosis scorecard of {name or f'program {key}'}"


def _scorecard_effect(found: Content) -> tuple[str, ...]:
    track = track_of_rule((found.get("sequence") or {}).get("rule", ""))
    return (
        "The sequence recommended on it becomes the track of the program: it says which gates stand before which step.",
        *([f"Gate 1 opens, and {_begins(track)}."] if track is not None else []),
        "It becomes the scorecard that the next one is compared with.",
    )


def _begins(track: Track) -> str:
    """What the track puts first, once the scorecard is signed."""
    first = [step for step in track.stages[0] if step != Step.SCORECARD.value]
    named = " and ".join(f"step {step}, {STEPS[step]}" for step in first)
    said = f"the work on {named}{',' if len(first) == 1 else ''} begins"
    if len(track.stages[0]) > len(first):
        said = f"{named} go on at the same time as the work on what was measured"
    return f"{said}, after this: {track.first[0].lower()}{track.first[1:]}" if track.first else said


def _compared(found: Content) -> str:
    before = found.get("compared")
    if not before:
        return ""
    of = f" of the earlier program “{before['program']}”" if before["program"] else ""
    return (
        f"The changes in brackets are since version {before['version']}{of}, which was signed on "
        f"{page.day(before['signed_on'])}: the scorecard signed last before this was measured."
    )


SCORECARD = register(
    Kind(
        name=content.KIND,
        label="Diagnosis scorecard",
        check=content.check,
        render=page.render,
        signers=_leads,
        statement=(
            "I accept these scores as the state of our alignment, and the sequence as what we do about it."
        ),
        effect=_scorecard_effect,
        page_limit=1,
        readers=_READERS,
        blockers=scorecard_blockers,
        edit_url=lambda version: reverse("scorecard:scorecard"),
        title=_scorecard_title,
        program=program_in,
        loses="gate 1 shuts until it is measured and signed again",
        compared=_compared,
    )
)
BANDS = register(
    Kind(
        name=bands.KIND,
        label="Scoring bands",
        check=bands.check,
        render=bands.render,
        signers=_leads,
        statement="I agree that the scores of the diagnosis are given by these bands, whatever they turn out to be.",
        effect=lambda _: ("Scorecards measured from then on are scored by these bands.",),
        page_limit=1,
        readers=_READERS,
        edit_url=lambda version: reverse("scorecard:bands"),
        title=lambda _, key: "Scoring bands" if key == bands.KEY else f"Scoring bands of {key}",
        restarts=True,
    )
)
