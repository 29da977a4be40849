"""What could not be read is mended in the browser and comes in after all; late evidence restates a miss."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from alignment.models import DeadEvent, Lead, MqlCycle, Role
from testing.browser import DESK, DESK_DARK, PHONE_DARK, needs_browser
from testing.site import Journey
from testing.world import NOW, PASSWORD, World, add_user, event

pytestmark = needs_browser


def test_an_unreadable_event_comes_in_once_the_mapping_is_mended_and_it_is_replayed(
    journey: Journey, world: World
) -> None:
    sender = journey.connect(world.crm)
    said: dict[str, Any] = {"score": "hot", "points": 80, "last_name": "Noether", "company": "Rings Ltd"}
    assert sender.send(event("lead.updated", "003-emmy", timezone.now(), **said)) == 202
    journey.tick()
    assert DeadEvent.objects.count() == 1 and not Lead.objects.exists()

    revops = journey.visitors.at(DESK_DARK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.menu("Sources")
    revops.arrive("Sources")
    revops.page.get_by_role("cell", name="1", exact=True).locator("a.text-danger").click()
    tabs = revops.page.get_by_role("navigation", name="CRM", exact=True)
    revops.arrive("CRM", "Events that could not be applied")
    assert "bad_field" in revops.page.get_by_role("region", name="Events that could not be read").inner_text()

    revops.follow("Mapping", tabs)
    revops.arrive("CRM", "Which of its fields mean what")
    preview = revops.page.locator("#preview")
    assert "bad_field" in preview.inner_text()
    revops.page.get_by_label("Lead, score: name of the field in the source").fill("points")
    preview.get_by_text("Noether").wait_for()
    assert "80" in preview.inner_text() and "bad_field" not in preview.inner_text()
    revops.page.get_by_role("region", name="Save").get_by_label("Reason").fill("The score is sent as points")
    revops.press("Save the mapping")
    revops.arrive("CRM", "The score is sent as points")

    revops.follow("Not readable (1)", tabs)
    revops.arrive("CRM", "Events that could not be applied")
    revops.press("Replay all 1")
    revops.arrive("CRM", "Everything could be read")
    assert revops.page.get_by_text("1 event applied, none left behind.").is_visible()
    journey.tick()
    revops.menu("MQLs")
    revops.arrive("MQLs")
    revops.follow("Noether")
    revops.arrive("Noether")
    assert MqlCycle.objects.get().owner is not None


def test_an_overdue_clock_is_restated_once_its_late_evidence_arrives(journey: Journey, world: World) -> None:
    sender = journey.connect(world.crm)
    said: dict[str, Any] = {
        "score": 90,
        "intent": "demo_request",
        "last_name": "Hopper",
        "company": "Compilers Inc",
    }
    sender.send(event("lead.updated", "003-grace", timezone.now(), **said))
    journey.tick()
    owner = MqlCycle.objects.select_related("owner").get().owner
    assert owner is not None

    rep = journey.visitors.at(PHONE_DARK)
    rep.sign_in(owner.email, PASSWORD)
    rep.menu("My queue")
    rep.arrive("My queue", "4 min")
    journey.wait(timedelta(minutes=20))
    rep.page.get_by_text("overdue by 15 min").wait_for()  # the page says so without being asked
    rep.page.reload()
    rep.arrive("My queue", "1 overdue")
    rep.follow("Hopper")
    rep.arrive("Hopper", "overdue by 15 min")
    clocks = rep.page.get_by_role("region", name="Clocks of cycle 1")
    follow_up = clocks.get_by_role("row").filter(has_text="First follow-up")
    assert "Missed" in follow_up.inner_text()

    call: dict[str, Any] = {
        "lead": "003-grace",
        "channel": "call",
        "outcome": "no_answer",
        "is_attempt": True,
    }
    sender.send(event("touch.recorded", "call-1", NOW + timedelta(minutes=3), **call))
    journey.tick()
    rep.page.reload()
    rep.arrive("Hopper", "First follow-up clock: met, late evidence")
    assert "Missed, then met by late evidence" in follow_up.inner_text()

    manager = journey.visitors.at(DESK)
    manager.sign_in(add_user(world, Role.SALES_MANAGER).email, PASSWORD)
    manager.menu("Compliance")
    manager.arrive("Compliance")
    card = manager.page.get_by_role("region", name="First follow-up", exact=True)
    assert "0.0% (0 of 1)" in card.inner_text() and "100.0% (1 of 1)" in card.inner_text()
    manager.follow("100.0% (1 of 1)", card)
    manager.arrive("First follow-up")
    rows = manager.page.get_by_role("region", name="Clocks").locator("tbody tr")
    assert rows.count() == 1 and "Hopper" in rows.inner_text() and "Restated" in rows.inner_text()
