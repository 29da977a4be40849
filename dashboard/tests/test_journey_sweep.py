"""Every page of every role on the demo company: readable, named, as wide as the screen, and fit for paper."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle

import pytest

from alignment.access import scope_of
from alignment.models import Calendar, DeadEvent, Person, Role, Team, User
from alignment.notifications import notify
from alignment.queries.prerequisites import last_quarters, months_of
from alignment.queries.programs import current
from alignment.services.programs import open_program
from dashboard.demo import company, history, people
from handoff.queries.cycles import visible_leads
from testing.browser import (
    DESK,
    DESK_DARK,
    IS_LONG,
    LOOKS,
    PHONE,
    PHONE_DARK,
    Look,
    Visitor,
    looks,
    needs_browser,
)
from testing.site import Journey

pytestmark = needs_browser
# A Thursday, 15:00 in Berlin and 9:00 in New York: every team is open.
AT = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)
ROWS = "/compliance/rows/?week=2026-11-16&kind=follow_up&outcome=due"
ACCOUNT = [
    "/accounts/password/change/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/logout/",
]
ENTRANCE = [
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/signup/",
]
# Without TEST_ALL every third page of a role is seen, which ones the seed of the run decides, and its looks take turns;
# pages of many roles are seen by one role in the one and by another in the other look.
LOOKS_OF: dict[str, tuple[Look, ...]] = {
    Role.REVOPS: (DESK, PHONE_DARK),
    Role.REP: (PHONE, DESK_DARK),
    Role.SALES_MANAGER: (DESK_DARK,),
    Role.MARKETING: (PHONE,),
    Role.CRO: (PHONE_DARK,),
    Role.CMO: (DESK,),
    Role.FINANCE: (PHONE,),
    Role.BOARD_VIEWER: (PHONE_DARK, DESK),
}
IN_FULL, SAME_FOR_ALL = (Role.REVOPS, Role.REP), ("/agreement/", "/calendars/")
TOGETHER = (
    [
        (Role.REVOPS,),
        (Role.REP,),
        (Role.SALES_MANAGER, Role.MARKETING),
        (Role.CRO, Role.CMO, Role.FINANCE, Role.BOARD_VIEWER),
    ]
    if IS_LONG
    else [tuple(LOOKS_OF)]
)


@pytest.fixture
def demo(journey: Journey) -> Journey:
    """The demo company at the time of its last event."""
    journey.move_to(AT)
    made = company.set_up(at=AT - company.IN_FORCE_FOR)
    history.tell(made, at=AT, days=2 if IS_LONG else 1, say=lambda line: None)
    if current() is None:
        open_a_program()
    return journey


def open_a_program() -> None:
    """With nothing met yet, and something told to everybody."""
    revops = User.objects.filter(role=Role.REVOPS).earliest("pk")
    open_program(
        name="Alignment 2027",
        owner=revops,
        hours_per_week=16,
        has_admin_access=True,
        starts_on=AT.date(),
        weeks=8,
        by=revops,
        at=AT,
    )
    notify(to=User.objects.all(), key="sweep", kind="x", subject="A gate opened", text="", url="/", at=AT)


def addresses_of(user: User) -> Iterator[str]:
    """What this role may open beside the menu."""
    lead = visible_leads(scope_of(user)).filter(cycles__closed_at=None).order_by("pk").first()
    if user.role not in (Role.FINANCE, Role.BOARD_VIEWER):
        assert lead is not None
        yield from (f"/leads/{lead.pk}/", ROWS)
    if user.role != Role.BOARD_VIEWER:
        yield from ("/agreement/1/", f"/calendars/{Calendar.objects.earliest('pk').pk}/")
    yield "/notifications/"
    if user.role == Role.SALES_MANAGER:
        yield f"/queue/?person={Person.objects.filter(team__managers=user).latest('pk').pk}"
    if user.role == Role.REVOPS:
        yield from settings_pages()


def settings_pages() -> Iterator[str]:
    yield from ("/program/change/", "/program/sponsorship/", "/program/steps/0/waiver/")
    yield f"/program/history/closed-won/{months_of(last_quarters(AT, 'UTC'))[0]:%Y-%m}/"
    yield from ("/sources/new/", "/calendars/new/", "/people/new/", "/people/teams/new/")
    yield f"/people/{Person.objects.earliest('pk').pk}/"
    yield f"/people/teams/{Team.objects.earliest('pk').pk}/"
    for key in (company.CRM, company.ESPOCRM):
        yield f"/sources/{key}/"
        for tab in ("mapping", "dead", "conflicts", "deliveries"):
            yield f"/sources/{key}/{tab}/"
    dead = DeadEvent.objects.select_related("delivery__source").earliest("pk").delivery
    yield f"/sources/{dead.source.key}/deliveries/{dead.pk}/"


def look_over(visitor: Visitor, looks: tuple[Look, ...], path: str, status: int = 200) -> str:
    """Open an address and examine it in each look; the page's title."""
    visitor.open(path, status)
    for look in looks:
        visitor.wear(look)
        visitor.examine()
    return visitor.page.title()


def menu_of(visitor: Visitor) -> list[str]:
    links = visitor.page.locator("nav[aria-label=Sections] a")
    return [str(link.get_attribute("href")) for link in links.all()]


@pytest.mark.parametrize("roles", TOGETHER, ids="+".join)
def test_every_page_of_a_role_is_sound(demo: Journey, roles: tuple[Role, ...]) -> None:
    for role in roles:
        look_over_pages_of(role, demo)


def look_over_pages_of(role: Role, demo: Journey) -> None:
    user, turns = User.objects.filter(role=role).earliest("pk"), cycle(LOOKS_OF[role])
    visitor = demo.visitors.at(LOOKS[0] if IS_LONG else LOOKS_OF[role][0])
    visitor.sign_in(user.email, people.PASSWORD)

    def title_of(path: str, status: int = 200) -> str:
        return look_over(visitor, LOOKS if IS_LONG else (next(turns),), path, status)

    titles = {"/": title_of("/")}
    paths = [*menu_of(visitor), *addresses_of(user)]
    for path in paths if IS_LONG else paths[random.randrange(3) :: 3]:
        if path not in titles and (IS_LONG or role in IN_FULL or not path.startswith(SAME_FOR_ALL)):
            titles[path] = title_of(path)
    if role == Role.REP:
        titles |= {path: title_of(path) for path in ACCOUNT}
        titles["403"] = title_of("/sources/", 403)
        titles["404"] = title_of("/no-such-page/", 404)
    titles.pop("/agreement/1/", None)  # the version in force has one title under both addresses
    said_twice = [title for title, count in Counter(titles.values()).items() if count > 1]
    assert [(path, title) for path, title in titles.items() if title in said_twice] == []
    visitor.leave()


def test_the_pages_before_the_login_are_sound(journey: Journey) -> None:
    visitor = journey.visitors.at(DESK)
    titles = [look_over(visitor, looks(), path) for path in ENTRANCE]
    assert len(set(titles)) == len(titles)


def test_documents_fit_on_paper_without_the_menu(demo: Journey) -> None:
    visitor = demo.visitors.at(DESK_DARK)
    visitor.sign_in(User.objects.get(role=Role.CMO).email, people.PASSWORD)
    for path in ("/compliance/", "/adherence/", "/agreement/", ROWS):
        visitor.open(path)
        visitor.examine()
        print_preview(visitor)


def print_preview(visitor: Visitor) -> None:
    page = visitor.page
    page.set_viewport_size({"width": 718, "height": 1040})  # A4 less margins of 10 mm, at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_selector("html[data-bs-theme=light]", state="attached")
    assert visitor.overflow <= 0, visitor.path
    assert not page.get_by_role("navigation", name="Sections").is_visible()
    assert not page.locator(".btn:visible").count()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("h1").is_visible()
    page.emulate_media(media="screen", color_scheme="dark")
    page.set_viewport_size(DESK_DARK.size)  # type: ignore[arg-type]
