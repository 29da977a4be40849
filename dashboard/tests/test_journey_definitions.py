"""RevOps writes what an MQL is and sees at once what it would match; it is sent, signed and held against records."""

from __future__ import annotations

import pytest
from django.utils import timezone

from alignment.definitions.suggestions import suggestion
from alignment.models import ArtifactVersion, Role
from alignment.tests.pages import signed_in
from testing.artifacts import sign_all
from testing.browser import DESK, PHONE_DARK, Visitor, looks, needs_browser
from testing.definitions import COMPLETE, mql, put_in_force
from testing.site import Journey
from testing.world import PASSWORD, World, add_user, event

pytestmark = needs_browser


def look_around(visitor: Visitor) -> None:
    worn = visitor.look
    for look in (*looks(), worn):
        visitor.wear(look)
        visitor.examine()


@pytest.fixture
def people(journey: Journey, world: World) -> World:
    for role in (Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE):
        add_user(world, role)
    world.send(*(event("lead.updated", f"l{n}", world.at, **COMPLETE | {"score": 60 + n}) for n in range(10)))
    return world


def test_a_definition_is_written_with_a_count_that_follows_and_sent(journey: Journey, people: World) -> None:
    revops = journey.visitors.at(DESK)
    revops.sign_in(people.users[Role.REVOPS].email, PASSWORD)
    revops.menu("Definitions")
    revops.arrive("Definitions", "Not written yet")
    look_around(revops)
    revops.follow("Write it: MQL")
    revops.arrive("MQL", "Start from our suggestion")
    look_around(revops)
    revops.press("Start from our suggestion")
    revops.arrive("MQL", "it counts for nothing before it is sent and signed.")
    look_around(revops)
    page = revops.page
    page.get_by_text("5 of 10").wait_for()
    threshold = page.get_by_label("Engagement threshold, row 1: value")
    threshold.press_sequentially("abc")
    page.get_by_text("Row 1 of Engagement threshold is not complete and is not counted.").wait_for()
    page.get_by_text("Engagement threshold, row 1: write a whole number").wait_for()
    assert threshold.get_attribute("aria-invalid") == "true"
    assert page.get_by_role("button", name="Send for signature").count() == 0
    assert threshold.evaluate("entry => entry === document.activeElement")
    look_around(revops)
    threshold.fill("65")
    page.get_by_role("button", name="Send for signature").wait_for()
    assert threshold.get_attribute("aria-invalid") is None
    page.get_by_label("Engagement threshold, row 1: value").fill("69")
    page.get_by_text("1 of 10").wait_for()
    assert ArtifactVersion.objects.get().revision == 1
    revops.press("Add a row to Role fit")
    revops.arrive("MQL", "Not saved yet")
    assert page.get_by_label("Engagement threshold, row 1: value").input_value() == "69"
    page.get_by_label("Role fit, row 2: field").select_option("phone")
    page.get_by_label("Role fit, row 2: what is asked").select_option("at_least")
    revops.press("Save the draft")
    revops.arrive("MQL", "Choose what is asked of “Phone”.")
    look_around(revops)
    page.get_by_text("Before it can be sent").wait_for()
    revops.press("Remove row 2 of Role fit")
    revops.arrive("MQL", "Not saved yet")
    # the key Enter counts; it takes no row away
    page.get_by_label("With at least … leads on either side").press("Enter")
    revops.arrive("MQL", "Not saved yet")
    assert page.get_by_label("Disqualifiers, row 2: field").count() == 1
    revops.press("Send for signature")
    revops.arrive("MQL", "Sent. CRO, CMO and finance are asked to sign.")
    look_around(revops)
    version = ArtifactVersion.objects.get()
    expected = suggestion("mql")
    expected["parts"][3]["rows"][0]["value"] = 69
    assert version.content == expected
    sign_all(version, at=timezone.now())
    revops.menu("Definitions")
    revops.arrive("Definitions", "In force, version 1")
    look_around(revops)


def test_figures_lead_to_their_records_on_a_phone(journey: Journey, people: World) -> None:
    signed = mql(crm_status={"field": "lifecycle", "values": ["mql"]})
    put_in_force("mql", signed, at=timezone.now())
    people.send(event("lead.updated", "l9", people.at, title=None, lifecycle="mql", last_name="Blank"))
    cmo = journey.visitors.at(PHONE_DARK)
    cmo.sign_in(people.users[Role.CMO].email, PASSWORD)
    cmo.menu("Definitions")
    cmo.arrive("Definitions", "80.0% (4 of 5)")
    look_around(cmo)
    cmo.follow("Show incomplete MQLs")
    cmo.arrive("Incomplete MQLs", "80.0% (4 of 5)")
    look_around(cmo)
    cmo.follow("Blank")
    cmo.arrive("Blank", "By the definition of an MQL")
    look_around(cmo)
    cmo.open("/definitions/drift/")
    cmo.arrive("Drift", "80.0% (4 of 5)")
    look_around(cmo)
    cmo.follow("1 lead")
    cmo.arrive("The CRM calls them an MQL, the definition does not", "Role fit")
    look_around(cmo)
    cmo.open("/definitions/mql/")
    cmo.arrive("MQL", "Score is at least 65")
    look_around(cmo)
    assert signed_in(people.users["rep.1"]).get("/definitions/drift/rows/?of=sales").status_code == 403
