"""The queue in a real browser, on a phone: one tap, the keyboard, and a refresh that eats nobody's form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from alignment.models import MqlCycle, Touch
from handoff.tests.pages import add_mql, client_of
from testing.browser import chromium, needs_browser
from testing.world import World, build_world

pytestmark = needs_browser


@pytest.fixture
def world(transactional_db: None) -> World:
    return build_world(timezone.now() - timedelta(days=1), reps=1)


@pytest.fixture
def phone(world: World, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page of a rep's phone with a clock that the test may move on; it must log no error to the end."""
    # the browser's driver runs an event loop in this thread; the database is still used by one thread at a time
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    # the server's threads keep no connection that would outlive the test database
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    session = client_of(world.users["rep.1"]).cookies[settings.SESSION_COOKIE_NAME].value
    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": 390, "height": 844}, has_touch=True, base_url=live_server.url
        )
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if _is_fault(said) else None)
        page.clock.install()
        yield page
        connection.close()  # beside a running event loop Django opens a connection of its own
    assert errors == []


def _is_fault(said: Any) -> bool:
    """Errors on the console but for the browser's note that a form was refused (422)."""
    return said.type == "error" and "status of 422" not in said.text


def later(page: Any) -> None:
    """Let the time of one refresh pass, and its answer come."""
    page.clock.run_for(21_000)
    page.wait_for_load_state("networkidle")
    page.clock.run_for(500)


def test_a_refresh_shows_new_mqls_but_never_eats_a_form_in_use(world: World, phone: Any) -> None:
    add_mql(world, "First")
    phone.goto("/queue/")
    add_mql(world, "Second")
    with phone.expect_response(lambda answer: "/queue/" in answer.url):
        later(phone)
    phone.get_by_text("Second Inc").wait_for()
    phone.locator("summary", has_text="Disposition").first.click()
    phone.get_by_label("Disposition").first.select_option("recycled")
    phone.get_by_label("Reason").first.select_option("bad_fit")
    add_mql(world, "Third")
    later(phone)
    assert phone.get_by_label("Reason").first.input_value() == "bad_fit"
    assert phone.get_by_text("Third Inc").count() == 0
    # closed, but still filled in: it stays as well
    phone.locator("details[open] > summary").first.click()
    phone.locator("h1").click()
    later(phone)
    assert phone.get_by_text("Third Inc").count() == 0
    phone.locator("summary", has_text="Disposition").first.click()
    phone.get_by_role("button", name="Set the disposition").first.click()
    phone.get_by_text("Recycled to nurture, bad fit.").wait_for()
    assert phone.get_by_text("Third Inc").count() == 1
    assert MqlCycle.objects.filter(reason="bad_fit").count() == 1


def test_one_tap_and_one_key_each_log_an_attempt(world: World, phone: Any) -> None:
    add_mql(world, "First")
    phone.goto("/queue/")
    phone.get_by_role("button", name="No answer").tap()
    phone.get_by_text("1 of 6 attempts").wait_for()
    phone.get_by_role("button", name="E-mail sent").focus()
    phone.keyboard.press("Enter")
    phone.get_by_text("2 of 6 attempts").wait_for()
    assert list(Touch.objects.order_by("touched_at").values_list("channel", "outcome")) == [
        ("call", "no_answer"),
        ("email", "sent"),
    ]
    box = phone.get_by_role("button", name="Reached").bounding_box()
    assert box["height"] >= 40
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_only_what_is_owed_is_asked_for(world: World, phone: Any) -> None:
    add_mql(world, "First")
    phone.goto("/queue/")
    phone.locator("summary", has_text="Disposition").click()
    assert not phone.get_by_label("Reason").is_visible()
    phone.get_by_label("Disposition").select_option("disqualified")
    assert phone.get_by_label("Reason").is_visible()
    phone.get_by_label("Disposition").select_option("converted")
    assert not phone.get_by_label("Reason").is_visible()
    assert phone.get_by_label("Opportunity").is_visible()
    phone.get_by_role("button", name="Set the disposition").click()
    phone.get_by_text("Converted means linked to an opportunity of this lead.").wait_for()


def test_a_session_that_ended_leads_to_the_login_and_not_to_an_empty_queue(world: World, phone: Any) -> None:
    add_mql(world, "First")
    phone.goto("/queue/")
    phone.context.clear_cookies()
    later(phone)
    phone.wait_for_url("**/accounts/login/**")
