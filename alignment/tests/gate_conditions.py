"""Gates that say what a test lets them say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import pytest

from alignment.blockers import Blocker
from alignment.gates import registry, state_of
from alignment.models import Program, Role, Step
from alignment.services.program_kinds import NothingToWaive, draft_waiver
from testing.artifacts import user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


class Conditions:
    """What the gates of a test say, by step; changed by the test."""

    def __init__(self) -> None:
        self.shut: dict[Step, list[Blocker]] = {
            step: [Blocker(f"s{step.value}", f"Step {step.value} is to do.")] for step in Step
        }

    def condition(self, step: Step) -> Any:
        return lambda program, *, at: list(self.shut[step])

    def open(self, *steps: int) -> None:
        for step in steps:
            self.shut[Step(step)] = []

    def close(self, step: int, actual: Fraction | None = None, code: str = "again") -> None:
        self.shut[Step(step)] = [Blocker(code, f"Step {step} lacks something.", actual, Fraction(9, 10))]


@pytest.fixture
def said() -> Iterator[Conditions]:
    conditions = Conditions()
    with patch.dict(registry._CONDITIONS, {step: [conditions.condition(step)] for step in Step}):
        yield conditions


def states(program: Program, at: datetime = NOW) -> list[str]:
    return [state.state.value for state in state_of(program, at=at)]


def draftable(program: Program, code: str) -> bool:
    """Whether a waiver of a blocker of gate 0 can be drafted."""
    try:
        draft_waiver(
            program=program,
            step=Step.PREREQUISITES,
            codes={code},
            reason="Because",
            expires_on=NOW.date(),
            by=user_with(Role.REVOPS),
            at=NOW,
        )
    except NothingToWaive:
        return False
    return True
