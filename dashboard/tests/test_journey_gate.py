"""A program from its opening to the open gate of step 1: measured and sent by RevOps, signed by both leaders, and
opened by nothing else."""

from __future__ import annotations

import pytest
from django.utils import timezone

from alignment.models import ArtifactVersion, GateDecision, Opportunity, Program, Role, Step, User
from alignment.services.programs import mail_plan
from dashboard.tests.test_journey_signing import come_by_link, confirm_and_sign, link_in_mail
from scorecard.tests.company import Company, complete, found_company, revops
from testing.artifacts import user_with
from testing.browser import DESK, DESK_DARK, PHONE, Visitor, needs_browser
from testing.programs import cycle, define_opportunity, fill_history, months, noon, sponsor
from testing.site import Journey
from testing.world import PASSWORD

pytestmark = needs_browser
TITLE = "Diagnosis scorecard"


@pytest.fixture
def company(journey: Journey) -> Company:
    """A CRM with a year of history, and no program yet."""
    company = found_company()
    Program.objects.all().delete()
    return company


def meet_all_prerequisites(company: Company) -> None:
    """By the services that people use: signed documents, a year of filled history, the plan on the calendars."""
    at = timezone.now()
    company.at = at
    complete(company)
    Opportunity.objects.update(stage="Discovery")
    for first in months(at):
        for _ in range(50):  # so many that those without a disposition are less than a tenth
            cycle(noon(first), first_follow_up_at=noon(first))
    fill_history(at)
    sponsor(company.program, at)
    define_opportunity(at)
    mail_plan(program=company.program, by=revops(), at=at)


def decisions() -> list[tuple[bool, bool]]:
    """Of gate 1: whether it was open, and whether by a waiver."""
    found = GateDecision.objects.filter(step=Step.SCORECARD).order_by("pk")
    return [(decision.is_open, decision.waiver_id is not None) for decision in found]


def stop(visitor: Visitor, number: int) -> str:
    """What the rail says of a step."""
    return visitor.page.locator("ol.rail > li").nth(number).inner_text()


def test_gate_1_opens_by_two_signatures_and_by_nothing_else(journey: Journey, company: Company) -> None:
    people: dict[str, User] = {role: user_with(role) for role in (Role.REVOPS, Role.CRO, Role.CMO)}
    ops = journey.visitors.at(DESK)
    ops.sign_in(people[Role.REVOPS].email, PASSWORD)
    ops.menu("Program")
    ops.arrive("Program")
    ops.follow("Open a program")
    ops.arrive("Open a program")
    ops.page.get_by_label("Name").fill("Alignment 2027")
    ops.page.get_by_role("combobox", name="Owner").select_option(label=str(people[Role.REVOPS]))
    ops.page.get_by_label("Hours a week").fill("24")
    ops.page.get_by_label("The owner may administer").check()
    ops.page.get_by_label("Starts on").fill("2026-11-23")
    ops.page.locator("main").get_by_role("button", name="Open the program").click()
    ops.arrive("Alignment 2027", "The program is open.")
    assert "Blocked" in stop(ops, 0) and "Locked" in stop(ops, 2)

    company.program = Program.objects.get()
    meet_all_prerequisites(company)
    ops.page.goto("/scorecard/")
    ops.arrive("Scorecard")
    ops.press("Measure")
    ops.arrive("Scorecard", "Measured as of now, into the draft of version 1.")
    draft = ArtifactVersion.objects.get(artifact__kind="scorecard")
    ops.page.get_by_role("link", name="Read and send").first.click()
    ops.page.wait_for_url(f"**/artifacts/scorecard/{draft.artifact.key}/1/")
    ops.arrive(TITLE, "Send for signature")
    ops.press("Send for signature")
    ops.arrive(TITLE, "Sent for signature.")
    ops.page.goto("/program/")
    ops.arrive("Alignment 2027")
    assert "Passed" in stop(ops, 0)
    assert "Open to work on" in stop(ops, 1)
    assert "Locked" in stop(ops, 2) and "Waits for gate 1 (Scorecard)" in stop(ops, 2)

    for role, look in ((Role.CRO, DESK_DARK), (Role.CMO, PHONE)):
        assert not any(is_open for is_open, _ in decisions())
        label = str(Role(role).label)
        leader = come_by_link(
            journey, people[role], link_in_mail(people[role], f"Your signature as {label}"), look
        )
        confirm_and_sign(leader, TITLE, label)

    assert decisions()[-1] == (True, False)
    opened = GateDecision.objects.filter(step=Step.SCORECARD).latest("pk")
    draft.refresh_from_db()
    assert opened.decided_at == draft.signed_at
    assert opened.evidence[0]["digest"] == draft.digest
    assert not ArtifactVersion.objects.filter(artifact__kind="waiver").exists()
    ops.page.goto("/program/")
    ops.arrive("Alignment 2027")
    assert "Passed" in stop(ops, 1) and "Gate open since" in stop(ops, 1)
    assert "Open to work on" in stop(ops, 2)
    assert all("Locked" in stop(ops, number) for number in (3, 4, 5))
    ops.follow("Decisions: when each gate opened and shut, with the evidence")
    ops.arrive("Decisions of Alignment 2027")
    first = ops.page.get_by_role("heading", name="Gate 1: Scorecard").first
    first.locator("xpath=ancestor::div[@class='card mb-3']").locator("summary").click()
    ops.page.get_by_text(draft.digest).first.wait_for()
    ops.examine()
