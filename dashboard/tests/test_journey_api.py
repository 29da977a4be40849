"""In the browser: a token is made and revoked, and the API is read and tried out under the strict content policy."""

from __future__ import annotations

import json
import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from alignment.models import ApiToken, Role
from handoff.models import PoolMember
from testing.browser import DESK, DESK_DARK, IS_LONG, PHONE_DARK, Look, Visitor, looks, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user

pytestmark = needs_browser


def signed_in(journey: Journey, world: World, look: Look) -> Visitor:
    revops = world.users.get(Role.REVOPS) or add_user(world, Role.REVOPS, "Rita")
    visitor = journey.visitors.at(look)
    visitor.sign_in(revops.email, PASSWORD)
    return visitor


def status(url: str, secret: str) -> int:
    request = Request(f"{url}/api/v1/calendars", headers={"Authorization": f"Bearer {secret}"})  # noqa: S310
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as refusal:
        return refusal.code


@pytest.mark.parametrize("look", [DESK, PHONE_DARK] if IS_LONG else [PHONE_DARK], ids=str)
def test_a_token_is_made_copied_used_and_revoked(journey: Journey, world: World, look: Look) -> None:
    visitor = signed_in(journey, world, look)
    page = visitor.page
    visitor.menu("API tokens")
    visitor.arrive("API tokens", "There is no token yet.")
    visitor.press("Make the token")
    visitor.arrive("API tokens", "This field is required.")
    page.get_by_label("Name").fill("Nightly export")
    visitor.press("Make the token")
    visitor.arrive("Confirm that it is you")
    page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Confirm")
    visitor.arrive("Token “Nightly export”")
    visitor.press("Copy the secret")
    secret = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"rag_[\w-]{43}", secret)
    assert status(journey.url, secret) == 200
    visitor.follow("I have kept the secret")
    visitor.arrive("API tokens", "Nightly export")
    assert secret not in page.content()
    visitor.press("Revoke Nightly export of Rita")
    visitor.arrive("API tokens", "its next request is refused")
    assert status(journey.url, secret) == 401
    assert ApiToken.objects.get().state(journey.visitors.now()) == "revoked"


def test_the_api_is_read_and_tried_out_in_every_look(journey: Journey, world: World) -> None:
    visitor = signed_in(journey, world, DESK)
    page = visitor.page
    visitor.open("/api/v1/docs")
    visitor.arrive("API", "Leads")
    for look in looks():
        visitor.wear(look)
        visitor.examine()
    visitor.wear(DESK_DARK)
    page.locator(".opblock-tag", has_text="Calendars").click()
    page.locator("#operations-Calendars-list_calendars .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    visitor.examine()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".responses-table.live-responses-table .response-col_description pre").first
    answer.wait_for()
    assert json.loads(answer.inner_text())["results"][0]["name"] == "Office hours"
    visitor.examine()


def test_an_act_is_tried_out_with_the_session_of_whoever_reads(journey: Journey, world: World) -> None:
    visitor = signed_in(journey, world, DESK)
    page, member = visitor.page, PoolMember.objects.earliest("pk")
    visitor.open("/api/v1/docs")
    visitor.arrive("API", "Routing")
    page.locator(".opblock-tag", has_text="Routing").click()
    page.locator("#operations-Routing-pause_pool_member .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("Idempotency-Key").fill("from-the-browser")
    page.get_by_placeholder("id", exact=True).fill(str(member.pk))
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").first.wait_for()
    visitor.examine()
    member.refresh_from_db()
    assert member.is_paused
