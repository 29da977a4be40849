"""Mails leave the outbox one by one, are tried again, given up, and forgotten after their time."""

from __future__ import annotations

import logging
import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection

from alignment.models import Heartbeat, Lead, MailState, Notification, OutgoingMail, Role
from alignment.notifications import notify
from alignment.retention import parts
from alignment.services.erasure import erase_person
from alignment.services.mail import deliver_mail
from testing.world import World, add_user, event

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECRET = "Only for her eyes"


def enter(key: str = "k", **changes: Any) -> OutgoingMail:
    given: dict[str, Any] = {
        "to": "cro@example.com",
        "subject": "Signature wanted",
        "text": SECRET,
        "next_attempt_at": NOW,
        "created_at": NOW,
    }
    return OutgoingMail.objects.create(key=key, **given | changes)


class Broken(BaseEmailBackend):
    """A mail server that refuses what it is told to refuse."""

    problem: Exception | None = None

    def send_messages(self, messages: Any) -> int:
        if self.problem is not None:
            raise self.problem
        return len(messages)


@pytest.fixture
def broken(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"

    def with_problem(problem: Exception | None) -> None:
        monkeypatch.setattr(Broken, "problem", problem)

    return with_problem


@pytest.mark.django_db
class TestSending:
    def test_each_goes_out_once_with_its_attachment(self) -> None:
        calendar = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
        enter(attachments=[{"name": "plan.ics", "type": "text/calendar", "text": calendar}])
        enter("later", next_attempt_at=NOW + timedelta(hours=1))
        assert deliver_mail(at=NOW) == 1
        assert deliver_mail(at=NOW) == 0
        (sent,) = outbox.outbox
        assert sent.to == ["cro@example.com"]
        (name, text, kind) = sent.attachments[0]
        assert (name, kind) == ("plan.ics", "text/calendar")
        assert text == calendar
        assert b'filename="plan.ics"' in sent.message().as_bytes()
        row = OutgoingMail.objects.get(key="k")
        assert (row.state, row.sent_at, row.attempts) == (MailState.SENT, NOW, 1)

    def test_every_attempt_at_one_mail_has_the_same_message_id(self) -> None:
        row = enter()
        deliver_mail(at=NOW)
        OutgoingMail.objects.filter(pk=row.pk).update(state=MailState.WAITING, sent_at=None)  # killed before
        deliver_mail(at=NOW)
        first, second = (sent.extra_headers["Message-ID"] for sent in outbox.outbox)
        assert first == second

    def test_what_fails_is_tried_later_and_stops_nobody(self, broken: Any) -> None:
        broken(ConnectionRefusedError("cro@example.com"))
        enter()
        assert deliver_mail(at=NOW) == 0
        row = OutgoingMail.objects.get()
        assert (row.state, row.attempts) == (MailState.WAITING, 1)
        assert row.next_attempt_at > NOW
        assert row.last_error == "It could not be handed over (ConnectionRefusedError)."
        broken(None)
        assert deliver_mail(at=row.next_attempt_at) == 1

    def test_it_is_given_up_after_two_days(self, broken: Any) -> None:
        broken(smtplib.SMTPServerDisconnected())
        enter()
        at = NOW
        for _ in range(20):
            deliver_mail(at=at)
            row = OutgoingMail.objects.get()
            if row.state == MailState.DEAD:
                break
            at = row.next_attempt_at
        assert row.state == MailState.DEAD
        assert timedelta(days=1) < at - NOW < timedelta(days=4)

    def test_an_address_refused_for_good_is_given_up_at_once(self, broken: Any) -> None:
        broken(smtplib.SMTPRecipientsRefused({"cro@example.com": (550, b"no such user cro@example.com")}))
        enter()
        deliver_mail(at=NOW)
        row = OutgoingMail.objects.get()
        assert (row.state, row.attempts) == (MailState.DEAD, 1)
        assert row.last_error == "Refused for good by the mail server (code 550)."

    def test_a_mailbox_that_is_full_for_now_is_tried_again(self, broken: Any) -> None:
        broken(smtplib.SMTPRecipientsRefused({"cro@example.com": (452, b"full")}))
        enter()
        deliver_mail(at=NOW)
        assert OutgoingMail.objects.get().state == MailState.WAITING

    def test_logs_hold_neither_address_nor_text(self, broken: Any, caplog: pytest.LogCaptureFixture) -> None:
        broken(smtplib.SMTPDataError(554, b"cro@example.com: " + SECRET.encode()))
        enter()
        with caplog.at_level(logging.DEBUG):
            deliver_mail(at=NOW)
        assert "mail_not_sent" in caplog.text
        said = caplog.text + repr([vars(record) for record in caplog.records])
        assert "cro@example.com" not in said
        assert SECRET not in said
        assert "cro@" not in OutgoingMail.objects.get().last_error

    def test_the_loop_says_that_it_lives(self) -> None:
        deliver_mail(at=NOW)
        assert Heartbeat.objects.get(name="mail").beat_at == NOW


@pytest.mark.django_db(transaction=True)
def test_one_that_another_worker_holds_is_passed_over() -> None:
    held, free = enter("held"), enter("free", next_attempt_at=NOW - timedelta(minutes=1))
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT id FROM alignment_outgoingmail WHERE id = %s FOR UPDATE", [held.pk])
            with connection.cursor() as own:
                own.execute("SET lock_timeout = '2s'")  # who waits for the other fails, and does not hang
            assert deliver_mail(at=NOW) == 1
        other.rollback()
    finally:
        other.close()
        with connection.cursor() as own:
            own.execute("RESET lock_timeout")
    assert OutgoingMail.objects.get(state=MailState.SENT) == free


@pytest.mark.django_db
class TestForgetting:
    def empty(self, name: str, at: datetime) -> int:
        (part,) = [part for part in parts() if part.name == name]
        counted = part.count(at)
        emptied = part.empty(at, 100, at)
        assert counted == emptied
        return emptied.rows

    def test_texts_of_sent_mails_go_and_those_that_wait_stay(self) -> None:
        sent = enter("sent", attachments=[{"name": "a", "type": "text/plain", "text": SECRET}])
        deliver_mail(at=NOW)
        waiting = enter("waiting")
        assert self.empty("Texts of mails", NOW) == 0
        assert self.empty("Texts of mails", NOW + timedelta(days=1)) == 1
        sent.refresh_from_db()
        waiting.refresh_from_db()
        assert (sent.text, sent.attachments, sent.subject) == ("", [], "Signature wanted")
        assert waiting.text == SECRET

    def test_texts_of_notifications_go_too(self, world: World) -> None:
        notify(to=[add_user(world, Role.CRO)], key="k", kind="x", subject="s", text=SECRET, url="", at=NOW)
        assert self.empty("Texts of notifications", NOW + timedelta(seconds=1)) == 1
        assert Notification.objects.get().text == ""

    def test_an_erased_person_is_in_none_of_them(self, world: World) -> None:
        world.send(event("lead.created", "L1", world.at, last_name="Canary-Sparrow", email="w@x.example"))
        cro = add_user(world, Role.CRO)
        notify(to=[cro], key="a", kind="x", subject="A", text="Ask Ms Canary-Sparrow.", url="", at=NOW)
        notify(to=[cro], key="b", kind="x", subject="B", text="Ask Mr Owl.", url="", at=NOW)
        erase_person(leads=[Lead.objects.get()], asked_by="person", reason="asked", by=None, at=world.at)
        named, other = OutgoingMail.objects.order_by("key")
        assert (named.text, named.subject, named.state) == ("", "(erased)", MailState.DEAD)
        assert (other.text, other.state) == ("Ask Mr Owl.", MailState.WAITING)
        assert sorted(Notification.objects.values_list("text", flat=True)) == ["", "Ask Mr Owl."]
