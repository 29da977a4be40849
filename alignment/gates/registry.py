"""Which conditions a gate has, and what they find."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import DatabaseError, connection

from alignment.blockers import Blocked, Blocker
from alignment.models import ArtifactVersion, Program, Step

log = logging.getLogger(__name__)
UNKNOWN = "unknown"
"""Code of a gate that nobody measures."""
UNEVALUATED = "unevaluated"
"""Code of a condition that failed."""


class Basis(StrEnum):
    """Where evidence comes from: counted in the data, said by a person, or signed."""

    MEASURED = "measured"
    DECLARED = "declared"
    SIGNED = "signed"


@dataclass(frozen=True)
class Evidence:
    """One thing that a gate looks at, shown whether it is met or not.

    `what` it is, `found`: what was found, in words and figures; `as_of`: the time that the finding is of (a signature,
    a last event), None: now. `url`: where to look it up, "" where there is no page. `blocker`: why it is not enough.
    `version`: the document that was found, where it is one. `is_overdue`: it is enough, and something about it is due
    for longer than agreed, as `found` says. `figures`: what it was computed from, for the record alone (plain JSON);
    another figure makes no other decision.
    """

    what: str
    found: str
    basis: Basis
    as_of: datetime | None = None
    url: str = ""
    blocker: Blocker | None = None
    version: ArtifactVersion | None = None
    is_overdue: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_met(self) -> bool:
        return self.blocker is None

    @property
    def digest(self) -> str:
        """Of the document that was found; "" where it is none."""
        return self.version.digest if self.version else ""

    def to_json(self, *, at: datetime) -> dict[str, Any]:
        """For the record: {"what", "found", "basis", "is_met", "as_of" (ISO), and of a document "kind", "key",
        "version", "digest", and "figures" where there are any}; those of what is not met are also its blocker's."""
        found: dict[str, Any] = {
            "what": self.what,
            "found": self.found,
            "basis": self.basis.value,
            "is_met": self.is_met,
            "as_of": (self.as_of or at).isoformat(),
        }
        if self.version is not None:
            artifact = self.version.artifact
            found |= {"kind": artifact.kind, "key": artifact.key, "version": self.version.number}
            found["digest"] = self.version.digest
        if self.blocker is not None:
            found["blocker"] = self.blocker.code
        if self.figures:
            found["figures"] = dict(self.figures)
        return found


Condition = Callable[..., Iterable[Blocker | Evidence]]


@dataclass(frozen=True)
class Examined:
    """What the conditions of one gate came to, in their order."""

    blockers: tuple[Blocker, ...]
    evidence: tuple[Evidence, ...]


class GateClosed(Blocked):
    """The gate before this act is shut; `blockers` say why."""

    def __init__(self, step: Step, blockers: Sequence[Blocker]) -> None:
        super().__init__(blockers)
        self.step = step


_CONDITIONS: dict[Step, list[Condition]] = {step: [] for step in Step}


def gate(step: Step) -> Callable[[Condition], Condition]:
    """Register a condition of a step's gate: (program, *, at) → its evidence or its blockers, none where it holds."""

    def register(condition: Condition) -> Condition:
        if condition not in _CONDITIONS[step]:
            _CONDITIONS[step].append(condition)
        return condition

    return register


def examine(step: Step, program: Program, *, at: datetime) -> Examined:
    """Ask the conditions of a step's gate now, in the order in which they were registered.

    A step of which no condition is known is shut: what nobody measures cannot be passed. Waivers are not looked at.
    """
    conditions = _CONDITIONS[step]
    if not conditions:
        text = f"Nothing measures step {step.value} ({step.label}) yet, so its gate stays shut."
        return Examined((Blocker(UNKNOWN, text),), ())
    blockers: list[Blocker] = []
    evidence: list[Evidence] = []
    for condition in conditions:
        for found in _ask(condition, step, program, at=at):
            if isinstance(found, Evidence):
                evidence.append(found)
                blockers += [replace(found.blocker, name=found.what)] if found.blocker else []
            else:
                blockers.append(found)
    return Examined(tuple(blockers), tuple(evidence))


def _ask(condition: Condition, step: Step, program: Program, *, at: datetime) -> list[Blocker | Evidence]:
    """What a condition finds. One that fails shuts its gate and is logged; the other gates are asked all the same."""
    try:
        return list(condition(program, at=at))
    except Exception as problem:
        if isinstance(problem, DatabaseError) and connection.in_atomic_block:
            raise  # nothing can be asked in this transaction any more: the act that asked does not happen
        name = getattr(condition, "__name__", "condition")
        log.exception("a condition of a gate failed", extra={"step": step.value, "condition": name})
        what = name.replace("_", " ").capitalize()
        text = (
            f"“{what}” could not be evaluated, so the gate stays shut. The log of the server says why; it is asked "
            "again every minute."
        )
        return [Evidence(what, "Could not be evaluated", Basis.MEASURED, blocker=Blocker(UNEVALUATED, text))]


def find_blockers(step: Step, program: Program, *, at: datetime) -> list[Blocker]:
    """Why the gate of a step is shut by its conditions alone; empty where it is open (see standing_blockers)."""
    return list(examine(step, program, at=at).blockers)
