"""Links go out so that nobody keeps whose is whose, through crashes, refused mails and mail that is written down."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection

from alignment.models import OutgoingMail, Person
from scorecard import tasks
from scorecard.models import InviteeState, Survey, SurveyInvitee, SurveyState
from scorecard.services import survey as services
from scorecard.services.survey import Outcome, inviting
from scorecard.services.survey.refusals import NotNow, TooFewInvited
from scorecard.survey.mail import MailIsWritten
from scorecard.tests.conftest import LOCMEM
from scorecard.tests.surveys import AT, CLOSED, add_people, answer, draft, mailboxes, mailed, valid_tokens

LATER = AT + timedelta(minutes=6)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("private_mail")]


class Killed(BaseException):
    """The worker dies here."""


class Moody(EmailBackend):
    """A mail server that refuses some addresses, delivers without saying so, or kills the worker."""

    refused: set[str] = set()
    delivered_but_refused: set[str] = set()
    dies_after: int | None = None

    def send_messages(self, messages: Any) -> int:
        (message,) = messages
        address = message.to[0]
        if self.dies_after is not None and len(mail.outbox) >= self.dies_after:
            raise Killed
        if address in self.refused:
            raise smtplib.SMTPRecipientsRefused({address: (550, b"no such mailbox")})
        sent: int = super().send_messages(messages)
        if address in self.delivered_but_refused:
            raise TimeoutError
        return sent


@pytest.fixture
def moody(settings) -> Iterator[type[Moody]]:
    settings.EMAIL_BACKEND = f"{__name__}.Moody"
    settings.SURVEY_MAIL_BACKENDS = [f"{__name__}.Moody"]
    yield Moody
    Moody.refused, Moody.delivered_but_refused, Moody.dies_after = set(), set(), None


def launched(people: list[Person]) -> Survey:
    survey = draft(people)
    services.launch(survey=survey, by=None, at=AT)
    mail.outbox.clear()
    return survey


def states() -> dict[str, str]:
    return {
        invitee.person.email: invitee.state
        for invitee in SurveyInvitee.objects.select_related("person")
        if invitee.person
    }


class TestMails:
    def test_everybody_gets_one_with_a_link_of_their_own(self) -> None:
        people = add_people(6, 4)
        survey, codes = mailed(people)
        assert set(codes) == {person.email for person in people}
        assert len(set(codes.values())) == len(mail.outbox) == valid_tokens() == 10
        assert survey.state == SurveyState.OPEN
        assert set(states().values()) == {InviteeState.INVITED}
        assert all(message.to == [message.to[0]] and not message.cc for message in mail.outbox)
        assert all("fewer than 5 people" in str(message.body) for message in mail.outbox)

    def test_go_out_in_an_order_that_no_list_has(self) -> None:
        people = add_people(20, 20)
        mailed(people)
        assert [message.to[0] for message in mail.outbox] != [person.email for person in people]

    def test_are_in_no_outbox(self) -> None:
        mailed(add_people(6, 0))
        assert not OutgoingMail.objects.exists()

    def test_go_out_once_however_often_it_is_swept(self) -> None:
        mailed(add_people(6, 0))
        assert services.invite(at=AT) == services.invite(at=LATER) == 0
        assert len(mail.outbox) == 6

    def test_are_sent_by_one_sweep_at_a_time(self) -> None:
        launched(add_people(6, 0))
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [inviting._LOCK])
            assert services.invite(at=AT) == 0
            cursor.execute("SELECT pg_advisory_unlock(%s)", [inviting._LOCK])
        other.close()
        assert services.invite(at=AT) == 6

    def test_are_sent_by_the_task_which_gets_nothing_and_says_a_number(self) -> None:
        launched(add_people(6, 0))
        assert tasks.send_invitations() == 6

    def test_stop_when_the_survey_was_withdrawn_or_is_over(self) -> None:
        survey = launched(add_people(6, 0))
        assert services.invite(at=CLOSED) == 0
        services.withdraw(survey=survey, reason="Wrong people", by=None, at=AT)
        assert services.invite(at=AT) == 0
        assert not mail.outbox


class TestACrash:
    @pytest.mark.parametrize("after", range(7))
    def test_at_any_mail_leaves_no_link_valid_and_the_next_sweep_sends_all_anew(
        self, moody: type[Moody], after: int
    ) -> None:
        people = add_people(7, 0)
        launched(people)
        moody.dies_after = after
        with pytest.raises(Killed):
            services.invite(at=AT)
        lost = mailboxes()
        assert len(lost) == after
        assert valid_tokens() == 0
        assert set(states().values()) == {InviteeState.WAITING}
        assert {answer(code) for code in lost.values()} <= {Outcome.NOT_YET}
        moody.dies_after = None
        mail.outbox.clear()
        assert services.invite(at=AT) == 7
        assert valid_tokens() == 7
        assert {answer(code) for code in lost.values()} <= {Outcome.NOT_VALID}
        assert {answer(code) for code in mailboxes().values()} == {Outcome.TAKEN}

    def test_between_the_last_mail_and_the_record_does_the_same(self, monkeypatch: Any) -> None:
        launched(add_people(6, 0))

        def dies(*args: Any, **options: Any) -> int:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(inviting, "_record", dies)
            with pytest.raises(Killed):
                services.invite(at=AT)
        lost = mailboxes()
        assert services.invite(at=AT) == 6
        assert valid_tokens() == 6
        assert {answer(code) for code in lost.values()} == {Outcome.NOT_VALID}

    def test_within_the_record_marks_nobody_and_makes_nothing_valid(self, monkeypatch: Any) -> None:
        launched(add_people(6, 0))

        def dies(*args: Any, **options: Any) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(Survey, "save", dies)
            with pytest.raises(Killed):
                services.invite(at=AT)
        assert valid_tokens() == 0
        assert set(states().values()) == {InviteeState.WAITING}


class TestARefusedMail:
    def test_is_tried_again_with_a_fresh_link_while_the_others_answer(self, moody: type[Moody]) -> None:
        people = add_people(7, 0)
        moody.refused = {people[0].email}
        launched(people)
        assert services.invite(at=AT) == 6
        assert valid_tokens() == 6
        assert states()[people[0].email] == InviteeState.WAITING
        assert services.invite(at=AT + timedelta(minutes=1)) == 0
        assert {answer(code) for code in mailboxes().values()} == {Outcome.TAKEN}
        moody.refused = set()
        mail.outbox.clear()
        assert services.invite(at=LATER) == 1
        assert valid_tokens() == 1
        assert answer(mailboxes()[people[0].email]) is Outcome.TAKEN

    def test_that_came_all_the_same_holds_a_link_that_is_worth_nothing(self, moody: type[Moody]) -> None:
        people = add_people(7, 0)
        moody.delivered_but_refused = {people[0].email}
        launched(people)
        services.invite(at=AT)
        worthless = mailboxes()[people[0].email]
        assert answer(worthless) is Outcome.NOT_VALID
        moody.delivered_but_refused = set()
        services.invite(at=LATER)
        assert mailboxes()[people[0].email] != worthless
        assert valid_tokens() == 7

    def test_is_given_up_after_five_times_until_revops_tries_again(self, moody: type[Moody]) -> None:
        people = add_people(7, 0)
        moody.refused = {people[0].email}
        survey = launched(people)
        for n in range(8):
            services.invite(at=AT + n * timedelta(minutes=6))
        assert states()[people[0].email] == InviteeState.FAILED
        moody.refused = set()
        assert services.retry_failed(survey=survey, by=None, at=AT) == 1
        assert services.invite(at=AT + timedelta(hours=2)) == 1

    def test_of_too_many_keeps_the_survey_shut(self, moody: type[Moody]) -> None:
        people = add_people(7, 0)
        moody.refused = {person.email for person in people[:3]}
        survey = launched(people)
        assert services.invite(at=AT) == 0
        survey.refresh_from_db()
        assert survey.state == SurveyState.INVITING
        assert valid_tokens() == 0

    def test_says_no_address_in_the_log(self, moody: type[Moody], caplog: Any) -> None:
        people = add_people(7, 0)
        moody.refused = {people[0].email}
        launched(people)
        with caplog.at_level(logging.DEBUG):
            services.invite(at=AT)
        assert "survey mails failed" in caplog.text
        assert people[0].email not in caplog.text


class TestMailThatIsWrittenDown:
    @pytest.mark.parametrize("kind", ["console", "filebased", "dummy", "locmem"])
    def test_is_refused_at_launch_with_what_to_do(self, settings, kind: str) -> None:
        settings.EMAIL_BACKEND = f"django.core.mail.backends.{kind}.EmailBackend"
        settings.SURVEY_MAIL_BACKENDS = ["django.core.mail.backends.smtp.EmailBackend"]
        survey = draft(add_people(6, 0))
        with pytest.raises(MailIsWritten, match="choose printed links"):
            services.launch(survey=survey, by=None, at=AT)
        survey.refresh_from_db()
        assert survey.state == SurveyState.DRAFT

    def test_of_an_unknown_kind_needs_the_word_of_the_operator(self, settings) -> None:
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        survey = draft(add_people(6, 0))
        with pytest.raises(MailIsWritten, match="SURVEY_MAIL_BACKENDS"):
            services.launch(survey=survey, by=None, at=AT)
        settings.SURVEY_MAIL_BACKENDS = [settings.EMAIL_BACKEND]
        services.launch(survey=survey, by=None, at=AT)

    def test_is_not_used_when_it_was_set_after_the_launch(self, settings, caplog: Any) -> None:
        launched(add_people(6, 0))
        settings.SURVEY_MAIL_BACKENDS = []
        assert services.invite(at=AT) == 0
        assert "wait for a mail server" in caplog.text
        settings.SURVEY_MAIL_BACKENDS = [LOCMEM]
        assert services.invite(at=AT) == 6

    def test_is_what_a_trial_has(self) -> None:
        from alignment.settings import outgoing

        assert outgoing.SURVEY_MAIL_BACKENDS[0].endswith("smtp.EmailBackend")


class TestReminders:
    def test_go_to_all_alike_without_a_link(self) -> None:
        people = add_people(8, 0)
        survey, codes = mailed(people)
        for code in list(codes.values())[:5]:
            answer(code)
        assert services.send_reminders(survey=survey, by=None, at=AT + timedelta(days=1)) == 8
        mails = OutgoingMail.objects.all()
        assert {each.to for each in mails} == {person.email for person in people}
        assert len({each.text for each in mails}) == 1
        assert "/survey/" not in mails[0].text

    def test_go_once_a_day_and_not_for_printed_links_nor_after_the_last_day(self) -> None:
        survey, _ = mailed(add_people(8, 0))
        services.send_reminders(survey=survey, by=None, at=AT)
        with pytest.raises(NotNow, match="reminded today"):
            services.send_reminders(survey=survey, by=None, at=AT + timedelta(hours=1))
        with pytest.raises(NotNow, match="last day"):
            services.send_reminders(survey=survey, by=None, at=CLOSED)


def test_too_few_invited_launch_nothing() -> None:
    with pytest.raises(TooFewInvited, match="4 are invited"):
        services.launch(survey=draft(add_people(4, 0)), by=None, at=AT)


def test_who_was_invited_is_forgotten_at_the_close() -> None:
    mailed(add_people(8, 0))
    services.close_due(at=CLOSED)
    assert not SurveyInvitee.objects.exists()
