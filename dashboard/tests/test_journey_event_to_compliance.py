"""From a signed event to the figure of its week, by the hands of RevOps, a rep and a manager, in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from alignment.models import Delivery, MqlCycle, Role
from testing.browser import IS_LONG, LOOKS, Look, Visitor, needs_browser
from testing.site import Journey, Sender
from testing.world import PASSWORD, World, add_user, event

pytestmark = needs_browser


def copied(visitor: Visitor, what: str) -> str:
    visitor.press(f"Copy {what}")
    return str(visitor.page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.parametrize("scheme", ["light", "dark"] if IS_LONG else ["dark"])
def test_a_signed_event_becomes_a_worked_mql_and_a_figure_that_its_rows_bear_out(
    journey: Journey, world: World, scheme: str
) -> None:
    desk, phone = (next(look for look in LOOKS if (look.width, look.scheme) == (width, scheme))
                   for width in (1280, 390))  # fmt: skip
    revops, manager = add_user(world, Role.REVOPS), add_user(world, Role.SALES_MANAGER)
    source_is_connected_and_an_event_sent(journey, desk, revops.email)
    cycle = MqlCycle.objects.select_related("owner").get()
    assert cycle.owner is not None
    mql_is_worked(journey, phone, cycle.owner.email)
    compliance_agrees(journey, desk, manager.email)


def source_is_connected_and_an_event_sent(journey: Journey, desk: Look, email: str) -> None:
    revops = journey.visitors.at(desk)
    revops.sign_in(email, PASSWORD)
    revops.menu("Sources")
    revops.arrive("Sources")
    revops.follow("Connect a source")
    revops.arrive("Connect a source")
    revops.page.get_by_label("Name", exact=True).fill("Salesforce")
    revops.page.get_by_label("Short name").fill("salesforce")
    revops.press("Connect")
    revops.arrive("Salesforce")
    revops.press("Add the endpoint")
    revops.arrive("Secret of Salesforce")
    address, secret = copied(revops, "the address"), copied(revops, "the secret")
    assert secret.startswith("whsec_")
    revops.follow("I have kept the secret")
    revops.arrive("Salesforce")
    assert secret not in revops.page.content()

    data: dict[str, Any] = {
        "score": 80,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "company": "Analytical Engines",
    }
    said = event("lead.updated", "003-ada", timezone.now(), **data)
    assert Sender(address, secret).send(said) == 202
    assert Delivery.objects.pending().count() == 1
    journey.tick()

    revops.menu("MQLs")
    revops.arrive("MQLs")
    revops.follow("Ada Lovelace")
    revops.arrive("Ada Lovelace")
    owner = revops.page.get_by_role("region", name="Owner, and why")
    assert "Rep 1" in owner.inner_text() and "Everyone considered" in owner.inner_text()
    chosen = owner.get_by_role("row").filter(has_text="Chosen")
    assert chosen.get_by_role("rowheader").inner_text() == "Rep 1"
    revops.leave()


def mql_is_worked(journey: Journey, phone: Look, email: str) -> None:
    rep = journey.visitors.at(phone)
    rep.sign_in(email, PASSWORD)
    rep.follow("Open my queue")
    rep.arrive("My queue")
    card = rep.page.get_by_role("listitem").filter(has_text="Ada Lovelace")
    assert "First follow-up" in card.inner_text() and " left" in card.locator("time").first.inner_text()
    rep.press("No answer")
    rep.arrive("My queue", "1 of 6 attempts")
    card.locator("summary", has_text="Disposition").tap()
    card.get_by_label("Disposition").select_option("disqualified")
    rep.press("Set the disposition")
    rep.arrive("Ada Lovelace", "Choose a reason: it goes back to marketing")
    assert MqlCycle.objects.get().is_open
    rep.page.get_by_label("Reason").select_option("bad_fit")
    rep.press("Set the disposition")
    rep.page.get_by_text("Disqualified, bad fit.").wait_for()
    rep.examine()
    rep.menu("My queue")
    rep.arrive("My queue", "Nothing waits for you")
    rep.leave()
    journey.tick()


def compliance_agrees(journey: Journey, desk: Look, email: str) -> None:
    manager = journey.visitors.at(desk)
    manager.sign_in(email, PASSWORD)
    manager.menu("Compliance")
    manager.arrive("Compliance")
    for promise in ("Assigned", "First follow-up", "Disposition"):
        card = manager.page.get_by_role("region", name=promise, exact=True)
        assert "100.0% (1 of 1)" in card.inner_text(), promise
    card = manager.page.get_by_role("region", name="First follow-up", exact=True)
    card.locator(".figure-value a").click()
    manager.arrive("First follow-up")
    assert manager.page.get_by_text("1 clock", exact=True).is_visible()
    rows = manager.page.get_by_role("region", name="Clocks").locator("tbody tr")
    assert rows.count() == 1 and "Rep 1" in rows.inner_text() and "Met" in rows.inner_text()
    manager.follow("Ada Lovelace", rows)
    manager.arrive("Ada Lovelace")
    assert "Disqualified, bad fit" in manager.page.get_by_role("region", name="MQL cycle 1").inner_text()
    manager.leave()
