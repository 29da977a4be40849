"""Pages that follow by themselves or fold their rows: a test message to the CRM, and pairs of duplicates."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from alignment.models import DuplicatePair, Lead, OutgoingMessage, OutgoingState, Role
from alignment.services.destinations import create_destination
from testing.browser import DESK_DARK, PHONE, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user, event

pytestmark = needs_browser


def test_what_became_of_a_test_message_appears_by_itself_and_then_nobody_asks_any_more(
    journey: Journey, world: World
) -> None:
    hour_ago = timezone.now() - timedelta(hours=1)
    create_destination(source=world.crm, address="https://crm.example.com/hooks", by=None, at=hour_ago)
    revops = journey.visitors.at(PHONE)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.open("/sources/crm/write-back/")
    revops.arrive("CRM", "Nothing was decided since")
    asked: list[str] = []
    revops.page.on("request", lambda request: asked.append(request.url))
    journey.visitors.let_pass(30)
    assert asked == []

    revops.press("Send a test message")
    revops.arrive("CRM", "this page follows by itself")
    state = revops.page.locator("#outbox-state")
    assert "Waiting" in state.inner_text()
    OutgoingMessage.objects.update(state=OutgoingState.DELIVERED, delivered_at=timezone.now())
    journey.visitors.let_pass(4)
    state.get_by_text("Delivered", exact=True).wait_for()
    assert "Delivered" in revops.page.get_by_role("region", name="Table of messages").inner_text()
    assert "delivered" in revops.page.locator("#outbox-status").inner_text()
    assert not revops.page.get_by_text("this page follows by itself").is_visible()
    revops.examine()
    asked.clear()
    journey.visitors.let_pass(30)
    assert asked == []


def test_a_pair_is_unfolded_and_merged_by_the_keyboard_and_paper_shows_every_pair(
    journey: Journey, world: World
) -> None:
    for number, names in enumerate(("AB", "CD")):
        for name in names:
            said = {"email": f"ann{number}@acme.example", "last_name": f"Lee {name}", "score": 80}
            world.send(event("lead.updated", name, timezone.now(), **said), at=timezone.now())
    assert DuplicatePair.objects.count() == 2
    revops = journey.visitors.at(DESK_DARK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    revops.menu("Duplicates")
    revops.arrive("Duplicates")
    page = revops.page
    tables = page.locator(".pair-table")
    assert [table.is_visible() for table in tables.all()] == [False, False]
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert [table.is_visible() for table in tables.all()] == [True, True]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert [table.is_visible() for table in tables.all()] == [False, False]

    page.locator(".pair > summary").first.focus()
    page.keyboard.press("Enter")
    assert [table.is_visible() for table in tables.all()] == [True, False]
    revops.examine()
    page.locator("input[value=left]").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.type("Called her")
    page.keyboard.press("Enter")
    revops.arrive("Lee", "is merged into")
    assert Lead.objects.filter(merged_into__isnull=False).count() == 1
