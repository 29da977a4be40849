"""Calendars in the browser: everyone reads, RevOps sets up, and nothing reaches back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.models import Calendar, Role
from alignment.services.calendars import create_calendar
from alignment.tests.pages import signed_in
from testing.world import WEEKDAYS, World, add_user

NIGHT = datetime(2026, 11, 17, 22, 0, tzinfo=UTC)
NEW = {
    "name": "Madrid",
    "zone": "Europe/Madrid",
    "country": "ES",
    "mon": "09:00-14:00, 16:00-19:00",
    "tue": "09:00 – 14:00",
    "wed": "22:00-06:00",
    "thu": "",
    "fri": "closed",
    "sat": "",
    "sun": "",
}


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS))


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_everyone_but_the_board_reads_and_only_revops_changes(world: World) -> None:
    address = f"/calendars/{world.calendar.pk}/"
    for role in set(Role) - {Role.BOARD_VIEWER}:
        client = signed_in(add_user(world, role))
        assert client.get("/calendars/").status_code == 200
        page = text(client.get(address))
        assert "09:00–17:00" in page
        assert ("Add an exception" in page) is (role == Role.REVOPS)
        expected = 200 if role == Role.REVOPS else 403
        assert client.get("/calendars/new/").status_code == expected
        if role != Role.REVOPS:
            for act in ("exceptions/", "holidays/"):
                assert client.post(address + act, {}).status_code == 403
    assert signed_in(add_user(world, Role.BOARD_VIEWER)).get("/calendars/").status_code == 403
    assert Calendar.objects.get().versions.count() == 1


def test_it_says_whether_it_is_open_and_when_it_opens(world: World) -> None:
    user = add_user(world, Role.REP)
    with time_machine.travel(world.at, tick=False):
        assert "Open now" in text(signed_in(user).get("/calendars/"))
    with time_machine.travel(NIGHT, tick=False):
        page = text(signed_in(user).get(f"/calendars/{world.calendar.pk}/"))
        assert "Closed" in page and "in 11 h" in page


def test_a_calendar_is_made_with_several_windows_and_nights(revops: Client) -> None:
    response = revops.post("/calendars/new/", NEW, follow=True)
    assert response.redirect_chain
    made = Calendar.objects.get(name="Madrid").versions.get()
    assert made.schedule["weekly"] == {
        "mon": [["09:00", "14:00"], ["16:00", "19:00"]],
        "tue": [["09:00", "14:00"]],
        "wed": [["22:00", "06:00"]],
    }
    assert made.schedule["zone"] == "Europe/Madrid" and made.country == "ES"
    assert made.entered_by is not None and made.entered_by.role == Role.REVOPS
    page = text(response)
    assert "09:00–14:00, 16:00–19:00" in page and "22:00–06:00 (next day)" in page
    assert "holidays of ES" in page


@pytest.mark.parametrize(
    ("wrong", "said", "status"),
    [
        ({"name": "Office hours"}, "There is a calendar named", 409),
        ({"name": ""}, "This field is required", 422),
        ({"zone": "Europe/Atlantis"}, "not an IANA time zone", 422),
        ({"country": "XX"}, "no known public holidays", 422),
        ({"mon": "nine to five"}, "is not a window; write it like 09:00-17:00", 422),
        ({"mon": "25:00-26:00"}, "is not a time", 422),
        ({"mon": "", "tue": "", "wed": ""}, "would never be open", 422),
    ],
)
def test_a_refusal_keeps_what_was_typed(
    revops: Client, wrong: dict[str, str], said: str, status: int
) -> None:
    response = revops.post("/calendars/new/", {**NEW, **wrong})
    assert response.status_code == status
    assert said in text(response)
    assert 'value="09:00 – 14:00"' in text(response) or "tue" in wrong
    assert Calendar.objects.count() == 1


def post_exception(client: Client, world: World, **changes: str) -> Any:
    given = {"day": "2026-11-20", "state": "closed", "windows": "", "reason": "Summer party", **changes}
    return client.post(f"/calendars/{world.calendar.pk}/exceptions/", given)


@time_machine.travel(NIGHT, tick=False)
def test_an_exception_is_a_new_version_with_who_and_why(world: World) -> None:
    revops = signed_in(add_user(world, Role.REVOPS, "Ann"))
    assert post_exception(revops, world).status_code == 302
    assert (
        post_exception(revops, world, day="2026-11-21", state="open", windows="10:00-12:00").status_code
        == 302
    )
    second, third = world.calendar.versions.filter(number__gt=1)
    assert second.effective_from == NIGHT and second.schedule["holidays"] == ["2026-11-20"]
    assert third.schedule["overrides"] == {"2026-11-21": [["10:00", "12:00"]]}
    page = text(revops.get(f"/calendars/{world.calendar.pk}/"))
    assert "Summer party" in page and "Entered by Ann" in page
    assert "Sat 21 Nov 2026" in page and "10:00–12:00" in page


@time_machine.travel(NIGHT, tick=False)
@pytest.mark.parametrize(
    ("wrong", "said", "status"),
    [
        ({"day": "2026-11-16"}, "is over in UTC", 409),
        ({"reason": ""}, "This field is required", 422),
        ({"state": "open"}, "Say at what hours it is open", 422),
        ({"windows": "09:00-10:00"}, "A closed date has no open hours", 422),
        ({"state": "open", "windows": "09:00-17:00"}, "", 302),
        ({"state": "open", "windows": "99:00-17:00"}, "is not a time", 409),
        ({"day": "tomorrow"}, "Enter a valid date", 422),
    ],
)
def test_an_exception_that_cannot_be_is_refused_on_the_page(
    world: World, wrong: dict[str, str], said: str, status: int
) -> None:
    revops = signed_in(add_user(world, Role.REVOPS))
    response = post_exception(revops, world, **wrong)
    assert response.status_code == status
    assert said in text(response)
    assert world.calendar.versions.count() == (2 if status == 302 else 1)


@time_machine.travel(NIGHT, tick=False)
def test_the_same_exception_twice_adds_no_second_version(world: World) -> None:
    revops = signed_in(add_user(world, Role.REVOPS))
    post_exception(revops, world)
    response = post_exception(revops, world)
    assert response.status_code == 409 and "says so already" in text(response)
    assert world.calendar.versions.count() == 2


@time_machine.travel(NIGHT, tick=False)
def test_holidays_of_further_years_come_from_the_country(world: World) -> None:
    revops = signed_in(add_user(world, Role.REVOPS))
    german = create_calendar(
        name="Berlin",
        schedule={"zone": "Europe/Berlin", "weekly": WEEKDAYS},
        country="DE",
        by=None,
        at=NIGHT - timedelta(days=1),
    )
    address = f"/calendars/{german.pk}/holidays/"
    assert revops.post(address, {"through_year": "2030"}).status_code == 302
    assert "2030-12-25" in german.versions.get(number=2).schedule["holidays"]
    for year, status in (("2030", 409), ("2099", 409), ("soon", 422)):
        assert revops.post(address, {"through_year": year}).status_code == status
    without = revops.post(f"/calendars/{world.calendar.pk}/holidays/", {"through_year": "2030"})
    assert without.status_code == 409


def test_acts_are_posts_and_unknown_calendars_are_not_found(revops: Client, world: World) -> None:
    assert revops.get(f"/calendars/{world.calendar.pk}/exceptions/").status_code == 405
    assert revops.get("/calendars/987654/").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(
        world.users[Role.REVOPS], backend="allauth.account.auth_backends.AuthenticationBackend"
    )
    assert strict.post("/calendars/new/", NEW).status_code == 403


def test_the_list_costs_the_same_for_one_calendar_and_for_twenty(
    world: World, revops: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for count in (1, 20):
        while Calendar.objects.count() < count:
            create_calendar(
                name=f"C{Calendar.objects.count()}",
                schedule={"zone": "UTC", "weekly": WEEKDAYS},
                by=None,
                at=world.at,
            )
        with django_assert_max_num_queries(9):
            revops.get("/calendars/")
