"""Gate 1: the scorecard is signed by both function leads, and everything that it rests on still holds."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from django.urls import reverse

from alignment.blockers import Blocker
from alignment.definitions.predicate import KEYS
from alignment.gates import Basis, Evidence, First, Track, gate, track_provider
from alignment.models import ArtifactVersion, Program, Role, Step, VersionState
from alignment.quarters import Quarter
from alignment.queries.artifacts import in_force, latest, signatures_so_far, stale_grounds, who_is_missing
from alignment.queries.definitions import definitions_in_force
from alignment.queries.renditions import title_of
from scorecard import content
from scorecard.sequencing import track_of_rule

LEADS = (Role.CRO, Role.CMO)


def key_of(program: Program) -> str:
    """The key of a program's scorecard."""
    return str(program.number)


@gate(Step.SCORECARD)
def scorecard_is_signed_and_its_grounds_hold(program: Program, *, at: datetime) -> list[Evidence]:
    signed = in_force(content.KIND, key_of(program), at=at, signed_by=LEADS)
    where = reverse("scorecard:scorecard")
    if signed is None:
        return [_unsigned(program, where)]
    said = f"Version {signed.number}, signed by both function leads"
    found = [Evidence("Scorecard", said, Basis.SIGNED, signed.signed_at, where, version=signed)]
    stale = stale_grounds(signed, at=at)
    blockers = [_stale(row.ground, where) for row in stale]
    if not stale:
        found.append(Evidence("What it rests on", "All of it is still in force", Basis.SIGNED, url=where))
    found += [
        Evidence(
            "What it rests on",
            title_of(row.ground),
            Basis.SIGNED,
            row.ground.ended_at,
            where,
            blocker,
            row.ground,
        )
        for row, blocker in zip(stale, blockers, strict=True)
    ]
    return found


def _unsigned(program: Program, where: str) -> Evidence:
    last = latest(content.KIND, key_of(program))
    said, text = (
        "Not measured yet",
        "There is no scorecard yet: measure it, and have both function leads sign it.",
    )
    if last is not None:
        said = f"Version {last.number}: {last.get_state_display().lower()}"
        text = (
            f"The scorecard is not signed by both function leads (version {last.number} is {_state(last)})."
        )
        if last.state == VersionState.SENT:
            missing = " and ".join(who_is_missing(last))
            text = f"The scorecard is not signed by both function leads: version {last.number} waits for {missing}."
    signed = Fraction(signatures_so_far(last))
    blocker = Blocker("scorecard-unsigned", text, signed, Fraction(len(LEADS)), where)
    return Evidence("Scorecard", said, Basis.SIGNED, url=where, blocker=blocker)


def _state(version: ArtifactVersion) -> str:
    words = {VersionState.DRAFT: "a draft", VersionState.SENT: "waiting for signatures"}
    return words.get(VersionState(version.state), version.get_state_display().lower())


def _stale(ground: ArtifactVersion, where: str) -> Blocker:
    return Blocker(
        f"scorecard-ground-{ground.artifact.kind}-{ground.artifact.key}",
        f"The scorecard rests on {title_of(ground)}, which is no longer in force: measure again and have it signed.",
        url=where,
    )


@track_provider
def track_of_signed_scorecard(program: Program) -> Track | None:
    """The track by the rule that fired on the scorecard in force; None while none is."""
    signed = in_force(content.KIND, key_of(program), signed_by=LEADS)
    if signed is None:
        return None
    found = signed.content["sequence"]
    steps = track_of_rule(found["rule"])
    if steps is None:
        return None
    order = tuple(tuple(Step(step) for step in stage) for stage in steps.stages)
    if not any(Step.SCORECARD in stage for stage in order):
        order = ((Step.SCORECARD,), *order)
    sentences = [found["sentence"], *([found["facilitation"]] if found["facilitation"] else [])]
    if steps.first:
        sentences.append(f"First: {steps.first}.")
    if steps.deferred:
        named = " and ".join(f"step {step}" for step in steps.deferred)
        sentences.append(f"Next quarter, from {_next_quarter(signed)} on: {named}.")
    return Track(
        order=order,
        sentences=tuple(sentences),
        is_facilitated=bool(found["facilitation"]),
        rule=found["rule"],
        first=DEFINITIONS_FIRST if steps.first else None,
    )


def definitions_not_signed(program: Program, *, at: datetime) -> list[Blocker]:
    """Which of the five definitions are not in force."""
    signed = definitions_in_force()
    where = reverse("alignment:definitions")
    return [
        Blocker(
            f"definition-{key}-first",
            f"The definition of {name} is not signed by all three functions; on this track it comes first.",
            url=where,
        )
        for key, (name, _) in KEYS.items()
        if key not in signed
    ]


DEFINITIONS_FIRST = First(
    Step.SLA, "the five definitions, until all three functions have signed them", definitions_not_signed
)


def _next_quarter(signed: ArtifactVersion) -> str:
    """The first day of the quarter after the one in which the scorecard was measured: "1 January 2027"."""
    zone = signed.content["window"]["zone"]
    first = Quarter.of(datetime.fromisoformat(signed.content["as_of"]), zone).next().months()[0]
    return f"{first.day} {first:%B %Y}"
