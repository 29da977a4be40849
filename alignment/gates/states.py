"""Where a program stands: the state of each step, asked live, and the same list of blockers for every act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from alignment.blockers import Blocker
from alignment.gates.decisions import Recorded, last_decisions
from alignment.gates.registry import Evidence, GateClosed, examine
from alignment.gates.tracks import Track, track_of
from alignment.gates.waivers import CLOSED, NEVER_WAIVED, complaint, excuses, note_of, waivers_of
from alignment.models import ArtifactVersion, Program, Step


class State(StrEnum):
    """locked: a gate before the step is shut, or what the track puts first is not done. blocked: it can be worked on,
    and its next act is refused now, or its gate shut again after it had been open. open: it can be worked on;
    `blockers` are what its gate still needs. passed: its gate is open."""

    LOCKED = "locked"
    OPEN = "open"
    BLOCKED = "blocked"
    PASSED = "passed"


@dataclass(frozen=True)
class StepState:
    """One step. `blockers`: why its gate is shut, without those that a waiver excuses; `excused`: those that it does.
    `behind`: the gates before it that are shut; `ahead`: what its track puts before it and is not done. `waiver`: the
    one by which the gate is open, None without one. `since`: when the gate came to be open or shut as it is now, by the
    record of decisions (None: not on record yet).
    """

    step: Step
    state: State
    blockers: tuple[Blocker, ...]
    evidence: tuple[Evidence, ...]
    waiver: ArtifactVersion | None = None
    since: datetime | None = None
    excused: tuple[Blocker, ...] = ()
    behind: tuple[Step, ...] = ()
    is_on_track: bool = True
    ahead: tuple[Blocker, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its gate is open."""
        return not self.blockers

    @property
    def figures(self) -> list[Blocker]:
        """The blockers with an exact figure beside the one required."""
        return [blocker for blocker in self.blockers if blocker.actual is not None]


@dataclass(frozen=True)
class _Judged:
    """`found`: the blockers as the conditions found them, without what became of them since they were waived."""

    blockers: tuple[Blocker, ...]
    evidence: tuple[Evidence, ...]
    excused: tuple[Blocker, ...] = ()
    waiver: ArtifactVersion | None = None
    found: tuple[Blocker, ...] = ()


def _judge(step: Step, program: Program, waivers: Sequence[ArtifactVersion], *, at: datetime) -> _Judged:
    found = examine(step, program, at=at)
    own = [version for version in waivers if version.content["step"] == step.value]
    pardoned = tuple(b for b in found.blockers if any(excuses(waiver, b) for waiver in own))
    standing = tuple(b for b in found.blockers if b not in pardoned)
    said = tuple(_with_complaint(blocker, own) for blocker in standing)
    by = next((w for w in reversed(own) if any(excuses(w, b) for b in pardoned)), None)
    return _Judged(said, found.evidence, pardoned, by if pardoned and not standing else None, standing)


def _with_complaint(blocker: Blocker, waivers: Sequence[ArtifactVersion]) -> Blocker:
    """The blocker, saying so where it became worse than what was waived."""
    said = complaint(waivers, blocker)
    return replace(blocker, message=f"{blocker.message} ({said[:1].upper()}{said[1:]}.)") if said else blocker


def standing_blockers(step: Step, program: Program, *, at: datetime) -> list[Blocker]:
    """Why the gate of a step is shut now: what its conditions say, without what a signed waiver excuses.

    Empty where it is open. The gates of a program that is closed are shut.
    """
    if program.closed_at is not None:
        return [_closed(program)]
    return list(_judge(step, program, waivers_of(program, step, at=at), at=at).blockers)


def waivable_blockers(step: Step, program: Program, *, at: datetime) -> list[Blocker]:
    """As standing_blockers, in the words of the conditions: what a waiver may take over. Without those that say that
    nothing was measured."""
    if program.closed_at is not None:
        return []
    found = _judge(step, program, waivers_of(program, step, at=at), at=at).found
    return [blocker for blocker in found if blocker.code not in NEVER_WAIVED]


def notes_of(step: Step, program: Program, *, at: datetime) -> list[dict[str, Any]]:
    """What a document says of the waivers that excuse something at this gate now; none of the others."""
    waivers = waivers_of(program, step, at=at)
    if not waivers or program.closed_at is not None:
        return []
    excused = _judge(step, program, waivers, at=at).excused
    return [note for note in (note_of(waiver, excused) for waiver in waivers) if note["excuses"]]


def _closed(program: Program) -> Blocker:
    return Blocker(CLOSED, f"{program} is closed; its gates are shut for good.")


def require_open(step: Step, program: Program, *, at: datetime) -> None:
    """Raises GateClosed with the blockers where the gate of a step is shut."""
    if blockers := standing_blockers(step, program, at=at):
        raise GateClosed(step, blockers)


def require_step(step: Step, program: Program, *, at: datetime) -> None:
    """Raises GateClosed where the program is closed, a gate that its track puts before the step is shut, or what the
    track puts first is not done."""
    if program.closed_at is not None:
        raise GateClosed(step, [_closed(program)])
    track = track_of(program)
    for before in track.before(step):
        require_open(before, program, at=at)
    if blockers := track.ahead(step, program, at=at):
        raise GateClosed(step, blockers)


def state_of(program: Program, *, at: datetime) -> list[StepState]:
    """Gate 0 and the five steps in the order of their numbers, asked live.

    Of a program that is closed: as the record of decisions last had them, without evidence.
    """
    records = last_decisions(program)
    track = track_of(program)
    if program.closed_at is not None:
        judged = {step: _recorded(records.get(step)) for step in Step}
    else:
        waivers = waivers_of(program, at=at)
        judged = {step: _judge(step, program, waivers, at=at) for step in Step}
    shut = {step for step in Step if judged[step].blockers}
    ahead = {step: track.ahead(step, program, at=at) for step in shut if program.closed_at is None}
    return [_state(step, judged[step], shut, track, records.get(step), ahead.get(step, ())) for step in Step]


def _state(
    step: Step,
    judged: _Judged,
    shut: set[Step],
    track: Track,
    record: Recorded | None,
    ahead: tuple[Blocker, ...],
) -> StepState:
    behind = tuple(before for before in track.before(step) if before in shut)
    if step not in shut:
        state = State.PASSED
    elif step == Step.PREREQUISITES or behind == (Step.PREREQUISITES,):
        state = State.BLOCKED
    elif behind or ahead:
        state = State.LOCKED
    else:
        state = State.BLOCKED if record is not None and record.was_open else State.OPEN
    return StepState(
        step=step,
        state=state,
        blockers=judged.blockers,
        evidence=judged.evidence,
        waiver=judged.waiver,
        since=record.since if record is not None and record.is_open == (step not in shut) else None,
        excused=judged.excused,
        behind=behind,
        is_on_track=track.holds(step),
        ahead=ahead,
    )


def _recorded(record: Recorded | None) -> _Judged:
    if record is None:
        return _Judged((Blocker("never-judged", "It was never judged."),), ())
    kept = tuple(Blocker(entry["code"], entry["message"]) for entry in record.blockers)
    return _Judged((), (), kept, record.waiver) if record.is_open else _Judged(kept, ())
