"""Gates: computed live, recorded when they change, and told once."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import connection

from alignment.blockers import Blocker
from alignment.gates import (
    Evidence,
    GateClosed,
    State,
    find_blockers,
    gate,
    registry,
    require_open,
    require_step,
    state_of,
)
from alignment.models import (
    GateDecision,
    Heartbeat,
    Notification,
    OutgoingMail,
    Program,
    Role,
    Step,
)
from alignment.services.gates import evaluate
from alignment.services.programs import close_program
from alignment.tests.gate_conditions import LATER, NOW, Conditions, draftable, said, states
from alignment.tests.pages import signed_in
from testing.artifacts import user_with
from testing.programs import meet_prerequisites, open_one

__all__ = ["said"]  # a fixture
pytestmark = pytest.mark.django_db


class TestRegistry:
    def test_a_step_of_which_nothing_is_known_is_shut(self) -> None:
        program = open_one(NOW)
        with patch.dict(registry._CONDITIONS, {Step.PLAN: []}):
            (blocker,) = find_blockers(Step.PLAN, program, at=NOW)
            assert blocker.code == "unknown"
            with pytest.raises(GateClosed, match="Nothing measures step 4"):
                require_open(Step.PLAN, program, at=NOW)

    def test_conditions_are_asked_in_their_order_and_once_each(self) -> None:
        program = open_one(NOW)
        with patch.dict(registry._CONDITIONS, {Step.PLAN: []}):

            def first(program: Program, *, at: datetime) -> list[Any]:
                met = Evidence("What", "Found", registry.Basis.MEASURED)
                return [met, Evidence("Other", "None", registry.Basis.DECLARED, blocker=Blocker("a", "A."))]

            def second(program: Program, *, at: datetime) -> list[Any]:
                return [Blocker("b", "B.")]

            gate(Step.PLAN)(first)
            gate(Step.PLAN)(second)
            gate(Step.PLAN)(first)
            found = registry.examine(Step.PLAN, program, at=NOW)
        assert [blocker.code for blocker in found.blockers] == ["a", "b"]
        assert [(each.what, each.is_met) for each in found.evidence] == [("What", True), ("Other", False)]

    def test_one_that_fails_shuts_its_own_gate_and_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        program = open_one(NOW)
        with patch("alignment.gates.prerequisites.queries.last_events", side_effect=RuntimeError("secret")):
            states_found = state_of(program, at=NOW)
            found = states_found[0]
            with time_machine.travel(NOW, tick=False):
                page = signed_in(user_with(Role.REVOPS)).get("/program/")
            assert not draftable(program, "unevaluated")
        assert len(states_found) == 6
        (blocker,) = [each for each in found.blockers if each.code == "unevaluated"]
        assert "“Last events” could not be evaluated" in blocker.message
        assert "sponsorship" in {each.code for each in found.blockers}
        assert page.status_code == 200
        assert "could not be evaluated" in page.content.decode()
        assert "secret" not in page.content.decode()
        assert "a condition of a gate failed" in caplog.text


class TestStates:
    def test_a_step_waits_for_the_gate_before_it(self, said: Conditions) -> None:
        program = open_one(NOW)
        assert states(program) == ["blocked", "blocked", "locked", "locked", "locked", "locked"]
        said.open(0)
        assert states(program) == ["passed", "open", "locked", "locked", "locked", "locked"]
        said.open(1)
        assert states(program) == ["passed", "passed", "open", "locked", "locked", "locked"]
        said.open(2, 3, 4, 5)
        assert states(program) == ["passed"] * 6

    def test_a_gate_closes_again_and_locks_what_comes_next(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0, 1, 2)
        evaluate(at=NOW)
        said.close(2, Fraction(4, 5))
        assert states(program) == ["passed", "passed", "blocked", "locked", "locked", "locked"]
        with pytest.raises(GateClosed) as refused:
            require_step(Step.HANDOFF, program, at=NOW)
        assert refused.value.blockers[0].actual == Fraction(4, 5)

    def test_work_on_the_scorecard_may_begin_while_its_sending_is_refused(self, said: Conditions) -> None:
        program = open_one(NOW)
        scorecard = state_of(program, at=NOW)[1]
        assert (scorecard.state, scorecard.behind) == (State.BLOCKED, (Step.PREREQUISITES,))

    def test_it_is_asked_live_whatever_was_recorded(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0, 1)
        evaluate(at=NOW)
        said.close(1)
        with pytest.raises(GateClosed):
            require_open(Step.SCORECARD, program, at=NOW)
        assert GateDecision.objects.filter(step=1).latest("pk").is_open

    def test_since_is_the_beginning_of_what_holds_now(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0)
        assert state_of(program, at=NOW)[0].since is None
        evaluate(at=NOW)
        said.close(1, Fraction(1, 2))
        evaluate(at=LATER)
        said.close(1, Fraction(2, 3))
        evaluate(at=LATER + timedelta(hours=1))
        found = state_of(program, at=LATER + timedelta(hours=2))
        assert found[0].since == NOW
        assert found[1].since == NOW

    def test_a_closed_program_shows_what_was_recorded_last_and_opens_nothing(self, said: Conditions) -> None:
        program = open_one(NOW)
        said.open(0, 1)
        evaluate(at=NOW)
        program = close_program(program=program, reason="Done", by=user_with(Role.REVOPS), at=LATER)
        said.close(1)
        assert states(program)[:2] == ["passed", "passed"]
        with pytest.raises(GateClosed, match="closed"):
            require_open(Step.PREREQUISITES, program, at=LATER)

    def test_asking_costs_the_same_however_long_the_record_is(
        self, said: Conditions, django_assert_max_num_queries: Any
    ) -> None:
        program = open_one(NOW)
        evaluate(at=NOW)
        with django_assert_max_num_queries(4) as few:
            state_of(program, at=LATER)
        for number in range(30):
            said.close(2, Fraction(number, 100))
            evaluate(at=NOW + timedelta(minutes=number))
        with django_assert_max_num_queries(len(few)):
            state_of(program, at=LATER)


class TestRecord:
    def test_a_decision_is_written_only_when_something_changed(self, said: Conditions) -> None:
        open_one(NOW)
        assert evaluate(at=NOW) == 6
        assert evaluate(at=LATER) == 0
        said.close(1, Fraction(1, 2))
        assert evaluate(at=LATER) == 1
        assert evaluate(at=LATER) == 0
        said.close(1, Fraction(2, 3))
        assert evaluate(at=LATER) == 1
        said.shut[Step.SCORECARD] = [
            Blocker("again", "The same in other words.", Fraction(2, 3), Fraction(9, 10))
        ]
        assert evaluate(at=LATER) == 0
        last = GateDecision.objects.filter(step=1).latest("pk")
        assert last.blockers == [
            {
                "code": "again",
                "message": "Step 1 lacks something.",
                "actual": "2/3",
                "required": "9/10",
            }
        ]

    def test_opening_and_closing_are_told_once_to_revops_cro_and_cmo(self, said: Conditions) -> None:
        for role in (Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE):
            user_with(role)
        open_one(NOW)
        evaluate(at=NOW)
        assert not Notification.objects.exists()
        said.open(0)
        evaluate(at=NOW)
        evaluate(at=LATER)
        assert sorted(Notification.objects.values_list("user__role", flat=True)) == ["cmo", "cro", "revops"]
        assert OutgoingMail.objects.count() == 3
        first = Notification.objects.latest("pk")
        assert first.subject == "The prerequisites are complete (Alignment 2026)"
        assert "Next: step 1, Scorecard. A one-page diagnosis" in first.text
        said.close(0)
        evaluate(at=LATER)
        newest = Notification.objects.latest("pk")
        assert newest.subject == "The prerequisites are no longer complete (Alignment 2026)"
        assert "Step 0 lacks something." in newest.text
        assert Notification.objects.count() == 6

    def test_without_a_program_nothing_is_judged_and_the_loop_lives(self) -> None:
        assert evaluate(at=NOW) == 0
        assert Heartbeat.objects.get(name="gates").beat_at == NOW

    def test_an_act_on_the_program_is_judged_once_it_is_there(
        self, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            program = open_one(NOW)
        assert GateDecision.objects.filter(step=0).latest("pk").is_open is False
        with django_capture_on_commit_callbacks(execute=True):
            meet_prerequisites(program, NOW)
        assert GateDecision.objects.filter(step=0).latest("pk").is_open is True

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_write_each_decision_once(self, said: Conditions) -> None:
        from concurrent.futures import ThreadPoolExecutor

        def judge(_: int) -> int:
            try:
                return evaluate(at=NOW)
            finally:
                connection.close()

        open_one(NOW)
        GateDecision.objects.count()
        before = GateDecision.objects.count()
        said.open(0)
        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(judge, range(4)))
        assert sum(written) == GateDecision.objects.count() - before
        assert GateDecision.objects.filter(step=0, is_open=True).count() == 1
