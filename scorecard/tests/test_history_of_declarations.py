"""What RevOps declares keeps who, when and why, and the page shows it."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from scorecard.queries.declared import history_of
from scorecard.queries.window import diagnosis_of
from scorecard.services.diagnosis import declare
from scorecard.tests.company import Company, revops
from testing.world import NOW


def test_the_page_tells_what_changed_by_whom_and_why(company: Company) -> None:
    assert history_of(diagnosis_of(company.program)) == []
    declare(program=company.program, changes={"sla_is_in_crm": True}, by=revops(), at=NOW)
    client = Client()
    client.force_login(revops())
    given = {"follow_up_hours": "8", "follow_up_time": "business", "pipeline_short_percent": "12.50"}
    given |= {"sla_is_in_crm": "on", "reason": "As both leads told their teams"}
    text = client.post(reverse("scorecard:declarations"), given, follow=True).status_code
    assert text == 200
    page = client.get(reverse("scorecard:declarations")).content.decode()
    assert f"by {revops().name}: As both leads told their teams" in page
    assert "follow-up window in hours: 24 → 8; pipeline short by percent: none → 12.5" in page
    last, first = history_of(diagnosis_of(company.program))
    assert (first.by, first.at) == (revops(), NOW)
    assert first.changes == ("SLA configured in the CRM: no → yes",)
    assert last.reason == "As both leads told their teams"
