"""Which gates stand before which step: the track says it, and it changes no condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from alignment.blockers import Blocker
from alignment.gates import (
    DEFAULT,
    First,
    GateClosed,
    State,
    Track,
    find_blockers,
    require_step,
    state_of,
    tracks,
)
from alignment.gates.rail import rail_of
from alignment.models import (
    Role,
    Step,
)
from alignment.services.programs import close_program
from alignment.tests.gate_conditions import NOW, Conditions, said, states
from testing.artifacts import user_with
from testing.programs import open_one

__all__ = ["said"]  # a fixture
pytestmark = pytest.mark.django_db


class TestTracks:
    @pytest.fixture(autouse=True)
    def _restore(self) -> Iterator[None]:
        before = list(tracks._provider)
        yield
        tracks._provider[:] = before

    def on(self, *order: tuple[Step, ...]) -> None:
        tracks.track_provider(lambda program: Track(order))

    def test_the_default_is_one_after_the_other(self) -> None:
        assert [DEFAULT.before(step) for step in Step] == [(), (0,), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)]

    def test_steps_side_by_side_wait_for_none_of_each_other(self, said: Conditions) -> None:
        program = open_one(NOW)
        self.on((Step.SCORECARD, Step.SLA, Step.HANDOFF), (Step.PLAN,), (Step.DASHBOARD,))
        said.open(0)
        assert states(program) == ["passed", "open", "open", "open", "locked", "locked"]
        said.open(1, 2)
        assert state_of(program, at=NOW)[4].behind == (Step.HANDOFF,)

    def test_a_gate_that_shut_again_holds_up_all_that_comes_after_it(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0, 1, 3)  # the SLA was revoked while the handoff still meets its gate
        found = state_of(program, at=NOW)
        assert (found[3].state, found[4].state) == (State.PASSED, State.LOCKED)
        assert found[4].behind == (Step.SLA,)
        with pytest.raises(GateClosed) as refused:
            require_step(Step.PLAN, program, at=NOW)
        assert refused.value.step == Step.SLA
        said.open(2)
        require_step(Step.PLAN, program, at=NOW)

    def test_no_step_of_a_closed_program_can_be_worked_on(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0, 1, 2, 3, 4, 5)
        program = close_program(program=program, reason="Done", by=user_with(Role.REVOPS), at=NOW)
        for step in Step:
            with pytest.raises(GateClosed, match="closed"):
                require_step(step, program, at=NOW)

    def test_what_is_left_out_stands_before_nothing(self, said: Conditions) -> None:
        program = open_one(NOW)
        self.on((Step.SCORECARD,), (Step.PLAN,), (Step.DASHBOARD,))
        said.open(0, 1)
        found = state_of(program, at=NOW)
        assert found[4].state == State.OPEN
        assert [state.is_on_track for state in found] == [True, True, False, False, True, True]

    def test_what_a_track_puts_first_stands_before_the_work_on_a_step_and_changes_no_gate(
        self, said: Conditions
    ) -> None:
        program = open_one(NOW)
        to_do = [Blocker("to-do", "First this.")]
        first = First(Step.SLA, "the first thing", lambda program, *, at: list(to_do))
        tracks.track_provider(lambda program: Track(DEFAULT.order, first=first))
        said.open(0, 1)
        found = state_of(program, at=NOW)
        assert [state.state.value for state in found[:3]] == ["passed", "passed", "locked"]
        assert (found[2].behind, found[2].ahead) == ((), tuple(to_do))
        assert rail_of(program, at=NOW).stops[2].waits_for == "the first thing"
        with pytest.raises(GateClosed, match="First this"):
            require_step(Step.SLA, program, at=NOW)
        require_step(Step.SCORECARD, program, at=NOW)
        to_do.clear()
        require_step(Step.SLA, program, at=NOW)
        assert state_of(program, at=NOW)[2].state == State.OPEN
        to_do.append(Blocker("to-do", "First this."))
        said.open(2)  # the gate itself asks for no more than it did
        assert state_of(program, at=NOW)[2].state == State.PASSED
        require_step(Step.HANDOFF, program, at=NOW)

    def test_a_track_changes_no_condition(self, said: Conditions) -> None:
        program = open_one(NOW)
        before = [find_blockers(step, program, at=NOW) for step in Step]
        self.on(
            (Step.SCORECARD, Step.PLAN),
        )
        assert [find_blockers(step, program, at=NOW) for step in Step] == before

    @pytest.mark.parametrize("order", [((Step.SLA,), (Step.SLA,)), ((Step.PREREQUISITES,),)])
    def test_no_step_is_named_twice_and_gate_0_is_no_step(self, order: Any) -> None:
        with pytest.raises(ValueError, match="at most once"):
            Track(order)
