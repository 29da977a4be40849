"""Measuring: what is frozen with the figures, and what they rest on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alignment.models import Role, VersionState
from alignment.services.artifacts import ChangedMeanwhile, send
from alignment.services.authority import OnlyRevOps
from scorecard.content import dimension_of
from scorecard.dimensions import ORDER
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import (
    DAY,
    HOUR,
    MONDAY,
    Company,
    complete,
    revops,
)
from scorecard.tests.sheets import measured, scores
from testing.artifacts import user_with
from testing.world import NOW


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


def test_all_five_dimensions_are_always_there(company: Company) -> None:
    assert [entry["key"] for entry in measured(company).content["dimensions"]] == list(ORDER)
