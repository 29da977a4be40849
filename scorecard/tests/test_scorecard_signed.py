"""The signed scorecard: gate 1, the track, the comparison with the one before."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.gates import GateClosed, find_blockers, require_step, standing_blockers, track_of
from alignment.models import Role, Step
from alignment.queries.artifacts import in_force
from alignment.services.artifacts import decline, revoke, send
from alignment.services.programs import close_program, open_program
from scorecard import page
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import (
    HOUR,
    QUESTIONS,
    Company,
    complete,
    revops,
    sign_bands,
)
from scorecard.tests.sheets import measured, signed
from testing.artifacts import sign_all, sign_as, user_with
from testing.definitions import put_in_force
from testing.programs import waive
from testing.world import NOW


class TestSigned:
    def test_gate_1_opens_by_the_signatures_and_the_track_is_fixed(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        assert track_of(company.program).rule == "in-order"
        draft = measured(company)
        assert [b.code for b in find_blockers(Step.SCORECARD, company.program, at=NOW)] == [
            "scorecard-unsigned"
        ]
        sent = send(version=draft, by=revops(), at=NOW)
        [blocker] = find_blockers(Step.SCORECARD, company.program, at=NOW)
        assert "version 1 waits for The CRO (CRO) and The CMO (CMO)" in blocker.message
        sign_all(sent, at=NOW)
        assert find_blockers(Step.SCORECARD, company.program, at=NOW) == []
        assert track_of(company.program).rule == "in_order"

    def test_a_waiver_of_the_signatures_holds_while_more_of_them_are_given_and_not_while_fewer_are(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)

        def stands() -> list[str]:
            return [b.message for b in standing_blockers(Step.SCORECARD, company.program, at=NOW)]

        waiver = waive(company.program, Step.SCORECARD, {"scorecard-unsigned"}, NOW)
        assert stands() == []
        sent = send(version=measured(company), by=revops(), at=NOW)
        assert stands() == []
        sign_as(user_with(Role.CRO), sent, at=NOW)
        assert stands() == []
        revoke(version=waiver, role=Role.CRO, reason="Anew", by=user_with(Role.CRO), at=NOW)
        waive(company.program, Step.SCORECARD, {"scorecard-unsigned"}, NOW)
        assert stands() == []
        decline(version=sent, role=Role.CMO, reason="No", by=user_with(Role.CMO), at=NOW)
        [message] = stands()
        assert "version 1 is declined" in message and "Worse than waived" in message

    @pytest.mark.parametrize(
        ("changes", "order", "before_plan"),
        [
            (
                {"sla_has_diagnosis": True, "sla_has_consequence": True, "sla_is_in_crm": True},
                ((1,), (4,), (5,)),
                (1,),
            ),
            ({"has_same_numbers_other_meaning": True}, ((1,), (5,), (2,), (3,), (4,)), (1, 5, 2, 3)),
            ({"board_deck_on": NOW.date(), "pipeline_short_percent": 31}, ((1, 2, 3), (4,), (5,)), (1, 2, 3)),
        ],
    )
    def test_the_rule_on_the_signed_page_says_which_gates_stand_before_which_step(
        self, company: Company, prerequisites_met: None, changes: dict[str, Any], order: Any, before_plan: Any
    ) -> None:
        complete(company)
        declare(program=company.program, changes=changes, by=revops(), at=NOW)
        signed(company)
        track = track_of(company.program)
        assert tuple(tuple(step.value for step in group) for group in track.order) == order
        assert tuple(step.value for step in track.before(Step.PLAN)) == before_plan

    def test_where_definitions_come_first_the_sla_waits_for_all_five(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company, marketing={question.key: list(question.choices)[1] for question in QUESTIONS})
        assert signed(company).content["sequence"]["rule"] == "definitions"
        with pytest.raises(GateClosed) as refusal:
            require_step(Step.SLA, company.program, at=NOW)
        assert (refusal.value.step, len(refusal.value.blockers)) == (Step.SLA, 5)
        for key in ("lead", "mql", "sql", "opportunity"):
            put_in_force(key, at=NOW)
        with pytest.raises(GateClosed, match="The definition of Qualified pipeline is not signed"):
            require_step(Step.SLA, company.program, at=NOW)
        put_in_force("qualified-pipeline", at=NOW)
        require_step(Step.SLA, company.program, at=NOW)

    def test_what_is_put_off_has_a_date(self, company: Company, prerequisites_met: None) -> None:
        complete(company)
        declare(
            program=company.program, by=revops(), at=NOW,
            changes={"board_deck_on": NOW.date(), "pipeline_short_percent": 31},
        )  # fmt: skip
        signed(company)
        assert (
            "Next quarter, from 1 January 2027 on: step 4 and step 5." in track_of(company.program).sentences
        )

    def test_trust_as_the_lowest_score_makes_the_track_a_facilitated_one(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company, overall=11)
        signed(company)
        assert track_of(company.program).is_facilitated

    def test_gate_1_shuts_when_something_it_rests_on_is_superseded(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        signed(company)
        sign_bands(company, hygiene=["0.1", "0.2", "0.3", "0.4", "0.5"])
        [blocker] = find_blockers(Step.SCORECARD, company.program, at=NOW)
        assert blocker.code == "scorecard-ground-scoring-bands-scorecard"
        assert "Scoring bands, version 1, which is no longer in force" in blocker.message
        signed(company, at=NOW + HOUR)
        assert find_blockers(Step.SCORECARD, company.program, at=NOW + HOUR) == []

    def test_a_revoked_signature_shuts_gate_1_and_ends_the_track(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        version = signed(company)
        revoke(
            version=version, role=Role.CMO, reason="Figures were wrong", by=user_with(Role.CMO), at=NOW + HOUR
        )
        assert in_force("scorecard", "1") is None
        [blocker] = find_blockers(Step.SCORECARD, company.program, at=NOW + HOUR)
        assert "version 1 is revoked" in blocker.message
        assert track_of(company.program).rule == "in-order"

    def test_the_next_scorecard_is_compared_with_the_signed_one(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        signed(company)
        declare(program=company.program, changes={"follow_up_hours": 240}, by=revops(), at=NOW)
        compared = measured(company, at=NOW + HOUR).content["compared"]
        assert (compared["version"], compared["signed_on"]) == (1, "2026-11-17")
        assert compared["scores"]["hygiene"] == 13
        assert compared["notes"] == ["Its window was 24 business hours (Office hours)."]
        assert compared["program"] == ""

    def test_the_first_scorecard_of_a_program_is_compared_with_that_of_the_program_before(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        before = signed(company)
        close_program(program=company.program, reason="Done", by=revops(), at=NOW + HOUR)
        second = open_program(
            name="Second run",
            owner=revops(),
            hours_per_week=20,
            has_admin_access=True,
            starts_on=NOW.date(),
            weeks=8,
            by=revops(),
            at=NOW + HOUR,
        )
        version = measure(program=second, by=revops(), at=NOW + HOUR)
        compared = version.content["compared"]
        assert (compared["version"], compared["program"]) == (1, before.content["program"]["name"])
        said = " ".join(page.render(version.content).texts())
        assert f"since version 1 of “{company.program.name}”" in said
        revoke(version=before, role=Role.CMO, reason="Wrong", by=user_with(Role.CMO), at=NOW + HOUR)
        assert measure(program=second, by=revops(), at=NOW + 2 * HOUR).content["compared"] is None
