"""Pages of the scorecard: what each role sees, acts through the forms, queries that do not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from alignment.models import ArtifactVersion, Function, Role
from alignment.services.artifacts import send
from scorecard import bands
from scorecard.models import AnswerSheet, Diagnosis, Nomination
from scorecard.questions import CURRENT
from scorecard.services.answers import open_round
from scorecard.services.scorecards import measure
from scorecard.tests.company import (
    DAY,
    HOUR,
    MONDAY,
    QUESTIONS,
    Company,
    answered,
    complete,
    revops,
    sheet,
    sign_bands,
    surveyed,
)
from testing.artifacts import user_with
from testing.world import NOW

PAGES = ("scorecard", "questions", "compare", "claims")


@pytest.fixture(autouse=True)
def at_now(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def as_role(role: str) -> Client:
    client = Client()
    client.force_login(user_with(role))
    return client


def text(client: Client, name: str, *args: str, status: int = 200, **query: str) -> str:
    response = client.get(reverse(f"scorecard:{name}", args=args), query)
    assert response.status_code == status, response.content[:500]
    return str(response.content.decode())


def post(client: Client, name: str, data: Any = None, status: int = 302, **more: Any) -> str:
    response = client.post(reverse(f"scorecard:{name}"), {**(data or {}), **more})
    assert response.status_code == status, response.content.decode()[:2000]
    return str(response.content.decode())


def band_form(**changes: str) -> dict[str, str]:
    found = {"note": "", "revision": "0"}
    for rate, steps in bands.DEFAULTS.items():
        factor = 1 if rate == bands.TRUST_MEAN else 100
        found |= {f"{rate}_{n}": f"{float(step) * factor:g}" for n, step in enumerate(steps, start=1)}
    return found | changes


class TestScorecard:
    def test_without_a_program_every_page_says_what_comes_first(self, db: None) -> None:
        client = as_role(Role.REVOPS)
        for name in (*PAGES, "declarations"):
            assert "No program runs" in text(client, name)
        assert client.post(reverse("scorecard:measure")).status_code == 404

    def test_revops_measures_and_sees_what_stands_before_sending(self, company: Company) -> None:
        client = as_role(Role.REVOPS)
        assert "Nothing was measured yet" in text(client, "scorecard")
        company.opportunity()
        post(client, "measure", revision="0")
        page = text(client, "scorecard")
        assert "Scores of the draft" in page
        assert "Import the list of opportunities claimed by sales and marketing. Then measure again." in page
        assert "The scoring bands are not signed" in page
        assert f'href="{reverse("alignment:waiver-new", args=[0])}"' in page

    def test_a_draft_is_revops_own_until_it_is_sent(self, company: Company, prerequisites_met: None) -> None:
        answered(company, sheet(), sheet(lead="fit"))
        surveyed(company)
        sign_bands(company)
        post(as_role(Role.REVOPS), "measure", revision="0")
        for role in (Role.CRO, Role.CMO, Role.FINANCE, Role.MARKETING, Role.SALES_MANAGER):
            assert "No scorecard was sent yet" in text(as_role(role), "scorecard")

    def test_somebody_elses_newer_draft_is_not_measured_over(self, company: Company) -> None:
        client = as_role(Role.REVOPS)
        post(client, "measure", revision="0")
        post(client, "measure", revision="1")
        response = client.post(reverse("scorecard:measure"), {"revision": "1"}, follow=True)
        assert "Somebody changed this draft" in response.content.decode()
        assert ArtifactVersion.objects.get().revision == 2

    def test_leads_read_the_sent_scorecard_with_its_formulas(
        self, company: Company, prerequisites_met: None
    ) -> None:
        complete(company)
        send(version=measure(program=company.program, by=revops(), at=NOW), by=revops(), at=NOW)
        page = text(as_role(Role.CMO), "scorecard")
        assert "Scores of version 1" in page and "Fracture: start here" in page
        assert (
            "MQLs attempted or closed in time: 60.0% (3 of 5) between 55% for 1 and 70% for 2 is 1.3." in page
        )
        assert "USD 900,000" in page and "Measure again" not in page
        assert reverse("scorecard:rows", args=["hygiene"]) in page
        assert reverse("scorecard:rows", args=["hygiene"]) not in text(as_role(Role.FINANCE), "scorecard")


class TestQuestions:
    def test_named_people_save_and_hand_in_their_sheet(self, company: Company) -> None:
        cro, cmo = user_with(Role.CRO), user_with(Role.CMO)
        client = as_role(Role.REVOPS)
        post(client, "questions-open", sales=cro.pk, marketing=cmo.pk, finance="")
        assert Nomination.objects.count() == 2
        own = as_role(Role.CRO)
        assert text(own, "questions").count("<fieldset") == len(QUESTIONS)
        assert "<fieldset" not in text(as_role(Role.MARKETING), "questions")
        post(own, "answer", act="save", lead="fit")
        assert 'value="fit"' in text(own, "questions")
        page = post(own, "answer", status=422, act="submit", lead="fit")
        assert "13 questions are not answered yet" in page and page.count("Not answered yet.") == 13
        post(own, "answer", sheet(), act="submit")
        assert AnswerSheet.objects.get().nomination.person == cro
        assert "You handed in your answers" in text(own, "questions")
        assert "Answers are still blind" in text(own, "compare")

    def test_somebody_who_is_not_named_is_told_so(self, company: Company) -> None:
        people = {Function.SALES: user_with(Role.CRO), Function.MARKETING: user_with(Role.CMO)}
        open_round(program=company.program, people=people, by=revops(), at=NOW)
        post(as_role(Role.MARKETING), "answer", sheet(), act="submit")
        assert not AnswerSheet.objects.exists()

    @pytest.mark.parametrize("data", [{}, {"sales": "x", "marketing": "9" * 30}, {"sales": "\0"}])
    def test_odd_names_are_refused(self, company: Company, data: dict[str, str]) -> None:
        post(as_role(Role.REVOPS), "questions-open", data, 422)

    def test_one_person_is_not_named_twice(self, company: Company) -> None:
        cro = user_with(Role.CRO)
        page = post(as_role(Role.REVOPS), "questions-open", status=422, sales=cro.pk, marketing=cro.pk)
        assert "Select a valid choice" in page


class TestSettings:
    def test_declarations_are_kept_with_who_made_them(self, company: Company) -> None:
        client = as_role(Role.REVOPS)
        given = {
            "first_quarter": "2026-Q1", "last_quarter": "2026-Q3", "follow_up_hours": "48",
            "follow_up_time": "elapsed", "board_deck_on": "2026-12-01", "pipeline_short_percent": "30.5",
            "has_no_time_for_five": "on",
        }  # fmt: skip
        post(client, "declarations", given)
        found = Diagnosis.objects.get()
        assert (found.follow_up_hours, found.has_no_time_for_five) == (48, True)
        assert found.history.get().history_user == revops()
        assert "The RevOps" in text(client, "declarations")

    @pytest.mark.parametrize(
        "changes",
        [
            {"follow_up_hours": "0"},
            {"follow_up_hours": "²"},
            {"first_quarter": "2026-Q1"},
            {"board_deck_on": "soon"},
        ],
    )
    def test_what_cannot_be_is_refused_beside_its_field(
        self, company: Company, changes: dict[str, str]
    ) -> None:
        given = {"follow_up_hours": "24", "follow_up_time": "business"} | changes
        page = post(as_role(Role.REVOPS), "declarations", given, 422)
        assert 'class="field-error"' in page
        assert not Diagnosis.objects.exists()

    def test_bands_are_drafted_from_percentages(self, company: Company) -> None:
        post(as_role(Role.REVOPS), "bands", band_form(hygiene_1="52.5"))
        content = ArtifactVersion.objects.get().content
        assert content["bands"] == bands.default_content()["bands"] | {
            "hygiene": ["0.525", "0.7", "0.85", "0.9", "0.95"]
        }
        assert "52.5" in text(as_role(Role.REVOPS), "bands")

    def test_bands_out_of_order_are_refused_beside_their_rate(self, company: Company) -> None:
        page = post(as_role(Role.REVOPS), "bands", band_form(hygiene_2="99"), 422)
        assert "Each figure must be larger than the one before it." in page
        assert not ArtifactVersion.objects.exists()

    def test_a_draft_of_bands_changed_meanwhile_is_not_overwritten(self, company: Company) -> None:
        client = as_role(Role.REVOPS)
        post(client, "bands", band_form())
        assert "Somebody changed this draft" in post(client, "bands", band_form(), 409)
        assert ArtifactVersion.objects.get().revision == 1


class TestRows:
    @pytest.mark.parametrize("name", ["hygiene", "conversion", "attribution"])
    @pytest.mark.parametrize("count", [1, 20])
    def test_queries_do_not_grow_with_the_rows(
        self, company: Company, name: str, count: int, django_assert_max_num_queries: Callable[[int], Any]
    ) -> None:
        for _ in range(count):
            lead = company.lead()
            company.mql(lead, follow_up=MONDAY + HOUR)
            company.touch(lead)
            company.opportunity(lead)
        client = as_role(Role.REVOPS)
        with django_assert_max_num_queries(18):
            page = text(client, "rows", name)
        assert page.count("<tr>") == count + 1

    def test_pages_follow_one_another_by_key(self, company: Company) -> None:
        for number in range(60):
            company.mql(
                crossed_at=MONDAY + number * HOUR, follow_up=MONDAY + 90 * DAY if number % 2 else None
            )
        client = as_role(Role.CMO)
        first = text(client, "rows", "hygiene")
        assert first.count("<tr>") == 51
        cursor = first.split("after=")[1].split('"')[0]
        assert text(client, "rows", "hygiene", after=cursor).count("<tr>") == 11
        assert text(client, "rows", "hygiene", group="met").count("<tr>") == 0
        assert "No such rows" in text(client, "rows", "hygiene", group="met")

    @pytest.mark.parametrize(
        ("name", "query"),
        [
            ("hygiene", {"group": "x"}),
            ("hygiene", {"after": "²"}),
            ("trust", {}),
            ("definitions", {}),
            ("x", {}),
        ],
    )
    def test_addresses_that_name_no_rows_are_not_found(
        self, company: Company, name: str, query: dict[str, str]
    ) -> None:
        text(as_role(Role.REVOPS), "rows", name, status=404, **query)

    def test_answers_are_no_file_before_both_are_in(self, company: Company) -> None:
        people = {Function.SALES: user_with(Role.CRO), Function.MARKETING: user_with(Role.CMO)}
        open_round(program=company.program, people=people, by=revops(), at=NOW)
        text(as_role(Role.REVOPS), "rows-csv", "definitions", status=404)
        text(as_role(Role.REVOPS), "rows-csv", "trust", status=404)


@pytest.mark.parametrize("count", [1, 20])
def test_the_scorecards_queries_do_not_grow_with_its_versions_and_rows(
    company: Company, count: int, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for number in range(count):
        company.mql(crossed_at=MONDAY + timedelta(hours=number))
    measure(program=company.program, by=revops(), at=NOW)
    client = as_role(Role.REVOPS)
    with django_assert_max_num_queries(60):
        text(client, "scorecard")


def test_questions_of_an_edition_have_keys_of_their_own() -> None:
    keys = [question.key for question in QUESTIONS]
    assert len(set(keys)) == len(keys) and CURRENT == 1


def test_where_nothing_was_opened_no_lists_are_asked_for(company: Company) -> None:
    client = as_role(Role.REVOPS)
    post(client, "measure", revision="0")
    page = text(client, "scorecard")
    assert "so there is nothing to claim" in page and "Import the list" not in page
    assert "No opportunity was opened in the window." in page
