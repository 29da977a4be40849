"""Who answers can be replaced as long as they have not handed in; they are told, reminded, and kept blind."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from alignment.models import Function, Notification, OutgoingMail, Role, User
from scorecard.models import AnswerSheet, Nomination, QuestionRound
from scorecard.services import answers as services
from scorecard.services.answer_reminders import remind_answerers
from scorecard.tests.company import Company, answered, revops, sheet
from scorecard.tests.test_blind_answers import hand_in, nomination, opened, signed_in
from testing.artifacts import user_with
from testing.world import NOW

FIT = "Once the company fits our market"


@pytest.fixture
def client(company: Company) -> Client:
    return signed_in(revops())


def switch_off(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


class TestReplacing:
    def test_after_one_handed_in_another_can_be_named_for_the_other_function(
        self, company: Company, client: Client
    ) -> None:
        round_ = opened(company)
        hand_in(round_, Function.SALES)
        switch_off(nomination(round_, Function.MARKETING).person)
        marketer = user_with(Role.MARKETING)
        page = client.get(reverse("scorecard:questions")).content.decode()
        assert 'name="marketing"' in page and 'name="sales"' not in page
        given = {"marketing": marketer.pk, "reason": "The CMO has left"}
        text = client.post(reverse("scorecard:nominate"), given, follow=True).content.decode()
        assert nomination(round_, Function.MARKETING).person == marketer
        assert "The CMO has left" in text and marketer.name in text
        hand_in(round_, Function.MARKETING)
        assert AnswerSheet.objects.count() == 2

    def test_finance_can_be_named_later_and_the_others_stay(self, company: Company, client: Client) -> None:
        round_ = opened(company)
        hand_in(round_, Function.SALES)
        finance = user_with(Role.FINANCE)
        client.post(reverse("scorecard:nominate"), {"finance": finance.pk})
        assert nomination(round_, Function.FINANCE).person == finance
        assert Nomination.objects.count() == 3

    def test_once_both_sheets_are_shown_nobody_new_answers_blind(
        self, company: Company, client: Client
    ) -> None:
        answered(company, sheet(), sheet())
        page = client.get(reverse("scorecard:questions")).content.decode()
        assert "Change who answers" not in page and "Open another round" in page
        with pytest.raises(services.CannotAnswer, match="shown already"):
            services.nominate(
                round_=QuestionRound.objects.get(),
                people={Function.FINANCE: user_with(Role.FINANCE)},
                by=revops(),
                at=NOW,
            )

    def test_one_refusal_names_nobody(self, company: Company) -> None:
        round_ = opened(company)
        people = {Function.SALES: user_with(Role.SALES_MANAGER), Function.MARKETING: user_with(Role.FINANCE)}
        with pytest.raises(services.CannotAnswer):
            services.nominate(round_=round_, people=people, by=revops(), at=NOW)
        assert nomination(round_, Function.SALES).person.role == Role.CRO

    def test_the_running_round_is_refused_with_the_way_out(self, company: Company, client: Client) -> None:
        hand_in(opened(company), Function.SALES)
        given = {"sales": user_with(Role.CRO).pk, "marketing": user_with(Role.CMO).pk}
        response = client.post(reverse("scorecard:questions-open"), given)
        assert response.status_code == 409
        assert "name somebody else who answers for it" in response.content.decode()


class TestRoleAtHandingIn:
    def test_who_lost_the_role_cannot_hand_in_for_the_function(self, company: Company) -> None:
        round_ = opened(company)
        sales = nomination(round_, Function.SALES).person
        User.objects.filter(pk=sales.pk).update(role=Role.MARKETING)
        with pytest.raises(services.CannotAnswer, match="For sales answers"):
            hand_in(round_, Function.SALES)
        response = signed_in(User.objects.get(pk=sales.pk)).post(
            reverse("scorecard:answer"), sheet() | {"act": "submit"}, follow=True
        )
        assert "For sales answers" in response.content.decode()
        assert not AnswerSheet.objects.exists()

    def test_who_was_switched_off_cannot_hand_in(self, company: Company) -> None:
        round_ = opened(company)
        switch_off(nomination(round_, Function.SALES).person)
        with pytest.raises(services.CannotAnswer):
            hand_in(round_, Function.SALES)


class TestFinanceIsBlind:
    def test_finance_sees_nothing_before_its_own_sheet_is_in(self, company: Company) -> None:
        round_ = opened(company, finance=True)
        for function in (Function.SALES, Function.MARKETING):
            hand_in(round_, function, sheet(lead="fit"))
        finance = nomination(round_, Function.FINANCE).person
        for reader in (finance, user_with(Role.FINANCE)):
            client = signed_in(reader)
            assert FIT not in client.get(reverse("scorecard:compare")).content.decode()
            page = client.get(reverse("scorecard:questions")).content.decode()
            assert reverse("scorecard:compare") not in page
        assert FIT in signed_in(user_with(Role.CRO)).get(reverse("scorecard:compare")).content.decode()
        hand_in(round_, Function.FINANCE)
        assert FIT in signed_in(finance).get(reverse("scorecard:compare")).content.decode()


class TestTelling:
    def test_whoever_is_named_is_told_in_the_app_and_by_mail(self, company: Company) -> None:
        round_ = opened(company)
        cro = nomination(round_, Function.SALES).person
        told = Notification.objects.get(user=cro)
        assert told.subject == "You answer the blind questions for sales"
        assert told.url == reverse("scorecard:questions")
        assert OutgoingMail.objects.filter(to=cro.email).count() == 1
        marketer = user_with(Role.MARKETING)
        services.nominate(round_=round_, people={Function.MARKETING: marketer}, by=revops(), at=NOW)
        assert Notification.objects.filter(user=marketer).count() == 1

    def test_reminders_come_every_two_business_days_once(self, company: Company) -> None:
        round_ = opened(company)
        hand_in(round_, Function.SALES)
        assert remind_answerers(at=NOW + timedelta(days=1)) == 0
        assert remind_answerers(at=NOW + timedelta(days=9)) == 1
        assert remind_answerers(at=NOW + timedelta(days=9, minutes=5)) == 0
        reminded = Notification.objects.filter(kind="reminder")
        assert [row.user for row in reminded] == [nomination(round_, Function.MARKETING).person]
        hand_in(round_, Function.MARKETING)
        assert remind_answerers(at=NOW + timedelta(days=30)) == 0


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    """Somebody hands in while RevOps acts: the sheet stands, and whoever is named is who wrote it."""

    def test_nobody_else_is_named_while_the_sheet_is_handed_in(self, company: Company) -> None:
        round_, other = opened(company), user_with(Role.SALES_MANAGER)
        handed_in = nomination(round_, Function.SALES).person

        def name_another() -> None:
            services.nominate(round_=round_, people={Function.SALES: other}, by=revops(), at=NOW)

        assert refused_while_handing_in(round_, name_another) == "HandedIn"
        assert nomination(round_, Function.SALES).person == handed_in

    def test_no_round_begins_over_the_sheet_that_is_handed_in(self, company: Company) -> None:
        round_ = opened(company)
        assert refused_while_handing_in(round_, lambda: opened(company)) == "RoundIsRunning"
        assert QuestionRound.objects.count() == 1


def refused_while_handing_in(round_: QuestionRound, act: Callable[[], object]) -> str:
    """The refusal of an act that begins after sales handed in, and before that is committed; "" for none."""
    refusals = [""]

    def other_connection() -> None:
        try:
            act()
        except (services.HandedIn, services.RoundIsRunning) as refusal:
            refusals.append(type(refusal).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=other_connection)
    with transaction.atomic():
        hand_in(round_, Function.SALES)
        thread.start()
        thread.join(timeout=2)
    thread.join()
    return refusals[-1]
