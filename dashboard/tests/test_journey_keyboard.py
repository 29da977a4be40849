"""A rep's work with nothing but a keyboard: every stop can be seen, the skip link works, nothing needs a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from alignment.models import MqlCycle, Touch
from testing.browser import DESK, DESK_DARK, IS_LONG, Look, Visitor, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, event

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = needs_browser

# What the focus changes about an element: without a change nobody can see where they are.
FOCUS = """() => {
  const element = document.activeElement, box = element.getBoundingClientRect();
  const look = () => {
    const shown = getComputedStyle(element);
    return [shown.outlineStyle, shown.outlineWidth, shown.boxShadow, shown.borderColor].join();
  };
  const focused = look();
  element.blur();
  const blurred = look();
  element.focus();
  return {
    changes: focused !== blurred,
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    what: element.outerHTML.slice(0, 120),
  };
}"""


def tab_to(visitor: Visitor, target: Locator, most: int = 60) -> None:
    """Press Tab until the target has the focus; each stop on the way must be seen to have it."""
    page = visitor.page
    for _ in range(most):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUS)
        if not (stop["changes"] and stop["seen"]):
            visitor.faults.append(f"{visitor.path} ({visitor.look}): focus cannot be seen on {stop['what']}")
        if has_focus(target):
            return
    raise AssertionError(f"not reached by Tab: {target}")


def has_focus(target: Locator) -> bool:
    return bool(target.evaluate("element => element === document.activeElement"))


def choose(page: Page, target: Locator, value: str) -> None:
    """Turn a focused list to a value with the arrow key."""
    for _ in range(20):
        if target.input_value() == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} is not in the list")


@pytest.mark.parametrize("look", [DESK, DESK_DARK] if IS_LONG else [DESK], ids=str)
def test_a_rep_signs_in_logs_an_attempt_and_sets_a_disposition_without_a_mouse(
    journey: Journey, world: World, look: Look
) -> None:
    said: dict[str, Any] = {"score": 80, "last_name": "Lovelace", "company": "Analytical Engines"}
    journey.connect(world.crm).send(event("lead.updated", "003-ada", timezone.now(), **said))
    journey.tick()
    rep = journey.visitors.at(look)
    page, keyboard = rep.page, rep.page.keyboard

    rep.open("/accounts/login/")
    rep.arrive("Sign in")
    if not has_focus(page.get_by_label("Email")):
        tab_to(rep, page.get_by_label("Email"))
    keyboard.type("rep.1@example.com")
    tab_to(rep, page.get_by_label("Password"))
    keyboard.type(PASSWORD)
    keyboard.press("Enter")
    rep.arrive("Good to see you")

    tab_to(rep, page.get_by_role("link", name="My queue", exact=True))
    keyboard.press("Enter")
    rep.arrive("My queue")

    tab_to(rep, page.get_by_role("link", name="Skip to the content"), most=1)
    keyboard.press("Enter")
    assert has_focus(page.locator("main"))
    tab_to(rep, page.get_by_role("link", name="Lovelace"), most=1)
    rep.examine()
    tab_to(rep, page.get_by_role("button", name="No answer"))
    keyboard.press("Enter")
    rep.arrive("My queue", "1 of 6 attempts")
    tab_to(rep, page.get_by_role("button", name="E-mail sent"))
    keyboard.press("Space")
    rep.arrive("My queue", "2 of 6 attempts")

    tab_to(rep, page.locator("summary", has_text="Disposition"))
    keyboard.press("Space")
    tab_to(rep, page.get_by_label("Disposition"), most=1)
    choose(page, page.get_by_label("Disposition"), "recycled")
    tab_to(rep, page.get_by_label("Reason"), most=1)
    choose(page, page.get_by_label("Reason"), "bad_fit")
    tab_to(rep, page.get_by_role("button", name="Set the disposition"), most=1)
    keyboard.press("Enter")
    rep.arrive("My queue", "Recycled to nurture, bad fit.")
    assert MqlCycle.objects.get().reason == "bad_fit"
    assert list(Touch.objects.order_by("touched_at").values_list("channel", flat=True)) == ["call", "email"]
