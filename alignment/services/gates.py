"""Keeping the record of what gates say, and telling about changes. Nothing here opens a gate: nothing can."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction

from alignment.gates import Basis, StepState, require_open, require_step, state_of
from alignment.gates.decisions import Recorded, last_decisions
from alignment.gates.rail import PRODUCES, where_the_work_is
from alignment.gates.sponsorship import scorecard_wait
from alignment.gates.tracks import track_of
from alignment.models import GateDecision, Heartbeat, Program, Role, Step, User
from alignment.notifications import notify
from alignment.queries.programs import current

__all__ = ["evaluate", "evaluate_after_commit", "require_open", "require_step"]
PERIOD = timedelta(minutes=1)
TOLD = (Role.REVOPS, Role.CRO, Role.CMO)


@transaction.atomic
def evaluate(*, at: datetime) -> int:
    """Ask every gate of the open program, and write down what changed; how many decisions were written.

    A decision is written where a gate opened or shut, or where its blockers, their figures, its waiver or what it rests
    on (another signed version, another owner) changed, and never otherwise, however often and by however many workers
    this runs. Opening and shutting is told to RevOps, CRO and CMO, once; so is to RevOps that a scorecard waits too
    long for its signatures.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.gates'))")
    Heartbeat.objects.update_or_create(name="gates", defaults={"beat_at": at, "period": PERIOD})
    program = current()
    if program is None:
        return 0
    records = last_decisions(program)
    written = 0
    states = state_of(program, at=at)
    following = where_the_work_is(states, track_of(program))
    for state in states:
        before = records.get(state.step)
        found = state.blockers or state.excused
        kept = [blocker.to_json() for blocker in found]
        evidence = [each.to_json(at=at) for each in state.evidence]
        if before is not None and _is_same(before, state, kept, evidence):
            continue
        decision = GateDecision.objects.create(
            program=program,
            step=state.step.value,
            is_open=state.is_open,
            blockers=kept,
            evidence=evidence,
            waiver=state.waiver,
            decided_at=at,
        )
        written += 1
        if state.is_open if before is None else before.is_open != state.is_open:
            _announce(program, state, decision, following, at=at)
    _tell_of_sponsorship(program, at=at)
    return written


def evaluate_after_commit(*, at: datetime) -> None:
    """Evaluate once what the present transaction changed is there; a failure is left to the sweep."""
    transaction.on_commit(partial(evaluate, at=at), robust=True)


def _is_same(
    before: Recorded,
    state: StepState,
    kept: Sequence[dict[str, Any]],
    evidence: Sequence[dict[str, Any]],
) -> bool:
    return (
        before.is_open == state.is_open
        and (before.waiver.pk if before.waiver else None) == (state.waiver.pk if state.waiver else None)
        and _figures(before.blockers) == _figures(kept)
        and _grounds(before.evidence) == _grounds(evidence)
    )


def _figures(kept: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(entry["code"], entry.get("actual"), entry.get("required"), entry.get("parts")) for entry in kept]


def _grounds(evidence: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """What a decision rests on: which documents were found and what people declared. Not the counts of what is
    measured, which move with every event while the gate stays as it is."""
    return [
        (
            entry["what"],
            entry["is_met"],
            entry.get("digest"),
            None if entry["basis"] == Basis.MEASURED else entry["found"],
        )
        for entry in evidence
    ]


def _announce(
    program: Program, state: StepState, decision: GateDecision, following: StepState | None, *, at: datetime
) -> None:
    if state.step == Step.PREREQUISITES:
        gate, opened, shut = "The prerequisites are", "complete", "no longer complete"
    else:
        gate, opened, shut = f"Gate {state.step.value}, {state.step.label}, is", "open", "shut again"
    said = [f"- {blocker.message}" for blocker in (state.blockers or state.excused)]
    if not state.is_open:
        said.insert(0, "What was signed stays signed; the next act waits until this is mended:")
    else:
        opened = "open by waiver" if state.waiver else opened
        said.insert(0, "A signed waiver excuses:" if state.waiver else "What it asks for is met.")
        said += [_next(following.step)] if following else []
    notify(
        to=User.objects.filter(role__in=TOLD, is_active=True),
        key=f"gate:{decision.pk}",
        kind="gate",
        subject=f"{gate} {opened if state.is_open else shut} ({program})",
        text="\n".join(said),
        url="/program/",
        at=at,
    )


def _next(step: Step) -> str:
    name = step.label if step == Step.PREREQUISITES else f"step {step.value}, {step.label}"
    return f"Next: {name}. {PRODUCES[step]}"


def _tell_of_sponsorship(program: Program, *, at: datetime) -> None:
    wait = scorecard_wait(program, at=at)
    if wait is None or not wait.is_problem:
        return
    notify(
        to=User.objects.filter(role=Role.REVOPS, is_active=True),
        key=f"sponsorship-problem:{wait.version.pk}",
        kind="sponsorship-problem",
        subject=f"Sponsorship problem: facilitate ({program})",
        text=f"{wait.since_when()} The CRO and the CMO have not both signed one in ten business days, and a changed "
        "version does not begin the count anew. That is a problem of sponsorship, not of process: bring in a third "
        "party to facilitate the diagnosis.",
        url="/program/",
        at=at,
    )
