"""Both leads answer blind, RevOps declares, imports the claims and measures; every page is examined on the way."""

from __future__ import annotations

from alignment.models import Role
from scorecard.models import AnswerSheet, ClaimList
from scorecard.tests.company import found_company, revops
from testing.artifacts import user_with
from testing.browser import DESK, DESK_DARK, PHONE, Visitor, looks, needs_browser
from testing.site import Journey
from testing.world import PASSWORD

pytestmark = needs_browser


def arrived(visitor: Visitor, role: str) -> Visitor:
    visitor.sign_in(user_with(role).email, PASSWORD)
    visitor.menu("Scorecard")
    visitor.arrive("Scorecard")
    return visitor


def answer(visitor: Visitor, choice: int, *, then: tuple[str, str]) -> None:
    """Take the same choice of every question, then hand in."""
    visitor.page.goto("/scorecard/questions/")
    visitor.arrive("Blind questions", "Nobody sees your answers")
    for question in visitor.page.locator(".answer-question").all():
        question.get_by_role("radio").nth(choice).check()
    visitor.press("Save for later")
    visitor.arrive("Blind questions", "Only you see these answers")
    visitor.press("Hand in 14 answers")
    visitor.arrive(*then)


def test_step_1_from_naming_to_a_measured_draft(journey: Journey) -> None:
    company = found_company()
    for role in (Role.CRO, Role.CMO):
        user_with(role)
    deal = company.opportunity(company.lead())
    revops()
    ops = arrived(journey.visitors.at(DESK), Role.REVOPS)
    ops.follow("Name who answers")
    ops.arrive("Blind questions")
    ops.page.get_by_label("Sales").select_option(label="The CRO (CRO)")
    ops.page.get_by_label("Marketing").select_option(label="The CMO (CMO)")
    ops.press("Open the questions")
    ops.arrive("Blind questions", "Round 1: 14 questions")

    answer(
        arrived(journey.visitors.at(PHONE), Role.CRO),
        0,
        then=("Blind questions", "You handed in your answers"),
    )
    ops.page.goto("/scorecard/questions/compare/")
    ops.arrive("Answers compared", "Answers are still blind")
    answer(
        arrived(journey.visitors.at(DESK_DARK), Role.CMO), 1, then=("Answers compared", "both sheets are in")
    )
    assert AnswerSheet.objects.count() == 2
    ops.page.goto("/scorecard/questions/compare/")
    ops.arrive("Answers compared", "0.0% (0 of 14) answered the same")

    for function in ("Sales", "Marketing"):
        ops.page.goto("/scorecard/claims/")
        ops.arrive("Claimed opportunities")
        ops.page.get_by_role("radio", name=function).check()
        ops.page.get_by_label("Or paste the list").fill(f"{deal.external_id}\nNOPE")
        ops.press("Import")
        ops.arrive("Claimed opportunities", f"{function} list 1: 1 opportunity taken, 1 row could not be.")
    assert ClaimList.objects.count() == 2

    for path, heading in (
        ("/scorecard/declarations/", "Windows and declarations"),
        ("/scorecard/bands/", "Scoring bands"),
        ("/scorecard/measures/attribution/rows/", "Rows of source attribution"),
        ("/scorecard/measures/conversion/rows/", "Rows of conversion"),
        ("/scorecard/measures/hygiene/rows/", "Rows of handoff hygiene"),
    ):
        ops.page.goto(path)
        ops.arrive(heading)
    ops.menu("Scorecard")
    ops.arrive("Scorecard")
    ops.press("Measure")
    ops.arrive("Scorecard", "Measured as of now, into the draft of version 1.")
    for look in looks():
        ops.wear(look)
        ops.examine()
