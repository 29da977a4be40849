"""Answers are given blind: drafts, handing in once, and nobody sees anything before both functions are in."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from alignment.models import Function, Role, User
from alignment.services.authority import OnlyRevOps
from scorecard.models import AnswerDraft, AnswerSheet, Nomination, QuestionRound
from scorecard.queries.answers import StillBlind, comparison, measure_agreement, nomination_of, round_of
from scorecard.questions import UNKNOWN, IncompleteAnswers
from scorecard.services import answers as services
from scorecard.tests.company import QUESTIONS, Company, answered, revops, sheet
from testing.artifacts import user_with
from testing.world import NOW

SECRET = "fit"  # a choice of the first question that no page says unless an answer is shown


def opened(company: Company, *, finance: bool = False) -> QuestionRound:
    people = {Function.SALES: user_with(Role.CRO), Function.MARKETING: user_with(Role.CMO)}
    if finance:
        people[Function.FINANCE] = user_with(Role.FINANCE)
    return services.open_round(program=company.program, people=people, by=revops(), at=NOW)


def nomination(round_: QuestionRound, function: Function) -> Nomination:
    return round_.nominations.get(function=function)


def hand_in(round_: QuestionRound, function: Function, answers: dict[str, str] | None = None) -> AnswerSheet:
    named = nomination(round_, function)
    return services.submit_answers(nomination=named, answers=answers or sheet(), by=named.person, at=NOW)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class TestNaming:
    def test_only_revops_opens_a_round(self, company: Company) -> None:
        people = {Function.SALES: user_with(Role.CRO), Function.MARKETING: user_with(Role.CMO)}
        with pytest.raises(OnlyRevOps):
            services.open_round(program=company.program, people=people, by=user_with(Role.CRO), at=NOW)

    @pytest.mark.parametrize("role", [Role.CMO, Role.REVOPS, Role.FINANCE, Role.BOARD_VIEWER, Role.REP])
    def test_for_sales_answers_somebody_of_sales(self, company: Company, role: Role) -> None:
        people = {Function.SALES: user_with(role), Function.MARKETING: user_with(Role.MARKETING)}
        with pytest.raises(services.CannotAnswer):
            services.open_round(program=company.program, people=people, by=revops(), at=NOW)
        assert not QuestionRound.objects.exists()

    def test_sales_and_marketing_have_to_be_named(self, company: Company) -> None:
        with pytest.raises(services.CannotAnswer, match="marketing"):
            services.open_round(
                program=company.program, people={Function.SALES: user_with(Role.CRO)}, by=revops(), at=NOW
            )

    def test_somebody_else_can_be_named_until_the_sheet_is_in_and_what_was_begun_is_forgotten(
        self, company: Company
    ) -> None:
        round_ = opened(company)
        first = nomination(round_, Function.SALES)
        services.save_answers(nomination=first, answers=sheet(lead=SECRET), by=first.person, at=NOW)
        other = user_with(Role.SALES_MANAGER)
        services.nominate(round_=round_, people={Function.SALES: other}, by=revops(), at=NOW)
        assert nomination(round_, Function.SALES).person == other
        assert not AnswerDraft.objects.exists()
        hand_in(round_, Function.SALES)
        with pytest.raises(services.HandedIn):
            services.nominate(
                round_=round_, people={Function.SALES: user_with(Role.CRO)}, by=revops(), at=NOW
            )

    def test_a_round_in_which_one_has_handed_in_is_not_replaced(self, company: Company) -> None:
        round_ = opened(company)
        hand_in(round_, Function.SALES)
        with pytest.raises(services.RoundIsRunning):
            opened(company)


class TestAnswering:
    def test_a_draft_is_kept_and_unknown_answers_are_left_out(self, company: Company) -> None:
        named = nomination(opened(company), Function.SALES)
        services.save_answers(
            nomination=named,
            answers={"lead": SECRET, "mql_fit": "nonsense", "x": "y"},
            by=named.person,
            at=NOW,
        )
        assert AnswerDraft.objects.get().answers == {"lead": SECRET}

    def test_an_incomplete_sheet_is_not_handed_in(self, company: Company) -> None:
        named = nomination(opened(company), Function.SALES)
        answers = sheet()
        del answers["sql"], answers["lead"]
        with pytest.raises(IncompleteAnswers, match="2 questions are not answered") as refusal:
            services.submit_answers(nomination=named, answers=answers, by=named.person, at=NOW)
        assert refusal.value.missing == ("lead", "sql")
        assert not AnswerSheet.objects.exists()

    @pytest.mark.parametrize("role", [Role.REVOPS, Role.CMO, Role.SALES_MANAGER])
    def test_nobody_answers_for_somebody_else(self, company: Company, role: Role) -> None:
        named = nomination(opened(company), Function.SALES)
        for act in (services.save_answers, services.submit_answers):
            with pytest.raises(services.NotYours):
                act(nomination=named, answers=sheet(), by=user_with(role), at=NOW)

    def test_a_sheet_is_handed_in_once_and_stands(self, company: Company) -> None:
        named = nomination(opened(company), Function.SALES)
        services.save_answers(nomination=named, answers=sheet(), by=named.person, at=NOW)
        services.submit_answers(nomination=named, answers=sheet(), by=named.person, at=NOW)
        assert not AnswerDraft.objects.exists()
        for act in (services.save_answers, services.submit_answers):
            with pytest.raises(services.HandedIn):
                act(nomination=named, answers=sheet(lead=SECRET), by=named.person, at=NOW)
        for statement in (
            "UPDATE scorecard_answersheet SET answers = '{}'",
            "DELETE FROM scorecard_answersheet",
            "DELETE FROM scorecard_nomination",
        ):
            with (
                pytest.raises(IntegrityError, match="evidence"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)

    def test_a_new_round_keeps_the_old_sheets_and_counts_instead(self, company: Company) -> None:
        answered(company, sheet(), sheet(lead=SECRET))
        assert measure_agreement(company.program).same == len(QUESTIONS) - 1
        second = opened(company)
        assert AnswerSheet.objects.count() == 2
        found = measure_agreement(company.program)
        assert (found.round, found.waiting, found.questions) == (2, ("sales", "marketing"), 0)
        old = Nomination.objects.exclude(round=second).first()
        assert old is not None
        with pytest.raises(services.HandedIn):
            services.save_answers(nomination=old, answers=sheet(), by=old.person, at=NOW)

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_hand_in_one_sheet(self, company: Company) -> None:
        named = nomination(opened(company), Function.SALES)
        outcomes: list[str] = []

        def submit() -> None:
            try:
                services.submit_answers(nomination=named, answers=sheet(), by=named.person, at=NOW)
                outcomes.append("in")
            except services.HandedIn:
                outcomes.append("refused")
            finally:
                connection.close()

        threads = [threading.Thread(target=submit) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["in", "refused"]
        assert AnswerSheet.objects.count() == 1


class TestComparing:
    def test_answers_are_the_same_different_or_not_known(self, company: Company) -> None:
        answered(
            company,
            sheet(lead="fit", sql=UNKNOWN, opportunity=UNKNOWN),
            sheet(lead="identified", sql=UNKNOWN, mql_role="any_employee"),
        )
        found = round_of(company.program)
        assert found is not None
        outcomes = {line.question.key: line.outcome for line in comparison(found).lines}
        assert {key: outcome for key, outcome in outcomes.items() if outcome != "same"} == {
            "lead": "different", "mql_role": "different", "sql": "unknown", "opportunity": "unknown",
        }  # fmt: skip
        agreement = measure_agreement(company.program)
        assert (agreement.same, agreement.different, agreement.unknown) == (len(QUESTIONS) - 4, 2, 2)

    def test_finance_stands_beside_and_enters_no_score(self, company: Company) -> None:
        round_ = opened(company, finance=True)
        for function in (Function.SALES, Function.MARKETING):
            hand_in(round_, function)
        before = measure_agreement(company.program)
        hand_in(round_, Function.FINANCE, sheet(lead=SECRET))
        found = round_of(company.program)
        assert found is not None and found.is_complete
        assert measure_agreement(company.program) == before
        assert comparison(found).finance["lead"] == SECRET

    def test_before_both_are_in_there_is_nothing_to_compare(self, company: Company) -> None:
        round_ = opened(company, finance=True)
        hand_in(round_, Function.SALES, sheet(lead=SECRET))
        hand_in(round_, Function.FINANCE, sheet(lead=SECRET))
        found = round_of(company.program)
        assert found is not None
        with pytest.raises(StillBlind):
            comparison(found)
        agreement = measure_agreement(company.program)
        assert (agreement.waiting, agreement.same, agreement.different) == (("marketing",), 0, 0)


PAGES: list[Callable[[], str]] = [
    lambda: reverse("scorecard:scorecard"),
    lambda: reverse("scorecard:questions"),
    lambda: reverse("scorecard:compare"),
    lambda: reverse("scorecard:rows-csv", args=["definitions"]),
    lambda: "/admin/",
    lambda: "/admin/scorecard/nomination/",
    lambda: "/admin/scorecard/questionround/",
]


@pytest.mark.parametrize("role", Role)
def test_no_page_and_no_record_shows_an_answer_before_both_are_in(company: Company, role: Role) -> None:
    """The sheet says “Once the company fits our market” and nobody but its answerer may read that."""
    round_ = opened(company)
    hand_in(round_, Function.SALES, sheet(lead=SECRET))
    marketing = nomination(round_, Function.MARKETING)
    services.save_answers(nomination=marketing, answers=sheet(sql="meeting"), by=marketing.person, at=NOW)
    user = user_with(role)
    user.is_staff = user.is_superuser = role == Role.REVOPS
    user.save()
    client = signed_in(user)
    is_named = nomination_of(user, company.program) is not None
    for where in PAGES:
        text = client.get(where()).content.decode()
        if not is_named or where != PAGES[1]:
            assert "Once the company fits our market" not in text and "When a meeting took place" not in text
    for model in ("answersheet", "answerdraft"):
        assert client.get(f"/admin/scorecard/{model}/").status_code == (404 if user.is_staff else 302)


def test_marketings_sheet_shows_marketings_draft_and_not_what_sales_answered(company: Company) -> None:
    round_ = opened(company)
    hand_in(round_, Function.SALES, sheet(lead="fit"))
    marketing = nomination(round_, Function.MARKETING)
    services.save_answers(nomination=marketing, answers={"lead": "identified"}, by=marketing.person, at=NOW)
    text = signed_in(marketing.person).get(reverse("scorecard:questions")).content.decode()
    chosen = [line for line in text.splitlines() if "checked" in line]
    assert len(chosen) == 1 and 'value="identified"' in chosen[0]


def test_once_both_are_in_the_page_shows_both_to_everybody_who_reads(company: Company) -> None:
    answered(company, sheet(lead="fit"), sheet(lead="identified"))
    for role in (Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE, Role.SALES_MANAGER, Role.MARKETING):
        text = signed_in(user_with(role)).get(reverse("scorecard:compare")).content.decode()
        assert "Once the company fits our market" in text and "Once person and company are both known" in text
        assert "92.9% (13 of 14)" in text
