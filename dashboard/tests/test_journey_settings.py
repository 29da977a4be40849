"""RevOps changes a calendar and the people while leads run; clocks, pools and explanations follow."""

from __future__ import annotations

from django.utils import timezone

from alignment.models import MqlCycle, Role
from sla.models import Clock, ClockKind
from testing.browser import DESK, DESK_DARK, PHONE, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user, event

pytestmark = needs_browser


def follow_up() -> Clock:
    return Clock.objects.get(kind=ClockKind.FOLLOW_UP)


def test_a_calendar_exception_moves_the_due_time_of_an_open_clock_and_says_so(
    journey: Journey, world: World
) -> None:
    sender = journey.connect(world.crm)
    sender.send(event("lead.updated", "003-ada", timezone.now(), score=80, last_name="Lovelace"))
    journey.tick()
    before = follow_up().due_at
    assert f"{before:%a %H:%M}" == "Fri 10:00"

    revops = journey.visitors.at(DESK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.menu("Calendars")
    revops.arrive("Calendars")
    revops.follow("Office hours")
    revops.arrive("Office hours")
    form = revops.page.get_by_role("form", name="Add an exception")
    form.get_by_label("Date").fill("2026-11-19")
    form.get_by_label("Reason").fill("Company day")
    revops.press("Add the exception")
    revops.arrive("Office hours", "Company day")
    assert "closed Company day" in revops.page.get_by_role("region", name="Dates that differ").inner_text()
    journey.tick()

    assert f"{follow_up().due_at:%a %H:%M}" == "Mon 10:00"
    revops.menu("MQLs")
    revops.arrive("MQLs")
    revops.follow("Lovelace")
    revops.arrive("Lovelace", "First follow-up clock re-dated")
    row = revops.page.get_by_role("row").filter(has_text="First follow-up")
    assert "23 Nov 2026, 10:00" in row.inner_text()
    assert "Re-dated from 20 Nov 2026, 10:00" in row.inner_text()
    assert "Why: calendar" in revops.page.get_by_role("region", name="What happened").inner_text()


def test_a_newcomer_gets_leads_and_somebody_on_leave_is_passed_over_with_the_reason(
    journey: Journey, world: World
) -> None:
    sender = journey.connect(world.crm)
    sender.send(event("lead.updated", "003-1", timezone.now(), score=80, last_name="First"))
    journey.tick()
    assert str(MqlCycle.objects.get().owner) == "Rep 1"

    revops = journey.visitors.at(DESK_DARK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.menu("People")
    revops.arrive("People")
    revops.follow("Add a person")
    revops.arrive("Add a person")
    revops.page.get_by_label("Name").fill("Nadia Newcomer")
    revops.page.get_by_label("E-mail").fill("nadia@example.com")
    revops.page.get_by_label("Role").select_option(Role.REP)
    revops.page.get_by_label("Team").select_option(label="Inbound")
    revops.press("Add the person")
    revops.arrive("Login of Nadia Newcomer")
    password = revops.page.locator("code.secret").inner_text()
    revops.follow("I have handed it over")
    revops.arrive("People")

    revops.menu("Routing")
    revops.arrive("Routing")
    pool = revops.page.get_by_role("region", name="Everyone", exact=True)
    pool.locator("summary", has_text="Add a person").click()
    pool.get_by_label("Person", exact=True).select_option(label="Nadia Newcomer")
    revops.press("Add to Everyone")
    revops.page.get_by_role("row").filter(has_text="Nadia Newcomer").wait_for()
    revops.arrive("Routing")
    leave = revops.page.get_by_role("region", name="Leave", exact=True)
    leave.locator("summary", has_text="Enter leave").click()
    leave.get_by_label("Who").select_option(label="Rep 2")
    leave.get_by_label("From").fill("2026-11-17T00:00")
    leave.get_by_label("Until").fill("2026-11-20T00:00")
    revops.press("Enter leave", leave)
    revops.page.get_by_role("row").filter(has_text="Rep 2").filter(has_text="On leave").wait_for()
    revops.arrive("Routing")

    for number in (2, 3, 4):
        sender.send(
            event("lead.updated", f"003-{number}", timezone.now(), score=80, last_name=f"Lead {number}")
        )
    journey.tick()
    owners = [str(cycle.owner) for cycle in MqlCycle.objects.order_by("pk")]
    assert "Rep 2" not in owners and sorted(owners[1:]) == ["Nadia Newcomer", "Rep 1", "Rep 3"]

    newcomer = journey.visitors.at(PHONE)
    newcomer.sign_in("nadia@example.com", password)
    newcomer.menu("My queue")
    newcomer.arrive("My queue", "1 open MQL")
    newcomer.page.locator(".queue-name a").tap()
    newcomer.arrive("Lead")
    why = newcomer.page.get_by_role("region", name="Owner, and why")
    assert "Nadia Newcomer" in why.get_by_role("row").filter(has_text="Chosen").inner_text()
    passed_over = why.get_by_role("row").filter(has_text="Rep 2").inner_text()
    assert "skipped: on leave until 2026-11-20 00:00 UTC" in passed_over
