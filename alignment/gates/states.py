"""Where a program stands: the state of each step, asked live, and the same list of blockers for every act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from alignment.blockers import Blocker
from alignment.gates.decisions import Recorded, last_decisions
from alignment.gates.registry import Evidence, GateClosed, examine
from alignment.gates.tracks import Track, track_of
from alignment.gates.waivers import excused, waivers_of
from alignment.models import ArtifactVersion, Program, Step


class State(StrEnum):
    """locked: a gate before the step is shut. blocked: it can be worked on, and its next act is refused now, or its
    gate shut again after it had been open. open: it can be worked on; `blockers` are what its gate still needs.
    passed: its gate is open."""

    LOCKED = "locked"
    OPEN = "open"
    BLOCKED = "blocked"
    PASSED = "passed"


@dataclass(frozen=True)
class StepState:
    """One step. `blockers`: why its gate is shut, without those that a waiver excuses; `excused`: those that it does.
    `behind`: the gates before it that are shut. `waiver`: the one by which the gate is open, None without one.
    `since`: when the gate came to be open or shut as it is now, by the record of decisions (None: not on record yet).
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
    blockers: tuple[Blocker, ...]
    evidence: tuple[Evidence, ...]
    excused: tuple[Blocker, ...] = ()
    waiver: ArtifactVersion | None = field(default=None)


def _judge(step: Step, program: Program, waivers: Sequence[ArtifactVersion], *, at: datetime) -> _Judged:
    found = examine(step, program, at=at)
    own = [version for version in waivers if version.content["step"] == step.value]
    codes = excused(own)
    standing = tuple(blocker for blocker in found.blockers if blocker.code not in codes)
    pardoned = tuple(blocker for blocker in found.blockers if blocker.code in codes)
    by = next((w for w in reversed(own) if excused([w]) & {b.code for b in pardoned}), None)
    return _Judged(standing, found.evidence, pardoned, by if pardoned and not standing else None)


def standing_blockers(step: Step, program: Program, *, at: datetime) -> list[Blocker]:
    """Why the gate of a step is shut now: what its conditions say, without what a signed waiver excuses.

    Empty where it is open. The gates of a program that is closed are shut.
    """
    if program.closed_at is not None:
        return [Blocker("program-closed", f"{program} is closed; its gates are shut for good.")]
    return list(_judge(step, program, waivers_of(program, step, at=at), at=at).blockers)


def require_open(step: Step, program: Program, *, at: datetime) -> None:
    """Raises GateClosed with the blockers where the gate of a step is shut."""
    if blockers := standing_blockers(step, program, at=at):
        raise GateClosed(step, blockers)


def require_step(step: Step, program: Program, *, at: datetime) -> None:
    """Raises GateClosed where a gate that the program's track puts before the work on a step is shut."""
    for before in track_of(program).before(step):
        require_open(before, program, at=at)


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
    return [_state(step, judged[step], shut, track, records.get(step)) for step in Step]


def _state(step: Step, judged: _Judged, shut: set[Step], track: Track, record: Recorded | None) -> StepState:
    behind = tuple(before for before in track.before(step) if before in shut)
    if step not in shut:
        state = State.PASSED
    elif step == Step.PREREQUISITES or behind == (Step.PREREQUISITES,):
        state = State.BLOCKED
    elif behind:
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
    )


def _recorded(record: Recorded | None) -> _Judged:
    if record is None:
        return _Judged((Blocker("never-judged", "It was never judged."),), ())
    kept = tuple(Blocker(entry["code"], entry["message"]) for entry in record.blockers)
    return _Judged((), (), kept, record.waiver) if record.is_open else _Judged(kept, ())
