"""The page where terms are tried on past MQLs: who may, what it answers, and what becomes of a scenario."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from alignment.models import Role
from alignment.queries.artifacts import draft_of
from sla.content import KEY, KIND
from sla.models import Scenario
from sla.tests.pages import found, signed_in
from testing.world import NOW, World, add_user, event

HOUR = timedelta(hours=1)
URL = "/agreement/calibration/"


def proposal(world: World, **changes: Any) -> dict[str, Any]:
    """The terms of the world as the form sends them, for this quarter's days."""
    return {
        "tiers": "1", "quarters": "custom", "first": "2026-11-01", "last": "2026-11-30", "which": "all",
        "trigger_on": "score", "threshold": 65, "trigger_value": "", "assign_minutes": 5, "attempts": 6,
        "gap_amount": 16, "gap_unit": "hours.business", "warn_at_percent": 75,
        "default_calendar": world.calendar.pk, "missed_percent": 15, "period": "month", "volume_months": 2,
        "tier-0-name": "high_intent", "tier-0-label": "High intent", "tier-0-field": "intent",
        "tier-0-values": "demo_request", "tier-0-follow_up_amount": 5, "tier-0-follow_up_unit": "minutes.business",
        "tier-0-disposition_amount": 8, "tier-0-disposition_unit": "hours.business",
        "others-name": "standard", "others-label": "Standard", "others-follow_up_amount": 24,
        "others-follow_up_unit": "hours.business", "others-disposition_amount": 24,
        "others-disposition_unit": "hours.business", f"team-{world.team.pk}": "",
    } | changes  # fmt: skip


@pytest.fixture
def worked(world: World) -> World:
    """Four MQLs on Tuesday at ten: followed up after 1, 3 and 5 hours, and never."""
    for number, hours in enumerate((1, 3, 5, None)):
        world.send(event("lead.updated", f"L{number}", NOW, score=80, segment="smb"))
        if hours is not None:
            at = NOW + hours * HOUR
            world.send(
                event("touch.recorded", f"T{number}", at, lead=f"L{number}", channel="call", is_attempt=True),
                at=at,
            )
    return world


@pytest.fixture
def revops(worked: World) -> Iterator[Client]:
    """Signed in early in December, when November is over."""
    with time_machine.travel(NOW + timedelta(days=20), tick=False):
        yield signed_in(add_user(worked, Role.REVOPS))


def test_a_shorter_window_is_set_beside_the_one_in_force(worked: World, revops: Client) -> None:
    page = revops.get(URL, proposal(worked, **{"others-follow_up_amount": 4})).content.decode()
    said = found(r'<p role="status"[^>]*>(.*?)</p>', page)
    assert "50.0% (2 of 4)" in said and "75.0% (3 of 4)" in said
    assert "Fires" in page  # 2 of 4 missed is more than 15%
    assert "SMB" in page and "Rep 1" in page
    assert "The window that more than 85%" in page


def test_htmx_gets_the_answer_alone(worked: World, revops: Client) -> None:
    asked = revops.get(URL, proposal(worked), headers={"HX-Request": "true", "HX-Target": "answer"})
    page = asked.content.decode()
    assert page.strip().startswith('<div id="answer">')
    assert "<html" not in page and "75.0% (3 of 4)" in page


def test_without_an_address_it_starts_from_what_is_in_force(worked: World, revops: Client) -> None:
    answered = revops.get(URL)
    assert answered.status_code == 200
    assert 'value="24"' in answered.content.decode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"others-follow_up_amount": ""}, "This field is required"),
        ({"first": "2026-11-20", "last": "2026-11-10"}, "The last day comes before the first"),
        ({"first": "1999-01-01"}, "Choose days from 2000 on"),
        ({"default_calendar": "999999"}, "Select a valid choice"),
        ({"others-follow_up_amount": "9" * 30}, "less than or equal"),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(
    worked: World, revops: Client, change: dict[str, Any], said: str
) -> None:
    answered = revops.get(URL, proposal(worked, **change))
    assert answered.status_code == 422
    assert said in answered.content.decode()


def test_a_scenario_is_kept_and_becomes_evidence_of_a_draft(worked: World, revops: Client) -> None:
    query = urlencode(proposal(worked, **{"others-follow_up_amount": 4}))
    answered = revops.post(f"{URL}save/", {"query": query, "name": " Four  hours ", "act": "draft"})
    assert answered["Location"] == reverse("sla:agreement-draft")
    scenario = Scenario.objects.get()
    assert scenario.name == "Four hours"
    assert scenario.found["promises"]["follow_up"] == {
        "met": 2, "missed": 2, "running": 0, "held": 0, "not_owed": 0,
    }  # fmt: skip
    assert scenario.today["promises"]["follow_up"]["met"] == 3
    draft = draft_of(KIND, KEY)
    assert draft is not None
    assert draft.content["terms"]["tiers"][1]["follow_up_within"]["amount"] == 4
    assert draft.content["evidence"] == [
        {"scenario": scenario.pk, "name": "Four hours", "said": scenario.said}
    ]
    address = reverse("sla:scenario", args=[scenario.pk])
    assert address in revops.get(reverse("sla:agreement-draft")).content.decode()
    page = revops.get(address).content.decode()
    assert "50.0% (2 of 4)" in page
    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        Scenario.objects.update(name="Other")


def test_a_scenario_needs_a_name_and_readable_terms(worked: World, revops: Client) -> None:
    for query, name in ((proposal(worked), " "), (proposal(worked, assign_minutes="x"), "Named")):
        answered = revops.post(f"{URL}save/", {"query": urlencode(query), "name": name}, follow=True)
        assert "Nothing is saved" in answered.content.decode()
    assert not Scenario.objects.exists()


def test_a_draft_keeps_its_newest_three_scenarios(worked: World, revops: Client) -> None:
    query = urlencode(proposal(worked))
    for number in range(4):
        revops.post(f"{URL}save/", {"query": query, "name": f"Try {number}", "act": "draft"})
    draft = draft_of(KIND, KEY)
    assert draft is not None
    assert [entry["name"] for entry in draft.content["evidence"]] == ["Try 1", "Try 2", "Try 3"]


def test_evidence_that_was_found_for_other_terms_says_so(worked: World, revops: Client) -> None:
    for hours in (4, 8):
        query = urlencode(proposal(worked, **{"others-follow_up_amount": hours}))
        revops.post(f"{URL}save/", {"query": query, "name": f"{hours} hours", "act": "draft"})
    eight, four = Scenario.objects.all()
    draft = draft_of(KIND, KEY)
    assert draft is not None
    said = {entry["name"]: entry["said"] for entry in draft.content["evidence"]}
    assert said["8 hours"] == eight.said
    assert said["4 hours"] == [
        *four.said,
        "Found for terms other than these: first follow-up within 5 business minutes (High intent), "
        "4 business hours (Standard).",
    ]
    page = revops.get(reverse("sla:agreement-draft")).content.decode()
    assert page.count("Other terms") == 1 and "8 business hours (Standard)" in page
    revops.post(reverse("sla:scenario-draft", args=[four.pk]))
    draft.refresh_from_db()
    said = {entry["name"]: entry["said"] for entry in draft.content["evidence"]}
    assert said["4 hours"] == four.said
    assert "8 business hours (Standard)" in said["8 hours"][-1]


def test_a_manager_sees_the_own_teams_only(worked: World, revops: Client) -> None:
    manager = add_user(worked, Role.SALES_MANAGER)
    client = signed_in(manager)
    assert "75.0% (3 of 4)" in client.get(URL, proposal(worked)).content.decode()
    worked.team.managers.clear()
    page = client.get(URL, proposal(worked)).content.decode()
    assert "No MQLs to replay" in page and "Rep 1" not in page


def test_the_volume_that_is_asked_of_marketing_is_judged_by_month(worked: World, revops: Client) -> None:
    page = revops.get(URL, proposal(worked, mqls=5)).content.decode()
    assert "4 of 5" in page and "Missed" in page


def test_the_number_of_queries_does_not_grow_with_mqls(
    worked: World, revops: Client, django_assert_max_num_queries: Any
) -> None:
    revops.get(URL, proposal(worked))
    with django_assert_max_num_queries(60):
        revops.get(URL, proposal(worked))


def test_days_without_mqls_say_what_to_do(worked: World, revops: Client) -> None:
    asked = proposal(worked, first="2026-09-01", last="2026-09-30")
    page = revops.get(URL, asked, headers={"HX-Request": "true", "HX-Target": "answer"}).content.decode()
    assert "No MQLs to replay" in page and "To the sources" in page and "Save the scenario" not in page
