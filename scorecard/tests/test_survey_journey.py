"""In a browser, as the application's role: RevOps prints links, people answer on phones and at desks, leaders read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

import scorecard.tasks
from alignment.models import Program, Role
from scorecard.services.survey import respond
from scorecard.tests.surveys import valid_tokens
from testing.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, Look, Visitor, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user

pytestmark = needs_browser
FUNCTIONS = {"sales": 6, "marketing": 5}


@pytest.fixture
def survey_journey(journey: Journey, world: World) -> Iterator[Journey]:
    Program.objects.create(number=1, name="First", starts_on=timezone.now().date(), opened_at=timezone.now())
    yield journey
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE survey.token, survey.answer, survey.box_key")


def print_links(revops: Visitor) -> list[str]:
    revops.open("/scorecard/survey/")
    revops.arrive("Trust survey", "Set the survey up")
    revops.page.get_by_label("Printed links").check()
    for function, count in FUNCTIONS.items():
        revops.page.locator(f"[name=links_{function}]").fill(str(count))
    revops.press("Save, and see what people are told")
    revops.arrive("Trust survey", "Ready to launch")
    revops.press("Launch and show 11 links")
    revops.arrive("One-time links")
    links = revops.page.locator(".survey-slips code").all_inner_texts()
    revops.follow("I have printed the links")
    revops.arrive("Trust survey", "Fewer than needed so far")
    return ["#" + link.partition("#")[2] for link in links]


def choose(visitor: Visitor, values: tuple[int, ...]) -> None:
    for group, value in zip(visitor.page.locator("fieldset.survey-question").all(), values, strict=True):
        choice = group.locator(f"input[value='{value}']")
        choice.tap() if visitor.look.is_phone else choice.click()


def send(visitor: Visitor, heading: str, saying: str | None = None) -> None:
    """Send the form. It takes the code out of its own address first, which the watcher takes for another page."""
    before = len(visitor.faults)
    visitor.press("Send my answers")
    visitor.arrive(heading, saying)
    visitor.faults[before:] = [
        fault
        for fault in visitor.faults[before:]
        if not ("/survey/ (" in fault and fault.endswith("left without being examined"))
    ]


def test_from_printed_links_to_results(survey_journey: Journey, world: World) -> None:
    revops = survey_journey.visitors.at(DESK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    codes = print_links(revops)
    assert len(set(codes)) == 11

    for n, (code, look) in enumerate(zip(codes, (PHONE, PHONE_DARK, DESK, DESK_DARK), strict=False)):
        respondent = survey_journey.visitors.at(look)
        respondent.open(f"/survey/{code}")
        respondent.arrive("Five questions")
        assert respondent.page.get_by_label("Your code").is_hidden()
        choose(respondent, (1 + n, 2, 3, 4, 5))
        respondent.examine()
        send(respondent, "Thank you")
        assert respondent.page.context.cookies() == []
        respondent.page.go_back()
        respondent.arrive("Five questions")
        assert respondent.page.evaluate("location.hash") == ""
        respondent.leave()

    revops.open("/scorecard/survey/")
    revops.arrive("Trust survey", "Fewer than needed so far")
    typist = survey_journey.visitors.at(PHONE)
    typist.open("/survey/")
    typist.arrive("Five questions")
    typist.page.get_by_label("Your code").fill(codes[4].replace("-", " ").lower())
    choose(typist, (1, 4, 3, 2, 5))
    send(typist, "Thank you")
    for n, code in enumerate(codes[5:]):
        respond(token=code, values=(1 + n % 5, 4, 3, 2 + n % 3, 5), at=timezone.now())
    revops.open("/scorecard/survey/")
    revops.arrive("Trust survey", "Enough to show results")

    survey_journey.wait(timedelta(days=12))
    assert scorecard.tasks.tend_survey() == 1
    leader = survey_journey.visitors.at(PHONE_DARK)
    leader.sign_in(add_user(world, Role.CRO).email, PASSWORD)
    leader.open("/scorecard/survey/")
    leader.arrive("Trust survey", "Results, closed")
    for look in (PHONE, DESK, DESK_DARK):
        leader.wear(look)
        leader.examine()
    assert leader.page.get_by_text("Sales (6)").count() == 1
    late = survey_journey.visitors.at(PHONE)
    late.open(f"/survey/{codes[0]}", status=410)
    late.arrive("No survey is open")


def test_a_used_code_and_a_missing_answer_are_told_and_keep_what_was_chosen(
    survey_journey: Journey, world: World
) -> None:
    revops = survey_journey.visitors.at(DESK_DARK)
    revops.sign_in(add_user(world, Role.REVOPS).email, PASSWORD)
    code, *_ = print_links(revops)
    respondent = survey_journey.visitors.at(PHONE)
    respondent.open(f"/survey/{code}")
    respondent.arrive("Five questions")
    choose(respondent, (1, 2, 3, 4, 5))
    respondent.page.evaluate("document.getElementById('survey').noValidate = true")
    respondent.page.locator("input[name=attribution][value='4']").evaluate("radio => radio.checked = false")
    send(respondent, "Five questions", "Please answer every question.")
    group = respondent.page.locator("fieldset.survey-question").nth(3)
    group.locator("input[value='2']").tap()
    send(respondent, "Thank you")
    assert valid_tokens() == 10
    again = survey_journey.visitors.at(Look(390, "dark"))
    again.open(f"/survey/{code}")
    again.arrive("Five questions")
    choose(again, (5, 5, 5, 5, 5))
    send(again, "Five questions", "it was used, or replaced")
    assert again.page.get_by_label("Your code").is_visible()
    assert valid_tokens() == 10
