"""The track of a program: in which order its steps are worked, and so which gates stand before which step.

The track says which gates stand before which step; the conditions of the gates never change. It is fixed by the
signed scorecard; until one is signed the steps go in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from alignment.blockers import Blocker
from alignment.models import Program, Step


@dataclass(frozen=True)
class First:
    """What a track puts before the work on a step, beside the gates before it.

    `said`: what is waited for, in words; `condition`: (program, *, at) → what of it is not done yet, asked live.
    """

    step: Step
    said: str
    condition: Callable[..., list[Blocker]]


@dataclass(frozen=True)
class Track:
    """`order`: groups of steps, one group after the other, those of a group side by side. A step that is in none is
    left out: nothing waits for it. `sentences`: what the track rests on, in words; `rule`: which rule fired;
    `is_facilitated`: a third party runs the program; `first`: what comes before one of the steps."""

    order: tuple[tuple[Step, ...], ...]
    sentences: tuple[str, ...] = ()
    is_facilitated: bool = False
    rule: str = ""
    first: First | None = None

    def __post_init__(self) -> None:
        steps = list(chain.from_iterable(self.order))
        if len(steps) != len(set(steps)) or Step.PREREQUISITES in steps:
            raise ValueError("A track names each of the five steps at most once, and no other.")

    def before(self, step: Step) -> tuple[Step, ...]:
        """All gates that stand before the work on a step: those of every group before its own, so that one that shuts
        again holds up all that comes after it. Gate 0 stands before the scorecard alone, wherever that is."""
        if step == Step.PREREQUISITES:
            return ()
        found: tuple[Step, ...] = ()
        for group in self.order:
            if step in group:
                return (*found, Step.PREREQUISITES) if step == Step.SCORECARD else found
            found += group
        return (Step.PREREQUISITES,) if step == Step.SCORECARD else ()

    def ahead(self, step: Step, program: Program, *, at: datetime) -> tuple[Blocker, ...]:
        """What, beside gates, is still to be done before the work on a step."""
        if self.first is None or self.first.step != step:
            return ()
        return tuple(self.first.condition(program, at=at))

    def holds(self, step: Step) -> bool:
        """Whether the step is part of the track."""
        return step == Step.PREREQUISITES or any(step in group for group in self.order)


DEFAULT = Track(
    order=((Step.SCORECARD,), (Step.SLA,), (Step.HANDOFF,), (Step.PLAN,), (Step.DASHBOARD,)),
    sentences=("The steps go in order: each one's output is the next one's input.",),
    rule="in-order",
)

Provider = Callable[[Program], Track | None]
_provider: list[Provider] = []


def track_provider(provider: Provider) -> Provider:
    """Register who reads a program's track from its signed scorecard (None: there is no signed one)."""
    _provider[:] = [provider]
    return provider


def track_of(program: Program) -> Track:
    """The track that the signed scorecard of the program fixes, else the steps in order."""
    return (_provider[0](program) if _provider else None) or DEFAULT
