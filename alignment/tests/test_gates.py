"""Gates: computed live, recorded when they change, told once, and set by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, transaction

from alignment.blockers import Blocker
from alignment.gates import (
    DEFAULT,
    Evidence,
    First,
    GateClosed,
    State,
    Track,
    find_blockers,
    gate,
    registry,
    require_open,
    require_step,
    state_of,
    tracks,
)
from alignment.gates.rail import rail_of
from alignment.models import (
    ArtifactVersion,
    GateDecision,
    Heartbeat,
    Notification,
    OutgoingMail,
    Program,
    Refusal,
    Role,
    Step,
    User,
)
from alignment.services.artifacts import Refused, send
from alignment.services.gates import evaluate
from alignment.services.program_kinds import NothingToWaive, draft_sponsorship, draft_waiver
from alignment.services.programs import change_program, close_program
from alignment.tests.pages import signed_in
from testing.artifacts import sign_as, user_with
from testing.programs import define_opportunity, fact, meet_prerequisites, open_one, sponsor

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
pytestmark = pytest.mark.django_db


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


def states(program: Program, at: datetime = NOW) -> list[str]:
    return [state.state.value for state in state_of(program, at=at)]


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

    def test_the_sla_can_not_be_signed_yet_and_its_gate_says_so(self, world: Any) -> None:
        program = open_one(NOW)
        (blocker,) = find_blockers(Step.SLA, program, at=NOW)
        assert blocker.code == "sla-unsigned"
        assert "cannot be signed in this product yet" in blocker.message


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


class TestEvidenceOfDecisions:
    """A decision can be understood later: what was found, how, as of when, in which signed version."""

    def decided(self, program: Program) -> list[GateDecision]:
        return list(GateDecision.objects.filter(program=program, step=0).order_by("pk"))

    def test_it_is_kept_with_each_decision(self) -> None:
        program = open_one(NOW)
        meet_prerequisites(program, NOW)
        evaluate(at=NOW)
        decision = self.decided(program)[-1]
        signed = ArtifactVersion.objects.get(artifact__kind="sponsorship")
        assert decision.is_open
        assert len(decision.evidence) == 12
        kept = decision.evidence[0]
        assert kept == {
            "what": "Sponsorship of one sourced-pipeline number",
            "found": "Version 1, for Q1 2027 to Q4 2027, signed by CRO and CMO",
            "basis": "signed",
            "is_met": True,
            "as_of": signed.signed_at.isoformat() if signed.signed_at else "",
            "kind": "sponsorship",
            "key": "1",
            "version": 1,
            "digest": signed.digest,
        }

    def test_another_signed_version_is_another_decision_and_another_event_is_none(self) -> None:
        program = open_one(NOW)
        meet_prerequisites(program, NOW)
        evaluate(at=NOW)
        first = len(self.decided(program))
        fact("lead", LATER)
        evaluate(at=LATER)
        assert len(self.decided(program)) == first
        second = sponsor(program, LATER)
        assert evaluate(at=LATER) == 1
        found = self.decided(program)
        assert (len(found), found[-1].is_open) == (first + 1, True)
        assert found[-1].evidence[0]["digest"] == second.digest
        assert evaluate(at=LATER) == 0

    def test_it_can_be_read_by_key_whatever_the_number_of_decisions(
        self, django_assert_max_num_queries: Any
    ) -> None:
        program = open_one(NOW)
        sponsor(program, NOW)
        evaluate(at=NOW)
        with time_machine.travel(NOW, tick=False):
            client = signed_in(user_with(Role.CRO))
            with django_assert_max_num_queries(30) as few:
                page = client.get("/program/1/decisions/").content.decode()
            assert "Version 1, for Q1 2027 to Q4 2027" in page
            assert ArtifactVersion.objects.get().digest in page
            (one, *_) = self.decided(program)
            for _ in range(60):
                one.pk = None
                one.save(force_insert=True)
            with django_assert_max_num_queries(len(few)):
                page = client.get("/program/1/decisions/").content.decode()
            assert page.count('id="decision-') == 50
            assert "after=" in page
            assert client.get("/program/1/decisions/?after=x").status_code == 404
            assert client.get("/program/9/decisions/").status_code == 404


class TestNobodySetsAGate:
    def test_a_forged_decision_opens_nothing(self, said: Conditions) -> None:
        program = open_one(NOW)
        GateDecision.objects.create(program=program, step=1, is_open=True, blockers=[], decided_at=NOW)
        with pytest.raises(GateClosed):
            require_open(Step.SCORECARD, program, at=NOW)
        assert states(program)[1] == "blocked"
        evaluate(at=LATER)
        assert GateDecision.objects.filter(step=1).latest("pk").is_open is False

    def test_the_database_keeps_decisions_as_they_were(self, said: Conditions) -> None:
        program = open_one(NOW)
        evaluate(at=NOW)
        for change in (
            "UPDATE alignment_gatedecision SET is_open = true, blockers = '[]'",
            "DELETE FROM alignment_gatedecision",
        ):
            with (
                pytest.raises(IntegrityError, match="is refused"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(change)
        assert not GateDecision.objects.filter(program=program, is_open=True).exists()

    def test_the_database_takes_no_open_gate_with_blockers_and_no_waiver(self, said: Conditions) -> None:
        program = open_one(NOW)
        kept = [{"code": "x", "message": "X."}]
        for values in ({"is_open": True, "blockers": kept}, {"is_open": False, "blockers": []}):
            with pytest.raises(IntegrityError), transaction.atomic():
                GateDecision.objects.create(program=program, step=1, decided_at=NOW, **values)

    def test_no_switch_of_a_program_opens_a_gate(self, said: Conditions) -> None:
        program = open_one(NOW)
        assert {
            field.name for field in Program._meta.get_fields() if field.name.startswith(("is_", "gate"))
        } == set()
        change_program(
            program=program,
            name="Other",
            owner=program.owner,
            hours_per_week=80,
            has_admin_access=True,
            starts_on=program.starts_on,
            weeks=6,
            reason="x",
            by=user_with(Role.REVOPS),
            at=NOW,
        )
        assert states(program)[:2] == ["blocked", "blocked"]


class TestTheApplicationsRole:
    """What a thief of the application's database login could try."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE alignment_gatedecision SET is_open = true",
            "DELETE FROM alignment_gatedecision",
            "TRUNCATE alignment_gatedecision",
        ],
    )
    def test_it_may_only_add_decisions(self, said: Conditions, as_application_role: str, change: str) -> None:
        open_one(NOW)
        evaluate(at=NOW)
        with (
            pytest.raises((ProgrammingError, IntegrityError)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)

    def test_what_it_adds_opens_no_gate(self, said: Conditions, as_application_role: str) -> None:
        program = open_one(NOW)
        GateDecision.objects.create(program=program, step=0, is_open=True, blockers=[], decided_at=NOW)
        with pytest.raises(GateClosed):
            require_open(Step.PREREQUISITES, program, at=NOW)

    def test_it_puts_no_waiver_in_force_without_signatures(
        self, said: Conditions, as_application_role: str
    ) -> None:
        program = open_one(NOW)
        draft = draft_waiver(
            program=program,
            step=Step.PREREQUISITES,
            codes={"s0"},
            reason="x",
            expires_on=NOW.date(),
            by=user_with(Role.REVOPS),
            at=NOW,
        )
        forged = {"state": "in_force", "digest": "f" * 64, "envelope": "{}", "sent_at": NOW, "signed_at": NOW}
        with pytest.raises(IntegrityError), transaction.atomic():
            ArtifactVersion.objects.filter(pk=draft.pk).update(**forged)
        with pytest.raises(IntegrityError), transaction.atomic():
            ArtifactVersion.objects.create(
                artifact=draft.artifact,
                number=9,
                content=draft.content,
                drafted_at=NOW,
                changed_at=NOW,
                **forged,
            )
        with pytest.raises(GateClosed):
            require_open(Step.PREREQUISITES, program, at=NOW)

    def test_the_admin_changes_neither_programs_nor_decisions(self, said: Conditions) -> None:
        open_one(NOW)
        evaluate(at=NOW)
        admin = User.objects.create_superuser("root@example.com", "x", name="Root")
        client = signed_in(admin)
        decision = GateDecision.objects.first()
        assert decision is not None
        for path in (f"gatedecision/{decision.pk}/change/", "gatedecision/add/", "program/add/"):
            answer = client.post(f"/admin/alignment/{path}", {"is_open": "on"})
            assert answer.status_code in {403, 404}, path


def test_closing_a_program_withdraws_what_waits_for_signatures() -> None:
    program = open_one(NOW)
    revops, cro, _ = (user_with(role) for role in (Role.REVOPS, Role.CRO, Role.CMO))
    draft = draft_sponsorship(program=program, currency="USD", amounts=[Decimal(1)] * 4, by=revops, at=NOW)
    waiting = send(version=draft, by=revops, at=NOW)
    waiver = draft_waiver(
        program=program,
        step=Step.PREREQUISITES,
        codes={"calendar"},
        reason="Because",
        expires_on=NOW.date(),
        by=revops,
        at=NOW,
    )
    send(version=waiver, by=revops, at=NOW)
    signed = define_opportunity(NOW)  # of no program: it stays as it is
    close_program(program=program, reason="No budget", by=revops, at=LATER)
    assert set(ArtifactVersion.objects.exclude(pk=signed.pk).values_list("state", flat=True)) == {"withdrawn"}
    assert "Alignment 2026 was closed: No budget" in Refusal.objects.get(version=waiting).reason
    with pytest.raises(Refused):
        sign_as(cro, waiting, at=LATER)
    signed.refresh_from_db()
    assert signed.state == "in_force"
