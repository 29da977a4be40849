"""From measuring to the signed page: what blocks sending, what is frozen, gate 1, the track, the comparison."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from alignment.artifacts.kinds import InvalidContent
from alignment.blockers import Blocked, Blocker
from alignment.gates import GateClosed, find_blockers, require_step, track_of
from alignment.models import ArtifactVersion, Role, Step, VersionState
from alignment.queries.artifacts import in_force
from alignment.services.artifacts import ChangedMeanwhile, revoke, save_draft, send
from alignment.services.authority import OnlyRevOps
from alignment.services.program_kinds import draft_waiver
from alignment.services.programs import close_program, open_program
from scorecard import content, page
from scorecard.content import dimension_of
from scorecard.dimensions import ORDER
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import (
    DAY,
    HOUR,
    MONDAY,
    OTHERS,
    QUESTIONS,
    Company,
    answered,
    complete,
    revops,
    sheet,
    sign_bands,
    surveyed,
)
from testing.artifacts import sign_all, user_with
from testing.definitions import put_in_force
from testing.world import NOW


def measured(company: Company, **more: Any) -> ArtifactVersion:
    return measure(program=company.program, by=revops(), at=more.pop("at", NOW), **more)


def signed(company: Company, at: Any = NOW) -> ArtifactVersion:
    draft = measured(company, at=at)
    return sign_all(send(version=draft, by=revops(), at=at), at=at)


def scores(version: ArtifactVersion) -> dict[str, int | None]:
    return {entry["key"]: entry["score"] for entry in version.content["dimensions"]}


def codes(version: ArtifactVersion) -> set[str]:
    with pytest.raises(Blocked) as refusal:
        send(version=version, by=revops(), at=NOW)
    return {blocker.code for blocker in refusal.value.blockers}


class TestMeasuring:
    def test_figures_are_frozen_with_what_they_rest_on(self, company: Company) -> None:
        complete(company)
        draft = measured(company)
        # 9 of 14 same: 2.8; 3 of 5 in time: 60% → 1.3; 3 of 10 opportunities → 5.0, 4 of 5 SQLs = 80% → 4.0;
        # 1 of 3 opportunities agreed: 33.3% → 1.2; survey 3.4
        assert scores(draft) == {
            "definitions": 28, "hygiene": 13, "conversion": 40, "attribution": 12, "trust": 34,
        }  # fmt: skip
        assert [one["key"] for one in draft.content["fractures"]] == ["attribution", "hygiene", "definitions"]
        [attribution, hygiene, definitions] = draft.content["fractures"]
        assert (attribution["stake"], attribution["leverage"]) == ("500000.00", "900000.00")
        # 2 missed × 600,000 ÷ 5 MQLs; 600,000 × 5/14
        assert (hygiene["stake"], hygiene["leverage"]) == ("240000.00", "408000.00")
        assert (definitions["stake"], definitions["leverage"]) == ("214285.71", "42857.14")
        assert {(row.artifact.kind, row.artifact.key) for row in draft.rests_on.all()} == {
            ("scoring-bands", "scorecard")
        }

    def test_measuring_again_replaces_the_draft_and_leaves_what_was_sent(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        first = measured(company)
        company.mql(follow_up=MONDAY + 20 * DAY)
        again = measured(company, at=NOW + HOUR)
        assert (again.pk, again.revision) == (first.pk, 2)
        assert dimension_of(again.content, "hygiene")["figures"]["missed"] == 3
        sent = send(version=again, by=revops(), at=NOW + HOUR)
        envelope = sent.envelope
        company.mql(follow_up=MONDAY + 20 * DAY)
        next_one = measured(company, at=NOW + 2 * HOUR)
        sent.refresh_from_db()
        assert (next_one.number, sent.envelope, sent.state) == (2, envelope, VersionState.SENT)

    def test_a_draft_changed_meanwhile_is_not_overwritten(self, company: Company) -> None:
        measured(company)
        measured(company, expected=1)
        with pytest.raises(ChangedMeanwhile):
            measured(company, expected=1)

    def test_only_revops_measures(self, company: Company) -> None:
        with pytest.raises(OnlyRevOps):
            measure(program=company.program, by=user_with(Role.CRO), at=NOW)

    def test_declared_and_measured_inputs_set_the_sequence(self, company: Company) -> None:
        complete(company)
        declare(
            program=company.program, by=revops(), at=NOW,
            changes={"board_deck_on": NOW.date() + timedelta(days=30), "pipeline_short_percent": "30.01"},
        )  # fmt: skip
        found = measured(company).content["sequence"]
        assert found["rule"] == "parallel"
        assert {"label": "Pipeline is short by", "said": "30.01%", "origin": "declared"} in found["inputs"]

    @pytest.mark.parametrize(
        ("survey", "declared", "said", "origin"),
        [
            # both teams call it bad, sales alone does not
            ({"lead_quality": 28, "sales": 36}, True, "no, sales' mean in the survey is 3.6", "measured"),
            ({"lead_quality": 34, "sales": 29}, False, "yes, sales' mean in the survey is 2.9", "measured"),
            ({"lead_quality": 34, "sales": 30}, True, "no, sales' mean in the survey is 3", "measured"),
            ({"lead_quality": 12}, False, "no", "declared"),  # sales may not be shown alone
            ({"band": (10, 20)}, False, "no", "declared"),  # a range is never taken for a mean
            ({"lead_quality": 45}, True, "yes", "declared"),
        ],
    )
    def test_lead_quality_is_what_sales_alone_answered_else_what_was_declared(
        self, company: Company, survey: dict[str, Any], declared: bool, said: str, origin: str
    ) -> None:
        complete(company, **survey)
        declare(program=company.program, by=revops(), at=NOW, changes={"says_quality_is_bad": declared})
        found = measured(company).content["sequence"]
        assert {"label": "Sales calls lead quality bad", "said": said, "origin": origin} in found["inputs"]
        assert (found["rule"] == "dispositions") is said.startswith("yes")

    @pytest.mark.parametrize(("opportunities", "is_healthy"), [(10, True), (9, False)])
    def test_a_conversion_of_exactly_three_is_healthy(
        self, company: Company, opportunities: int, is_healthy: bool
    ) -> None:
        for number in range(200):
            lead = company.lead()
            if number < opportunities:
                company.opportunity(lead)
        declare(program=company.program, by=revops(), at=NOW, changes={"says_quality_is_bad": True})
        found = measured(company).content
        assert (dimension_of(found, "conversion")["score"] == 30) is is_healthy
        assert (found["sequence"]["rule"] == "dispositions") is is_healthy

    def test_a_survey_with_a_range_says_between_what_its_mean_lies(self, company: Company) -> None:
        complete(company, overall=31, band=(20, 40))
        trust = dimension_of(measured(company).content, "trust")
        assert trust["formula"].startswith("Survey: between 2.88 and 3.28, scored by its middle, 3.1 of 5, ")
        assert (trust["figures"]["between"], trust["score"]) == (["2.88", "3.28"], 31)


class TestSending:
    def test_what_is_missing_is_named_one_by_one(self, company: Company) -> None:
        company.opportunity(company.lead())
        draft = measured(company)
        found = codes(draft)
        assert {"bands", "answers", "claims", "survey"} <= found
        assert {
            blocker.code for blocker in find_blockers(Step.PREREQUISITES, company.program, at=NOW)
        } <= found

    def test_gate_0_blocks_sending(self, company: Company) -> None:
        complete(company)
        shut = Blocker("sponsorship", "Nobody signed the sponsorship.")
        draft = measured(company)
        with patch("scorecard.kinds.standing_blockers", return_value=[shut]):
            assert codes(draft) == {"sponsorship"}
        with patch("scorecard.kinds.standing_blockers", return_value=[]):
            assert send(version=draft, by=revops(), at=NOW).state == VersionState.SENT

    def test_a_waiver_that_the_page_does_not_print_blocks_sending(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        draft = measured(company)
        note = {
            "waiver": "1-1",
            "step": 0,
            "excuses": ["x"],
            "reason": "y",
            "expires_on": "2026-12-31",
            "digest": "z",
        }
        with patch("scorecard.kinds.notes_of", return_value=[note]):
            assert codes(draft) == {"waivers-new"}
            with patch("scorecard.services.scorecards.notes_of", return_value=[note]):
                printed = measured(company)
            assert send(version=printed, by=revops(), at=NOW).state == VersionState.SENT

    def test_a_page_sent_by_a_waiver_of_everything_with_a_long_reason_fits(self, company: Company) -> None:
        complete(company)
        standing = {b.code for b in find_blockers(Step.PREREQUISITES, company.program, at=NOW)}
        assert len(standing) >= 8
        for role in (Role.CRO, Role.CMO):
            user_with(role)
        for codes_of in (sorted(standing)[:2], sorted(standing)[2:]):
            waiver = draft_waiver(
                program=company.program, step=Step.PREREQUISITES, codes=codes_of, reason="Migration " * 40,
                expires_on=NOW.date() + DAY * 80, by=revops(), at=NOW,
            )  # fmt: skip
            sign_all(send(version=waiver, by=revops(), at=NOW), at=NOW)
        version = send(version=measured(company), by=revops(), at=NOW)
        assert version.state == VersionState.SENT
        assert [note["waiver"] for note in version.content["waivers"]] == ["1-1", "1-2"]

    def test_scores_by_bands_that_were_not_signed_yet_are_measured_again(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company, has_bands=False)
        draft = measured(company)
        assert codes(draft) == {"bands"}
        sign_bands(company)
        assert codes(draft) == {"bands-new"}
        send(version=measured(company), by=revops(), at=NOW)

    def test_a_said_reason_why_something_cannot_be_measured_is_enough(
        self, company: Company, prerequisites_met: None
    ) -> None:
        answered(company, sheet(), sheet())
        surveyed(company)
        sign_bands(company)
        sent = send(version=measured(company), by=revops(), at=NOW)
        assert scores(sent) == {
            "definitions": 50, "hygiene": None, "conversion": None, "attribution": None, "trust": 34,
        }  # fmt: skip

    def test_a_content_made_by_hand_without_reason_is_refused(self, company: Company) -> None:
        complete(company)
        found = measured(company).content
        for change in ({"score": None}, {"score": 51}):
            wrong = found | {"dimensions": [found["dimensions"][0] | change, *found["dimensions"][1:]]}
            with pytest.raises(InvalidContent):
                content.check(wrong)
        with pytest.raises(InvalidContent):
            content.check(found | {"dimensions": found["dimensions"][1:]})
        with pytest.raises(InvalidContent):
            content.check(found | {"sequence": found["sequence"] | {"rule": "whatever"}})


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


class TestPage:
    def test_the_page_says_it_all(self, company: Company, prerequisites_met: None) -> None:
        complete(company)
        signed(company)
        declare(
            program=company.program, by=revops(), at=NOW,
            changes={"board_deck_on": NOW.date(), "pipeline_short_percent": 31, "follow_up_hours": 48},
        )  # fmt: skip
        text = "\n".join(page.render(measured(company, at=NOW + HOUR).content).texts())
        for expected in (
            "First program · Q4 2025 to Q3 2026 (UTC) · as of 17 November 2026",
            "Fracture: start here (0.0)",
            "Source attribution: 1.8 × USD 500,000 at stake = USD 900,000",
            "Order: At the same time: 1 Scorecard, 2 SLA, 3 Handoff. Next quarter: 4 Plan, 5 Dashboard",
            "Declared: Board deck locks: on 17 Nov 2026, today; Pipeline is short by: 31%.",
            "In brackets: change since version 1, signed 17 November 2026. Its window was 24 business hours",
        ):
            assert expected in text

    @pytest.mark.parametrize("paper", ["a4", "us-letter"])
    def test_the_fullest_page_fits_one_page_with_its_signatures(
        self, company: Company, prerequisites_met: None, paper: str
    ) -> None:
        """Every dimension a fracture, all that can be said beside it, and a waiver."""
        complete(
            company, marketing=OTHERS | {"lead": "identified", "opportunity": "amount", "follow_up": "week"}
        )
        signed(company)
        declare(
            program=company.program, by=revops(), at=NOW,
            changes={
                "says_quality_is_bad": True, "sla_has_consequence": True, "pipeline_short_percent": "29.99",
                "board_deck_on": NOW.date() + timedelta(days=31), "follow_up_hours": 48,
            },
        )  # fmt: skip
        found = measured(company, at=NOW + HOUR).content
        long = json.loads(json.dumps(found).replace("USD 500,000", "USD 98,765,432"))
        long["sequence"]["facilitation"] = (
            "Trust is the lowest score, 1.2, as low as source attribution and handoff hygiene: bring in a third party "
            "to facilitate, whatever else is done."
        )
        long["sequence"]["lines"].insert(0, "Definitions, until all three functions have signed them")
        long["waivers"] = [
            {
                "waiver": "1-1", "step": 0, "expires_on": "2026-12-31", "digest": "0" * 64,
                "excuses": [
                    "Sponsorship of one sourced-pipeline number", "Pipeline, Q4 2025 to Q3 2026",
                    "MQL → SQL, Q4 2025 to Q3 2026", "Admin access to lead, opportunity and campaign…",
                ] * 2,
                "reason": "The old CRM was switched off before its history was exported. " * 6,
            },
        ] * 4  # fmt: skip
        for entry in long["dimensions"]:
            entry["score"] = 12
        states = dimension_of(long, "conversion")["figures"]["states"]
        states.update(dict.fromkeys(states, 123_456) | {"qualified": None})
        claimed = dimension_of(long, "attribution")["figures"]
        claimed["counts"].update(dict.fromkeys(claimed["counts"], 1_234))
        claimed["money"].update(
            {key: {"EUR": "12345678.90", "USD": "98765432.10"} for key in claimed["money"]}
        )
        claimed["without_amount"] = 1_234
        long["left_out"] = {"CHF": "1234567.00", "EUR": "12345678.90"}
        long["fractures"] = [long["fractures"][0] for _ in range(5)]
        draft = save_draft(
            kind="scorecard", key="1", content=long, rests_on=[in_force("scoring-bands", "scorecard")],  # type: ignore[list-item]
            paper=paper, by=revops(), at=NOW + HOUR,
        )  # fmt: skip
        written = patch(
            "scorecard.kinds.consistency.blockers_of", return_value=[]
        )  # as no measurement is this long
        with patch("scorecard.kinds.notes_of", return_value=long["waivers"]), written:
            assert send(version=draft, by=revops(), at=NOW + HOUR).state == VersionState.SENT

    def test_the_page_has_the_demand_states_and_the_claims_in_count_and_money(self, company: Company) -> None:
        complete(company)
        company.opportunity(company.lead(), amount=700_00, currency="EUR")
        company.opportunity(company.lead(), amount=None)
        found = measured(company).content
        text = "\n".join(page.render(found).texts())
        for expected in (
            "Leads that got to: inquiry 12, engaged 12, MQL 7, accepted 6, qualified not known, opportunity 5.",
            "Opportunities: 1 agreed (USD 100,000), 1 claimed by both (USD 200,000), "
            "3 by neither (EUR 700, USD 300,000), 0 against the first touch, 0 first touch not known; "
            "1 have no amount.",
            "Leverage counts USD alone; left out: EUR 700.",
        ):
            assert expected in text
        assert (found["currency"], found["left_out"]) == ("USD", {"EUR": "700.00"})

    def test_where_nothing_was_measured_nothing_is_said_of_fractures(self, company: Company) -> None:
        text = "\n".join(page.render(measured(company).content).texts())
        assert "Nothing could be scored, so no fracture is known." in text
        assert "No score is under 3.0" not in text
        assert page.no_fracture({"trust": 31, "hygiene": None}) == (
            "No score that was measured is under 3.0; not measured: handoff hygiene."
        )
        assert page.no_fracture({"trust": 31, "hygiene": 30}) == "No score is under 3.0."

    def test_what_was_not_measured_is_not_listed_as_measured(self, company: Company) -> None:
        text = "\n".join(page.render(measured(company).content).texts())
        assert "Not known: Board deck locks: no date declared; Pipeline is short by: not declared;" in text
        assert "Measured: Conversion" not in text

    def test_waivers_are_printed(self, company: Company) -> None:
        note = {
            "waiver": "1-1", "step": 0, "excuses": ["No sponsorship is signed."], "reason": "Both travel",
            "expires_on": "2026-12-31", "digest": "0" * 64,
        }  # fmt: skip
        with patch("scorecard.services.scorecards.notes_of", return_value=[note]):
            text = "\n".join(page.render(measured(company).content).texts())
        assert "Sent by waiver 1-1, until 31 December 2026. Not met: No sponsorship is signed. Why" in text

    def test_before_anything_was_measured_the_page_says_so(self) -> None:
        assert "Nothing was measured yet" in "\n".join(page.render({}).texts())


def test_all_five_dimensions_are_always_there(company: Company) -> None:
    assert [entry["key"] for entry in measured(company).content["dimensions"]] == list(ORDER)
