"""The gates of the five steps: conditions are registered by the apps that know them, and asked live.

Nobody can set a gate: it is what its conditions say now. The decisions kept in the database are a record of
what they said, never an answer to whether something may be done.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from alignment.blockers import Blocked, Blocker
from alignment.models import Program, Step

Condition = Callable[..., list[Blocker]]


class GateClosed(Blocked):
    """The gate before this act is shut; `blockers` say why."""

    def __init__(self, step: Step, blockers: list[Blocker]) -> None:
        super().__init__(blockers)
        self.step = step


_CONDITIONS: dict[Step, list[Condition]] = {step: [] for step in Step}


def gate(step: Step) -> Callable[[Condition], Condition]:
    """Register a condition of a step's gate: (program, *, at) → its blockers, none where it holds."""

    def register(condition: Condition) -> Condition:
        if condition not in _CONDITIONS[step]:
            _CONDITIONS[step].append(condition)
        return condition

    return register


def find_blockers(step: Step, program: Program, *, at: datetime) -> list[Blocker]:
    """Why the gate of a step is shut, in the order of the conditions; empty where it is open.

    A step of which no condition is known is shut: what nobody measures cannot be passed. Waivers are not
    looked at here (see alignment.queries.gates).
    """
    conditions = _CONDITIONS[step]
    if not conditions:
        return [
            Blocker(
                "unknown", f"Nothing measures step {step.value} ({step.label}) yet, so its gate stays shut."
            )
        ]
    return [blocker for condition in conditions for blocker in condition(program, at=at)]
