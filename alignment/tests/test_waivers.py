"""Waivers: the one way around a gate, signed by both leads, for named blockers and for a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from alignment.artifacts.document import Paragraph
from alignment.artifacts.kinds import InvalidContent
from alignment.artifacts.waivers import check, render, waiver_paragraphs
from alignment.blockers import Blocked
from alignment.gates import GateClosed, notes_of, require_open, standing_blockers, state_of, waivers_of
from alignment.models import ArtifactVersion, GateDecision, Opportunity, Program, Role, Step
from alignment.queries.artifact_ripples import refused_without_successor
from alignment.services.artifacts import revoke, save_draft, send
from alignment.services.gates import evaluate
from alignment.services.program_kinds import NothingToWaive, draft_waiver
from alignment.services.programs import mail_plan
from testing.artifacts import sign_as, user_with
from testing.programs import fill_history, months, noon, open_one, opportunity, waive

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return open_one(NOW)


def codes(program: Program, at: datetime = NOW) -> set[str]:
    return {blocker.code for blocker in standing_blockers(Step.PREREQUISITES, program, at=at)}


def draft(program: Program, **changes: Any) -> ArtifactVersion:
    given: dict[str, Any] = {
        "program": program,
        "step": Step.PREREQUISITES,
        "codes": {"sponsorship"},
        "reason": "The board meets on Friday",
        "expires_on": date(2026, 12, 23),
        "by": user_with(Role.REVOPS),
        "at": NOW,
    }
    return draft_waiver(**given | changes)


class TestInForce:
    def test_it_excuses_what_it_names_and_nothing_else(self, program: Program) -> None:
        before = codes(program)
        waive(program, 0, {"sponsorship", "calendar"}, NOW)
        assert codes(program) == before - {"sponsorship", "calendar"}
        with pytest.raises(GateClosed):
            require_open(Step.PREREQUISITES, program, at=NOW)
        assert state_of(program, at=NOW)[0].waiver is None

    def test_a_gate_of_which_all_is_excused_is_open_by_waiver(self, program: Program) -> None:
        waiver = waive(program, 0, codes(program), NOW)
        require_open(Step.PREREQUISITES, program, at=NOW)
        state = state_of(program, at=NOW)[0]
        assert (state.state, state.waiver) == ("passed", waiver)
        assert len(state.excused) == 9
        evaluate(at=NOW)
        decision = GateDecision.objects.filter(step=0).latest("pk")
        assert (decision.is_open, decision.waiver, len(decision.blockers)) == (True, waiver, 9)

    def test_several_excuse_together(self, program: Program) -> None:
        found = sorted(codes(program))
        waive(program, 0, found[:4], NOW)
        waive(program, 0, found[4:], NOW)
        assert codes(program) == set()
        assert [w.artifact.key for w in waivers_of(program, Step.PREREQUISITES, at=NOW)] == ["1-1", "1-2"]

    def test_what_comes_up_later_is_not_excused(self, program: Program) -> None:
        waive(program, 0, codes(program), NOW)
        Program.objects.filter(pk=program.pk).update(has_admin_access=False)
        program.refresh_from_db()
        assert codes(program) == {"admin-access"}

    def test_it_ends_with_its_last_day_whether_swept_or_not(self, program: Program) -> None:
        waive(program, 0, codes(program), NOW, days=30)  # until 23 December, UTC
        last = datetime(2026, 12, 23, 23, 59, 59, tzinfo=UTC)
        assert codes(program, last) == set()
        assert "sponsorship" in codes(program, last + timedelta(seconds=1))

    def test_it_ends_when_a_leader_revokes_it(self, program: Program) -> None:
        waiver = waive(program, 0, codes(program), NOW)
        revoke(version=waiver, role=Role.CMO, reason="No longer", by=user_with(Role.CMO), at=NOW + DAY)
        assert refused_without_successor() == []
        assert "sponsorship" in codes(program, NOW + DAY)

    def test_it_is_of_one_step_of_one_program(self, program: Program) -> None:
        waive(program, 0, codes(program), NOW)
        assert standing_blockers(Step.SLA, program, at=NOW)
        Program.objects.filter(pk=program.pk).update(closed_at=NOW)
        assert "sponsorship" in codes(open_one(NOW))

    def test_it_excuses_nothing_before_it_was_signed(self, program: Program) -> None:
        waive(program, 0, codes(program), NOW)
        assert "sponsorship" in codes(program, NOW - DAY)


class TestNoWorseThanSigned:
    """It excuses what was signed, not whatever comes under the same heading later."""

    def hours(self, program: Program, hours: int) -> None:
        Program.objects.filter(pk=program.pk).update(hours_per_week=hours)
        program.refresh_from_db()

    def test_fewer_hours_than_waived_stand_again_and_say_so(self, program: Program) -> None:
        self.hours(program, 15)
        waiver = waive(program, 0, {"hours"}, NOW)
        assert waiver.content["blockers"][0] == {
            "code": "hours",
            "message": "The owner has 15 hours a week for the program; at least 20 are needed.",
            "actual": "15",
            "required": "20",
            "name": "Hours a week",
        }
        assert "hours" not in codes(program)
        self.hours(program, 17)  # better than waived
        assert "hours" not in codes(program)
        self.hours(program, 14)
        (worse,) = [b for b in standing_blockers(Step.PREREQUISITES, program, at=NOW) if b.code == "hours"]
        assert worse.message.endswith("(Worse than waived: 14 now; 15 when waived.)")
        assert "hours" not in {b.code for b in state_of(program, at=NOW)[0].excused}

    def test_a_second_waiver_takes_over_what_became_worse(self, program: Program) -> None:
        self.hours(program, 15)
        waive(program, 0, {"hours"}, NOW)
        self.hours(program, 14)
        waive(program, 0, {"hours"}, NOW)
        assert "hours" not in codes(program)

    def test_another_month_of_history_or_a_worse_one_stands_again(self, program: Program) -> None:
        fill_history(NOW, months(NOW)[:11])
        march = months(NOW)[5]
        for _ in range(7):
            opportunity(noon(march))
        latest = Opportunity.objects.filter(stage="Discovery").latest("pk")
        Opportunity.objects.filter(pk=latest.pk).update(amount_minor=None, currency="")
        waiver = waive(program, 0, {"history-pipeline"}, NOW)
        (kept,) = waiver.content["blockers"]
        assert kept["parts"] == {f"{march:%Y-%m}": "7/8", f"{months(NOW)[11]:%Y-%m}": "0"}
        assert "history-pipeline" not in codes(program)
        opportunity(noon(months(NOW)[11]))  # better: the last month is there
        assert "history-pipeline" not in codes(program)
        Opportunity.objects.filter(opened_at=noon(march)).update(stage="")
        said = self.said(program)
        assert said.endswith(f"(Worse than waived ({march:%Y-%m}): 1 of 8 now; 7 of 8 when waived.)"), said
        Opportunity.objects.filter(opened_at=noon(march)).update(stage="Discovery")
        assert "history-pipeline" not in codes(program)
        first = months(NOW)[0]
        Opportunity.objects.filter(opened_at=noon(first + timedelta(days=2))).update(stage="")
        assert self.said(program).endswith(f"(Not among what was waived ({first:%Y-%m}).)")

    def said(self, program: Program) -> str:
        found = standing_blockers(Step.PREREQUISITES, program, at=NOW)
        return next(blocker.message for blocker in found if blocker.code == "history-pipeline")

    def test_all_history_gone_after_one_month_was_waived_is_not_excused(self, program: Program) -> None:
        fill_history(NOW, months(NOW)[:11])
        waive(program, 0, codes(program), NOW)
        assert codes(program) == set()
        Opportunity.objects.all().delete()
        assert codes(program) == {"history-pipeline", "history-closed-won"}

    def test_other_words_without_figures_are_another_thing(self, program: Program) -> None:
        waive(program, 0, {"calendar"}, NOW)
        Program.objects.filter(pk=program.pk).update(weeks=10)
        program.refresh_from_db()
        found = standing_blockers(Step.PREREQUISITES, program, at=NOW)
        (calendar,) = [blocker.message for blocker in found if blocker.code == "calendar"]
        assert "(Other than waived, when it was: Block the 8 weeks" in calendar

    def test_what_nobody_measures_is_not_waived(self, program: Program) -> None:
        with pytest.raises(NothingToWaive, match="nobody measures"):
            waive(program, 3, {"unknown"}, NOW)
        written = draft(program)
        forged = written.content | {
            "step": 3,
            "blockers": [{"code": "unknown", "message": "Nothing measures it."}],
        }
        save_draft(kind="waiver", key="1-1", content=forged, by=user_with(Role.REVOPS), at=NOW)
        with pytest.raises(Blocked, match="word by word"):
            send(version=written, by=user_with(Role.REVOPS), at=NOW)


class TestNotInForce:
    def test_a_draft_and_one_that_waits_excuse_nothing(self, program: Program) -> None:
        version = draft(program)
        assert "sponsorship" in codes(program)
        cro, _ = user_with(Role.CRO), user_with(Role.CMO)
        send(version=version, by=user_with(Role.REVOPS), at=NOW)
        sign_as(cro, version, at=NOW)
        assert "sponsorship" in codes(program)

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
    def test_only_revops_drafts_one(self, program: Program, role: Role) -> None:
        with pytest.raises(PermissionDenied):
            draft(program, by=user_with(role))

    def test_a_reason_and_something_to_excuse_are_needed(self, program: Program) -> None:
        with pytest.raises(ValidationError, match="Say why"):
            draft(program, reason="  ")
        with pytest.raises(NothingToWaive):
            draft(program, codes={"hours"})

    @pytest.mark.parametrize(("last", "is_fine"), [(0, True), (90, True), (91, False), (-1, False)])
    def test_it_holds_for_ninety_days_at_most(self, program: Program, last: int, is_fine: bool) -> None:
        expires_on = NOW.date() + timedelta(days=last)
        if is_fine:
            assert draft(program, expires_on=expires_on).content["expires_on"] == expires_on.isoformat()
        else:
            with pytest.raises(ValidationError, match="90 days"):
                draft(program, expires_on=expires_on)

    def test_one_whose_words_are_no_longer_true_is_not_sent(self, program: Program) -> None:
        user_with(Role.CRO)
        user_with(Role.CMO)
        version = draft(program)
        forged = version.content | {"blockers": [{"code": "sponsorship", "message": "A trifle is missing."}]}
        save_draft(kind="waiver", key="1-1", content=forged, by=user_with(Role.REVOPS), at=NOW)
        with pytest.raises(Blocked, match="word by word"):
            send(version=version, by=user_with(Role.REVOPS), at=NOW)

    def test_one_that_was_written_by_hand_for_longer_is_not_sent(self, program: Program) -> None:
        user_with(Role.CRO)
        user_with(Role.CMO)
        version = draft(program)
        later = version.content | {"from_on": "2027-06-01", "expires_on": "2027-06-30"}
        save_draft(kind="waiver", key="1-1", content=later, by=user_with(Role.REVOPS), at=NOW)
        with pytest.raises(Blocked, match="at most 90 days"):
            send(version=version, by=user_with(Role.REVOPS), at=NOW)


class TestContent:
    GOOD = {
        "program": 1,
        "program_name": "Alignment",
        "step": 0,
        "blockers": [{"code": "hours", "message": "19 hours."}],
        "reason": "Because",
        "from_on": "2026-11-23",
        "expires_on": "2027-02-21",
    }

    @pytest.mark.parametrize(
        "change",
        [
            {"step": 6},
            {"step": None},
            {"blockers": []},
            {"reason": " "},
            {"reason": "r" * 401},
            {"step": True},
            {"step": "0"},
            {"blockers": "hours"},
            {"blockers": ["hours"]},
            {"blockers": [{"code": "hours"}]},
            {"blockers": [{"code": "hours", "message": "x", "actual": "1/0"}]},
            {"expires_on": "2027-02-22"},
            {"expires_on": "2026-11-22"},
            {"expires_on": "soon"},
            {"from_on": None},
        ],
    )
    def test_what_is_missing_is_said(self, change: dict[str, Any]) -> None:
        check(self.GOOD)
        with pytest.raises(InvalidContent):
            check(self.GOOD | change)
        render(self.GOOD | change)

    def test_it_is_printed_on_what_it_excuses(self, program: Program) -> None:
        waiver = waive(program, 0, {"calendar"}, NOW)
        content = {"waivers": notes_of(Step.PREREQUISITES, program, at=NOW)}
        assert content["waivers"][0]["digest"] == waiver.digest
        (paragraph,) = waiver_paragraphs(content)
        assert isinstance(paragraph, Paragraph)
        assert paragraph.kind == "warning"
        assert "waiver 1-1, until 23 December 2026" in paragraph.text
        assert "Not met: 8 weeks on the calendar." in paragraph.text
        assert "The board meets on Friday" in paragraph.text
        assert waiver_paragraphs({}) == ()

    def test_one_that_excuses_nothing_now_is_not_printed(self, program: Program) -> None:
        waive(program, 0, {"calendar"}, NOW)
        mail_plan(program=program, by=user_with(Role.REVOPS), at=NOW)
        program.refresh_from_db()
        assert notes_of(Step.PREREQUISITES, program, at=NOW) == []

    def test_what_is_printed_has_its_bounds(self, program: Program) -> None:
        note = {
            "waiver": "1-1",
            "step": 0,
            "excuses": [
                f"Prerequisite number {n} with a name that is much too long for a line of print"
                for n in range(9)
            ],
            "reason": "word " * 80,
            "expires_on": "2026-12-31",
            "digest": "ab" * 32,
        }
        shown = waiver_paragraphs({"waivers": [note | {"waiver": f"1-{n}"} for n in range(6)]})
        (said,) = [paragraph.text for paragraph in shown]
        assert len(said) < 520
        assert "; and 7 more, see the waiver (abababababab)" in said
        assert said.endswith("And by 5 more, see waiver 1-1 (abababababab), 1-2 (abababababab) and 3 later.")
