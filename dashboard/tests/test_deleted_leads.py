"""One rule, wherever MQLs are counted: what the CRM deleted counts only where it is one with a record that stands."""

from __future__ import annotations

import pytest

from alignment.definitions.predicate import Limits
from alignment.models import Lead
from alignment.queries import drift
from alignment.queries.counting import lead_counts
from alignment.queries.definitions import counted_mqls
from alignment.queries.prerequisites import FIGURES, history, last_quarters
from dashboard.queries.working.conversions import conversion
from dashboard.queries.working.mql_to_sql import acceptance
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.window import diagnosis_of, follow_up_window, window_of
from scorecard.tests.company import HOUR, MONDAY, Company, found_company
from testing.world import NOW


def leads(company: Company) -> list[Lead]:
    """Four that count, each on its own, then two that do not."""
    standing = company.lead()
    return [
        standing,
        company.lead(is_deleted=True, merged_into=company.lead()),  # the loser of a merge in the CRM
        with_loser := company.lead(is_deleted=True),
        company.lead(merged_into=with_loser),
        company.lead(is_deleted=True),
        company.lead(is_deleted=True, merged_into=company.lead(is_deleted=True)),
    ]


@pytest.mark.django_db
def test_every_measure_counts_the_same_mqls() -> None:
    company = found_company()
    found = leads(company)
    for lead in found:
        company.mql(lead, follow_up=MONDAY + HOUR, is_accepted=True)
        company.opportunity(lead, amount=100)
    assert set(Lead.objects.filter(lead_counts(), pk__in=[lead.pk for lead in found])) == set(found[:4])
    window = window_of(diagnosis_of(company.program), at=NOW)
    hygiene = measure_hygiene(window, follow_up_window(diagnosis_of(company.program)), at=NOW)
    assert (hygiene.crossed, hygiene.pipeline) == (4, {"USD": 400})
    assert counted_mqls().count() == 4  # what completeness and the last 50 of the drift count
    assert sum(month.total for month in history(FIGURES["mql-to-sql"], at=NOW, zone="UTC")) == 4
    quarters = last_quarters(NOW, "UTC")
    assert sum(each.share.whole for each in acceptance(quarters, zone="UTC", at=NOW).rows) == 4
    # the third and the fourth are one lead
    scored = measure_conversion(window, at=NOW)
    assert (scored.leads, scored.mqls, scored.sqls, scored.opportunities) == (3, 3, 3, 3)


@pytest.mark.django_db
def test_every_conversion_from_lead_to_opportunity_counts_the_same_leads() -> None:
    company = found_company()
    for lead in leads(company):
        company.opportunity(lead)
    Lead.objects.update(sourced_function="marketing")
    scored = measure_conversion(window_of(diagnosis_of(company.program), at=NOW), at=NOW)
    assert (scored.leads, scored.opportunities) == (3, 3)
    quarters = conversion(last_quarters(NOW, "UTC"), zone="UTC", at=NOW)
    assert (
        sum(each.marketing.whole for each in quarters) == sum(each.marketing.part for each in quarters) == 3
    )
    gap = drift.gap(Limits(), at=NOW)
    assert (gap.marketing.leads, gap.marketing.converted) == (3, 3)
    rows = drift.leads_of_side(Limits(), "marketing", is_converted=True, at=NOW)
    assert rows.count() == 3
