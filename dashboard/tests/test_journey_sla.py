"""The SLA from its draft to a ruling: calibrated, sent, signed by both, an MQL that runs on the new window, a breach
that is disputed, ruled on and shown beside the raw figure; all in the browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from alignment.models import MqlCycle, Role, User
from dashboard.tests.test_journey_signing import come_by_link, confirm_and_sign, link_in_mail
from sla.models import Agreement, Clock, ClockKind, Outcome
from testing import definitions
from testing.artifacts import user_with
from testing.browser import DESK, DESK_DARK, PHONE, Visitor, needs_browser
from testing.programs import cycle
from testing.site import Journey
from testing.world import PASSWORD, World, add_user, event

pytestmark = needs_browser
TITLE = "Joint revenue SLA"


@pytest.fixture
def people(journey: Journey, world: World) -> dict[Role, User]:
    """A company with a quarter of worked MQLs, an unsigned agreement and a signed definition of an MQL."""
    found = {role: add_user(world, role) for role in (Role.REVOPS, Role.CRO, Role.CMO)}
    user_with(Role.FINANCE)
    now = timezone.now()
    definitions.put_in_force("mql", at=now)
    for user in User.objects.filter(name__startswith="The "):
        user.is_active = False
        user.save()
    for hours in (1, 2, 4, 6):  # a Tuesday of last quarter, from nine
        crossed = datetime(2026, 9, 8, 9, tzinfo=UTC)
        followed_up = crossed + timedelta(hours=hours)
        cycle(
            crossed,
            assigned_at=crossed,
            first_follow_up_at=followed_up,
            received_at=crossed + timedelta(days=3),
        )
    return found


def test_a_signed_window_runs_and_a_ruling_stands_beside_what_it_found(
    journey: Journey, world: World, people: dict[Role, User]
) -> None:
    ops = journey.visitors.at(DESK)
    ops.sign_in(people[Role.REVOPS].email, PASSWORD)
    calibrated(ops)
    drafted_and_sent(ops)
    for role, look in ((Role.CRO, DESK_DARK), (Role.CMO, PHONE)):
        leader = come_by_link(journey, people[role], link_in_mail(people[role], "Your signature as"), look)
        confirm_and_sign(leader, TITLE, role.label)
        leader.leave()
    agreement = Agreement.objects.get(is_signed=True)
    mql = an_mql_runs_on_it(journey, world, ops, agreement)
    number = a_breach_is_disputed(journey, mql)
    it_is_ruled_on_and_shown(journey, ops, number)


def calibrated(ops: Visitor) -> None:
    """Five hours instead of twenty-four, on the MQLs of last quarter: three of four were followed up within five."""
    ops.menu("SLA")
    ops.arrive("SLA, version 1", "Not signed")
    ops.follow("Calibration")
    ops.arrive("Calibration", "100.0% (4 of 4)")
    standard = ops.page.get_by_role("group", name="Standard")
    standard.get_by_label("First follow-up within", exact=True).fill("5")
    ops.page.get_by_text("75.0% (3 of 4)").first.wait_for()
    ops.page.get_by_label("Name", exact=True).last.fill("Five hours for all")
    ops.page.wait_for_load_state("networkidle")  # leaving the field asks once more, and renews the address
    ops.examine()
    ops.press("Save and draft an amendment with these terms")


def drafted_and_sent(ops: Visitor) -> None:
    ops.arrive("Draft of the SLA", "“Five hours for all” as evidence")
    page = ops.page
    assert (
        page.get_by_role("group", name="All other leads").get_by_label("First follow-up within").input_value()
        == "5"
    )
    rows = page.get_by_role("region", name="2. What marketing owes")
    rows.get_by_label("MQLs a month").last.fill("40")
    ops.press("Save and read it as it will be signed")
    ops.arrive(TITLE, "5 business hours")
    assert "Five hours for all: " in page.content()
    ops.press("Send for signature")
    ops.arrive(TITLE, "Sent for signature.")


def an_mql_runs_on_it(journey: Journey, world: World, ops: Visitor, agreement: Agreement) -> MqlCycle:
    journey.wait(timedelta(minutes=1))
    said = event(
        "lead.updated",
        "003-ada",
        timezone.now(),
        score=80,
        first_name="Ada",
        last_name="Lovelace",
        segment="smb",
    )
    assert journey.connect(world.crm).send(said) == 202
    journey.tick()
    mql = MqlCycle.objects.live().select_related("owner", "lead").get()
    clock = Clock.objects.get(cycle=mql, kind=ClockKind.FOLLOW_UP)
    assert (mql.agreement_number, clock.budget_seconds) == (agreement.number, 5 * 3600)
    ops.menu("MQLs")
    ops.arrive("MQLs")
    ops.follow("Ada Lovelace")
    ops.arrive("Ada Lovelace", f"v{agreement.number}")
    journey.wait(timedelta(hours=6))
    assert Clock.objects.get(pk=clock.pk).outcome == Outcome.MISSED
    return mql


def a_breach_is_disputed(journey: Journey, mql: MqlCycle) -> int:
    assert mql.owner is not None
    rep = journey.visitors.at(PHONE)
    rep.sign_in(mql.owner.email, PASSWORD)
    rep.open(f"/leads/{mql.lead_id}/")
    rep.arrive("Ada Lovelace")
    rep.follow("Dispute the clock “First follow-up”")
    rep.arrive("Dispute: ")
    rep.page.get_by_label("What is wrong").fill("The phone system was down all morning.")
    rep.page.get_by_label("What ruling you ask for").fill("Set the breach aside.")
    rep.press("File the dispute")
    rep.page.wait_for_url(re.compile(r"/disputes/\d+/"))
    number = int(rep.path.strip("/").split("/")[-1])
    rep.examine()
    rep.leave()
    return number


def it_is_ruled_on_and_shown(journey: Journey, ops: Visitor, number: int) -> None:
    ops.open(f"/disputes/{number}/")
    ops.examine()
    ops.page.get_by_label("Upheld", exact=True).check()
    ops.page.get_by_label("The ruling in one sentence").fill(
        "An outage that IT confirms sets a breach aside."
    )
    ops.page.get_by_label("Reason").fill("IT confirmed the outage from nine to one.")
    ops.press("Rule")
    ops.page.get_by_text("An outage that IT confirms sets a breach aside.").first.wait_for()
    ops.examine()
    journey.tick()
    ops.menu("Compliance")
    ops.arrive("Compliance")
    card = ops.page.get_by_role("region", name="First follow-up", exact=True)
    assert "0.0% (0 of 1)" in card.inner_text()
    assert "With rulings" in card.inner_text() and "100.0% (1 of 1)" in card.inner_text()
    ops.follow("Precedents")
    ops.arrive("Precedents", "An outage that IT confirms")
