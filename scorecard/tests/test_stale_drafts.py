"""A draft is sent only while what it was measured on is what counts, and while its figures are of these days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from alignment.models import ArtifactVersion, Function, Role, User, VersionState
from alignment.services.artifacts import send
from scorecard.content import compared_with
from scorecard.kinds import scorecard_blockers
from scorecard.models import Survey
from scorecard.queries.freshness import MEASURED_WITHIN
from scorecard.services.answers import open_round
from scorecard.services.claims import import_claims
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import HOUR, Company, complete, revops, sign_bands, surveyed
from scorecard.tests.figures import measures
from testing.artifacts import sign_all, user_with
from testing.definitions import put_in_force
from testing.world import NOW

pytestmark = pytest.mark.usefixtures("prerequisites_met")


def measured(company: Company, at=NOW) -> ArtifactVersion:
    return measure(program=company.program, by=revops(), at=at)


def codes(version: ArtifactVersion, at=NOW) -> set[str]:
    return {blocker.code for blocker in scorecard_blockers(version, at=at)}


def another_round(company: Company) -> None:
    people: dict[Function, User] = {
        Function.SALES: user_with(Role.CRO),
        Function.MARKETING: user_with(Role.CMO),
    }
    open_round(program=company.program, people=people, by=revops(), at=NOW + HOUR)


def another_list(company: Company) -> None:
    text = f"opportunity,source\n{company.opportunity().external_id},\n"
    import_claims(
        program=company.program, function=Function.SALES, text=text, name="y", by=revops(), at=NOW + HOUR
    )


def another_survey(company: Company) -> None:
    Survey.objects.update(is_released=False)
    surveyed(company, 21)


def another_definition(company: Company) -> None:
    put_in_force("sql", at=NOW + HOUR)


def other_bands(company: Company) -> None:
    sign_bands(company, hygiene=["0.1", "0.2", "0.3", "0.4", "0.5"])


def another_window(company: Company) -> None:
    declare(program=company.program, changes={"follow_up_hours": 48}, by=revops(), at=NOW + HOUR)


def other_hours(company: Company) -> None:
    declare(program=company.program, changes={"follow_up_time": "elapsed"}, by=revops(), at=NOW + HOUR)


def other_quarters(company: Company) -> None:
    changes = {"first_quarter": "2026-Q1", "last_quarter": "2026-Q2"}
    declare(program=company.program, changes=changes, by=revops(), at=NOW + HOUR)


@pytest.mark.parametrize(
    ("happens", "code"),
    [
        (another_round, "answers-new"),
        (another_list, "claims-new"),
        (another_survey, "survey-new"),
        (another_definition, "definitions-new"),
        (other_bands, "bands-new"),
        (another_window, "declared-new"),
        (other_hours, "declared-new"),
        (other_quarters, "declared-new"),
    ],
)
def test_what_came_after_measuring_has_to_be_measured(
    company: Company, happens: Callable[[Company], None], code: str
) -> None:
    complete(company)
    draft = measured(company)
    assert codes(draft) == set()
    happens(company)
    assert codes(draft) == {code}
    again = measured(company, at=NOW + 2 * HOUR)
    assert code not in codes(again, NOW + 2 * HOUR)


def test_a_scorecard_that_was_signed_after_measuring_is_compared_with(company: Company) -> None:
    complete(company)
    sent = send(version=measured(company), by=revops(), at=NOW)
    draft = measured(company, NOW + HOUR)
    assert draft.content["compared"] is None
    sign_all(sent, at=NOW + HOUR)
    (blocker,) = scorecard_blockers(draft, at=NOW + HOUR)
    assert blocker.message.startswith("The comparison with the scorecard before")
    assert codes(measured(company, NOW + 2 * HOUR), NOW + 2 * HOUR) == set()


def test_what_was_missing_and_came_since_is_only_to_be_measured(company: Company) -> None:
    company.opportunity()
    draft = measured(company)
    assert {"survey", "answers", "claims"} <= codes(draft)
    surveyed(company)
    assert {"survey-new", "answers", "claims"} <= codes(draft)
    assert "survey" not in codes(draft)


def test_figures_older_than_two_weeks_are_not_sent(company: Company) -> None:
    complete(company)
    draft = measured(company)
    assert codes(draft, NOW + MEASURED_WITHIN) == set()
    late = NOW + MEASURED_WITHIN + timedelta(seconds=1)
    [blocker] = scorecard_blockers(draft, at=late)
    assert blocker.code == "measured-long-ago"
    assert "measured 14 days ago" in blocker.message and "measure again" in blocker.message
    assert codes(measured(company, late), late) == set()


def test_the_comparison_says_that_bands_and_definitions_were_others(company: Company) -> None:
    complete(company)
    put_in_force("mql", at=NOW)
    sent = send(version=measured(company), by=revops(), at=NOW)
    assert sign_all(sent, at=NOW).state == VersionState.IN_FORCE
    assert measured(company, NOW + HOUR).content["compared"]["notes"] == []
    other_bands(company)
    put_in_force("lead", at=NOW + HOUR)
    notes = measured(company, NOW + 2 * HOUR).content["compared"]["notes"]
    assert notes == ["It was scored by other bands.", "Other definitions were in force, or none (Lead)."]


def test_the_comparison_names_quarters_as_everywhere_else(company: Company) -> None:
    complete(company)
    before = measured(company).content
    before["window"] |= {"first": "2025-Q3", "last": "2026-Q2"}
    found = compared_with(before, version=1, program="", signed_on="2026-11-17", now=measures())
    assert found["notes"][0] == "It measured Q3 2025 to Q2 2026."
