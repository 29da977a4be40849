"""The five-step rail: where a program stands, what blocks each gate, and what waits too long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from alignment.gates.registry import UNKNOWN
from alignment.gates.sponsorship import SCORECARD, Wait, scorecard_wait
from alignment.gates.states import State, StepState, state_of
from alignment.gates.tracks import Track, track_of
from alignment.gates.waivers import waivers_of
from alignment.models import ArtifactVersion, Program, Step
from alignment.queries.artifacts import who_is_missing

LABELS = {
    State.LOCKED: "Locked",
    State.OPEN: "Open to work on",
    State.BLOCKED: "Blocked",
    State.PASSED: "Passed",
}
LOOKS = {State.LOCKED: "locked", State.OPEN: "open", State.BLOCKED: "blocked", State.PASSED: "passed"}
PRODUCES = {
    Step.PREREQUISITES: "What must be there before the scorecard is sent.",
    Step.SCORECARD: "A one-page diagnosis, signed by both function leads.",
    Step.SLA: "A two-page joint revenue SLA, signed by both function leads.",
    Step.HANDOFF: "A governed handoff: compliance above 85% and tagging above 90% in two full weeks.",
    Step.PLAN: "A one-page joint plan, signed by CRO and CMO.",
    Step.DASHBOARD: "One shared dashboard with signed metric definitions.",
}

MEANWHILE = {
    Step.SLA: "What can be done now: enter working terms under SLA; the clocks run by them at once.",
    Step.PLAN: "What can be done now: keep the sponsorship's numbers up to date; the plan is made of them.",
    Step.DASHBOARD: "What can be done now: have the definitions signed and read “Is it working?” together; the tiles "
    "count by them.",
}


@dataclass(frozen=True)
class Stop:
    """One stop of the rail. `label` and `look` (kind of badge) say its state, `produces` what the step is for;
    `first`: what its track puts before it and is not done, in words."""

    state: StepState
    label: str
    look: str
    produces: str
    first: str = ""

    @property
    def number(self) -> int:
        return self.state.step.value

    @property
    def name(self) -> str:
        return str(self.state.step.label)

    @property
    def evidence_label(self) -> str:
        return f"Evidence for {self.name}"

    @property
    def waits_for(self) -> str:
        """The gates before it that are shut and what comes first, in words; empty where there is nothing."""
        names = [
            "the prerequisites" if step == Step.PREREQUISITES else f"gate {step.value} ({step.label})"
            for step in self.state.behind
        ]
        names += [self.first] if self.first else []
        return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))

    @property
    def status(self) -> str:
        """The state as people read it, with what is not plain from the word alone."""
        if self.state.waiver is not None:
            return "Passed by waiver"
        if not self.state.is_on_track and self.state.state != State.PASSED:
            return "Not on this track"
        return self.label


@dataclass(frozen=True)
class Rail:
    """`wait`: the scorecard that waits for signatures, None where none does. `waivers`: all that are in force.

    `asked`: the version of the scorecard that waits now; `missing`: who has to sign it still, by name and role.
    """

    program: Program
    stops: list[Stop]
    track: Track
    wait: Wait | None
    waivers: list[ArtifactVersion]
    asked: ArtifactVersion | None = None
    missing: tuple[str, ...] = ()

    @property
    def current(self) -> Stop | None:
        """Where the work is, None where all is passed."""
        now = where_the_work_is([stop.state for stop in self.stops], self.track)
        return next((stop for stop in self.stops if stop.state == now), None)

    @property
    def meanwhile(self) -> str:
        """What can be done at the present step though nothing measures it yet; empty where its gate is measured."""
        stop = self.current
        if stop is None or {blocker.code for blocker in stop.state.blockers} != {UNKNOWN}:
            return ""
        return MEANWHILE.get(stop.state.step, "")

    @property
    def missing_in_words(self) -> str:
        return " and ".join(self.missing)

    @property
    def is_sponsorship_problem(self) -> bool:
        return self.wait is not None and self.wait.is_problem


def where_the_work_is(states: Sequence[StepState], track: Track) -> StepState | None:
    """Of what is not passed the first in the order of the track that no gate stands before; None where all is."""
    by_step = {state.step: state for state in states}
    order = [Step.PREREQUISITES, *chain.from_iterable(track.order)]
    left = [by_step[step] for step in order if by_step[step].state != State.PASSED]
    return next((state for state in left if state.state != State.LOCKED), left[0] if left else None)


def rail_of(program: Program, *, at: datetime) -> Rail:
    """Everything asked live; of a closed program as the record last had it."""
    is_open = program.closed_at is None
    track = track_of(program)
    asked = (
        ArtifactVersion.objects.of(SCORECARD, str(program.number)).sent().select_related("artifact").first()
    )
    return Rail(
        program=program,
        stops=[
            Stop(
                state,
                LABELS[state.state],
                LOOKS[state.state],
                PRODUCES[state.step],
                track.first.said if track.first and state.ahead else "",
            )
            for state in state_of(program, at=at)
        ],
        track=track,
        wait=scorecard_wait(program, at=at) if is_open else None,
        waivers=waivers_of(program, at=at) if is_open else [],
        asked=asked if is_open else None,
        missing=who_is_missing(asked) if asked is not None and is_open else (),
    )
