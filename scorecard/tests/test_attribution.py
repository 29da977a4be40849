"""Attribution: what both functions claim, against the first touch that a source recorded."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from alignment.models import Function
from scorecard.measures import Attribution
from scorecard.queries.attribution import attribution_rows, measure_attribution, newest_lists, outcome_of
from scorecard.queries.window import diagnosis_of, window_of
from scorecard.services.claims import import_claims
from scorecard.tests.company import DAY, MONDAY, Company, revops
from testing.world import NOW


def measured(company: Company) -> Attribution:
    return measure_attribution(
        window_of(diagnosis_of(company.program), at=NOW), newest_lists(company.program)
    )


def claimed(company: Company, function: Function, *ids: str) -> None:
    text = "opportunity,source\n" + "".join(f"{pk},\n" for pk in ids)
    import_claims(program=company.program, function=function, text=text, name="x", by=revops(), at=NOW)


@pytest.mark.parametrize(
    ("claimed_by", "first_touch", "outcome"),
    [
        (("sales", "marketing"), "sales", "both"),
        (("sales", "marketing"), "unknown", "both"),
        ((), "marketing", "neither"),
        ((), "unknown", "neither"),
        ((), "other", "agreed"),
        (("sales",), "sales", "agreed"),
        (("marketing",), "marketing", "agreed"),
        (("sales",), "marketing", "disagreed"),
        (("marketing",), "other", "disagreed"),
        (("sales",), "unknown", "unproven"),
    ],
)
def test_claims_and_first_touch_come_to_one_outcome(
    claimed_by: tuple[str, ...], first_touch: str, outcome: str
) -> None:
    assert outcome_of(claimed_by, first_touch) == outcome


def test_what_was_logged_here_is_no_first_touch(company: Company) -> None:
    lead = company.lead()
    company.touch(lead, "sales", MONDAY - DAY, is_logged_here=True)
    company.touch(lead, "marketing", MONDAY)
    company.touch(lead, "other", MONDAY + DAY)
    company.opportunity(lead)
    [row] = attribution_rows(window_of(diagnosis_of(company.program), at=NOW), {})
    assert row.first_touch == "marketing"


def test_opportunities_are_counted_and_added_up_by_outcome_and_currency(company: Company) -> None:
    lead = company.lead()
    company.touch(lead, "marketing")
    agreed = company.opportunity(lead, amount=100)
    both = company.opportunity(lead, amount=200)
    neither = company.opportunity(lead, amount=300, currency="EUR")
    against = company.opportunity(lead, amount=None)
    unproven = company.opportunity(None, amount=500)
    company.opportunity(lead, datetime(2026, 10, 1, tzinfo=UTC), amount=900)
    company.opportunity(lead, amount=900, is_deleted=True)
    claimed(company, Function.MARKETING, agreed.external_id, both.external_id, unproven.external_id)
    claimed(company, Function.SALES, both.external_id, against.external_id)
    found = measured(company)
    assert found.counts == {"agreed": 1, "both": 1, "neither": 1, "disagreed": 1, "unproven": 1}
    assert found.money == {
        "agreed": {"USD": 100}, "both": {"USD": 200}, "neither": {"EUR": 300}, "disagreed": {},
        "unproven": {"USD": 500},
    }  # fmt: skip
    assert (found.without_amount, found.missing, neither.pk > 0) == (1, (), True)
    assert (found.pipeline, found.in_dispute) == ({"EUR": 300, "USD": 800}, {"EUR": 300, "USD": 700})


def test_a_row_that_names_the_other_function_is_no_claim_of_its_own(company: Company) -> None:
    lead = company.lead()
    company.touch(lead, "marketing")
    deal = company.opportunity(lead)
    import_claims(
        program=company.program, function=Function.SALES, by=revops(), at=NOW, name="x",
        text=f"opportunity,source\n{deal.external_id},marketing\n",
    )  # fmt: skip
    claimed(company, Function.MARKETING, deal.external_id)
    assert measured(company).counts["agreed"] == 1


def test_the_first_touch_is_the_earliest_that_a_source_recorded_of_all_merged_records(
    company: Company,
) -> None:
    lead = company.lead()
    company.touch(lead, "sales", MONDAY, is_logged_here=True)
    company.touch(lead, "other", MONDAY, is_deleted=True)
    company.touch(lead, "marketing", MONDAY + 2 * DAY)
    merged = company.lead(merged_into=lead)
    company.touch(merged, "sales", MONDAY + DAY)
    company.opportunity(lead)
    company.opportunity(merged)
    window = window_of(diagnosis_of(company.program), at=NOW)
    assert {row.first_touch for row in attribution_rows(window, {})} == {"sales"}


def test_without_a_list_it_is_said_whose_is_missing(company: Company) -> None:
    deal = company.opportunity(company.lead())
    assert measured(company).missing == ("sales", "marketing")
    claimed(company, Function.MARKETING, deal.external_id)
    assert measured(company).missing == ("sales",)
