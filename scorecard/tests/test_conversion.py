"""Conversion: the cohort, and which evidence makes each demand state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alignment.models import MqlCycle
from scorecard.measures import Conversion
from scorecard.queries.conversion import NO_PREDICATE, SIGNED_PREDICATE, measure_conversion
from scorecard.queries.window import diagnosis_of, window_of
from scorecard.tests.company import MONDAY, Company
from testing.world import NOW


def measured(company: Company, **more) -> Conversion:
    return measure_conversion(window_of(diagnosis_of(company.program), at=NOW), at=NOW, **more)


def states(found: Conversion) -> dict[str, int | None]:
    return {state.key: state.reached for state in found.states}


def test_a_lead_counts_by_its_creation_in_the_crm_and_once_with_all_merged_records(company: Company) -> None:
    lead = company.lead(datetime(2025, 10, 1, tzinfo=UTC))
    company.lead(datetime(2025, 9, 30, 23, 59, tzinfo=UTC))
    company.lead(datetime(2026, 10, 1, tzinfo=UTC))
    company.lead(is_deleted=True)
    merged = company.lead(merged_into=lead)
    company.mql(merged, follow_up=MONDAY)
    company.opportunity(merged)
    found = measured(company)
    assert (found.leads, found.mqls, found.opportunities) == (1, 1, 1)


def test_a_lead_whose_own_record_is_deleted_counts_while_a_merged_one_stands(company: Company) -> None:
    lead = company.lead(is_deleted=True)
    company.lead(merged_into=lead)
    assert measured(company).leads == 1


@pytest.mark.parametrize(
    ("function", "is_connected", "is_engaged"),
    [
        ("marketing", False, 1),
        ("other", False, 1),
        ("unknown", False, 1),
        ("sales", True, 1),
        ("sales", False, 0),
    ],
)
def test_an_unanswered_attempt_engages_nobody(
    company: Company, function: str, is_connected: bool, is_engaged: int
) -> None:
    company.touch(company.lead(), function, is_attempt=function == "sales", is_connected=is_connected)
    assert states(measured(company))["engaged"] == is_engaged


def test_states_that_the_data_says_nothing_about_are_not_known(company: Company) -> None:
    company.mql(follow_up=MONDAY)
    found = states(measured(company))
    assert found == {
        "inquiry": 1, "engaged": None, "mql": 1, "accepted": None, "qualified": None, "opportunity": 0,
    }  # fmt: skip


def test_a_later_state_counts_as_having_reached_the_earlier_ones(company: Company) -> None:
    company.touch(company.lead())
    company.mql(is_accepted=True)
    company.opportunity(company.lead())  # never crossed, and yet an opportunity
    found = states(measured(company))
    assert (found["inquiry"], found["engaged"], found["mql"], found["accepted"]) == (3, 3, 2, 2)
    assert found["opportunity"] == 1
    assert measured(company).mqls == 1  # the share of SQLs is one of leads that have an MQL cycle


def test_without_a_signed_definition_acceptance_by_sales_counts_as_sql(company: Company) -> None:
    company.mql(is_accepted=True)
    company.mql(follow_up=MONDAY)
    company.mql(
        disposition="disqualified", closed_at=MONDAY, reason="bad_fit", disposed_at=MONDAY, is_tagged=True
    )
    found = measured(company)
    assert (found.mqls, found.sqls, found.sql_means) == (3, 1, NO_PREDICATE)
    assert states(found)["qualified"] is None


def test_with_a_signed_definition_it_decides_and_acceptance_does_not(company: Company) -> None:
    accepted = company.mql(is_accepted=True)
    other = company.mql(follow_up=MONDAY)
    never = company.mql(voided_at=MONDAY, void_reason="disproved")  # meets it without standing as an MQL
    found = measured(company, qualified=MqlCycle.objects.filter(pk__in=[other.pk, never.pk]))
    assert (found.mqls, found.sqls, found.sql_means) == (2, 1, SIGNED_PREDICATE)
    assert states(found)["qualified"] == 2
    assert accepted.lead_id != other.lead_id


def test_deals_of_leads_that_never_were_mqls_change_nothing_of_the_share_of_sqls(company: Company) -> None:
    company.opportunity(company.mql(is_accepted=True).lead)
    company.mql(follow_up=MONDAY)
    before = measured(company)
    for _ in range(5):
        company.opportunity(company.lead())
    after = measured(company)
    assert (before.mqls, before.sqls, before.sqls_opened) == (2, 1, 1)
    assert (after.mqls, after.sqls, after.sqls_opened, after.opportunities) == (2, 1, 1, 6)


def test_a_voided_cycle_is_none(company: Company) -> None:
    company.mql(is_accepted=True, voided_at=NOW, void_reason="disproved")
    found = measured(company)
    assert (found.mqls, found.sqls, states(found)["mql"]) == (0, None, 0)


def test_leads_younger_than_90_days_are_counted_apart(company: Company) -> None:
    company.lead(NOW - timedelta(days=90))
    company.lead(NOW - timedelta(days=90) + timedelta(seconds=1))
    assert (measured(company).leads, measured(company).young) == (2, 1)
