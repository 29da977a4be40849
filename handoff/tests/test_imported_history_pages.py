"""Pages say of imported history what the file states, and nothing about clocks and routing that never were."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.test import Client

from alignment.models import MqlCycle, Role
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from handoff.tests.pages import client_of
from testing.world import World, add_user

pytestmark = pytest.mark.django_db
COLUMNS = ("lead", "mql_at", "assigned_at", "owner", "followed_up_at", "disposed_at", "disposition", "reason")
EARLY = "2026-03-02T09:00Z,2026-03-02T09:20Z,rep.1@example.com,2026-03-02T11:00Z,2026-03-04T15:00Z,recycled,bad_timing"
LATE = "2026-05-11T10:00Z,2026-05-11T10:05Z,rep.2@example.com,2026-05-12T08:00Z,2026-05-20T12:00Z,recycled,bad_timing"
OPEN = "2026-06-01T10:00Z,,,,,,"


@pytest.fixture
def revops(world: World) -> Client:
    lines = [",".join(COLUMNS), f"lead-Ada,{EARLY}", f"lead-Ada,{LATE}", f"lead-Bob,{OPEN}"]
    found = start_import(
        file=io.BytesIO("\n".join(lines).encode()),
        file_name="cycles.csv",
        source=world.crm,
        mapping={"object": "cycle", "columns": {name: name for name in COLUMNS}},
        by=None,
        at=world.at,
    )
    assert run_import(found, now=lambda: world.at + timedelta(seconds=1)).rejected == 0
    return client_of(add_user(world, Role.REVOPS))


def lead_page(client: Client, lead: str) -> str:
    cycle = MqlCycle.objects.filter(lead__external_id=lead).latest("number")
    return client.get(f"/leads/{cycle.lead_id}/").content.decode()


def test_the_lead_page_gives_the_times_of_the_file_and_no_lag_of_ours(revops: Client) -> None:
    page = lead_page(revops, "lead-Ada")
    assert "Owner as the imported file states it" in page
    assert "Times are those of the file" in page
    assert "Crossing to receipt" not in page and "outranks routing" not in page


def test_the_timeline_tells_each_pass_whole_though_it_ended_like_the_one_before(revops: Client) -> None:
    page = lead_page(revops, "lead-Ada")
    assert page.count("MQL cycle, as imported") == 2
    told = page.split("What happened", 1)[1]
    assert told.count("Recycled to nurture") >= 2
    assert "First heard of the lead" not in page


def test_an_open_one_without_an_owner_waits_for_nobody(revops: Client) -> None:
    page = lead_page(revops, "lead-Bob")
    assert "The imported file names no owner" in page
    listed = revops.get("/mqls/", {"state": "history"}).content.decode()
    assert "lead-Bob" in listed or "Lead lead-Bob" in listed
    assert "Nothing more is due by the SLA" not in listed


def test_of_an_attempt_that_a_file_dates_by_its_day_the_page_says_so(revops: Client, world: World) -> None:
    calls = "Id,Lead,At\nT1,lead-Bob,2026-06-01\nT2,lead-Bob,2026-06-02 10:00\n"
    found = start_import(
        file=io.BytesIO(calls.encode()),
        file_name="calls.csv",
        source=world.crm,
        mapping={
            "object": "touch",
            "columns": {"external_id": "Id", "lead": "Lead", "touched_at": "At"},
            "constants": {"is_attempt": True},
            "zone": "UTC",
        },
        by=None,
        at=world.at,
    )
    run_import(found, now=lambda: world.at + timedelta(seconds=2))
    assert MqlCycle.objects.get(lead__external_id="lead-Bob").attempts == 2
    page = lead_page(revops, "lead-Bob")
    assert page.count("only its day is known") == 1
