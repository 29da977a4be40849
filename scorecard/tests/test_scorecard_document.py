"""The one page: everything on it, and the fullest one fits."""

from __future__ import annotations

import json
from datetime import timedelta
from unittest.mock import patch

import pytest

from alignment.models import VersionState
from alignment.queries.artifacts import in_force
from alignment.services.artifacts import save_draft, send
from scorecard import page
from scorecard.content import dimension_of
from scorecard.services.diagnosis import declare
from scorecard.tests.company import (
    HOUR,
    OTHERS,
    Company,
    complete,
    revops,
)
from scorecard.tests.sheets import measured, signed
from testing.world import NOW


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
