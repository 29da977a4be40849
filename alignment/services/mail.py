"""Sending what waits in the outbox of mails: each is claimed, handed over and marked in a transaction of its own.

Whoever is killed between handing a mail over and marking it leaves that one mail waiting: it goes out twice, with
the same Message-ID, and no other does. Neither addresses nor texts reach a log: what failed is named by its kind.
"""

from __future__ import annotations

import hashlib
import logging
import smtplib
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from alignment.models import Heartbeat, MailState, OutgoingMail
from alignment.outbox import backoff

log = logging.getLogger(__name__)
RUN_FOR = 10.0  # seconds in which further mails are claimed
PERIOD = timedelta(seconds=10)
SWITCHED_OFF = "Not sent: the login that it was meant for is switched off."


def deliver_mail(*, at: datetime, now: Callable[[], datetime] | None = None) -> int:
    """Send what is due until nothing is, or 10 s have passed; how many were handed over.

    `at` is the time of the first, and of all where the door gives no clock (`now`) to ask for later ones. Any number
    may run at once. A mail that fails is tried again at ever longer intervals, for about two days, then given up.
    """
    started, sent = time.monotonic(), 0
    door: BaseEmailBackend = get_connection()
    try:
        while time.monotonic() - started < RUN_FOR:
            outcome = _send_next(door, at=at)
            if outcome is None:
                break
            sent += outcome
            at = now() if now else at
    finally:
        door.close()
    Heartbeat.objects.update_or_create(name="mail", defaults={"beat_at": at, "period": PERIOD})
    return sent


@transaction.atomic
def _send_next(door: BaseEmailBackend, *, at: datetime) -> bool | None:
    """The mail that has been due longest: whether it was handed over; None where none is due."""
    mail = (
        OutgoingMail.objects.filter(state=MailState.WAITING, next_attempt_at__lte=at)
        .order_by("next_attempt_at", "pk")
        .select_related("user")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .first()
    )
    if mail is None:
        return None
    if mail.user is not None and not mail.user.is_active:
        mail.state, mail.last_error = MailState.DEAD, SWITCHED_OFF
        mail.save(update_fields=["state", "last_error"])
        return False
    mail.attempts += 1
    problem = _hand_over(mail, door)
    if not problem:
        mail.state, mail.sent_at, mail.last_error = MailState.SENT, at, ""
    else:
        wait = None if problem.startswith("Refused for good") else backoff.delay(mail.attempts)
        mail.last_error = problem
        if wait is None:
            mail.state = MailState.DEAD
        else:
            mail.next_attempt_at = at + wait
        log.warning(
            "mail_not_sent",
            extra={"mail": mail.pk, "attempts": mail.attempts, "problem": problem, "dead": wait is None},
        )
    mail.save(update_fields=["attempts", "state", "sent_at", "last_error", "next_attempt_at"])
    return not problem


def _hand_over(mail: OutgoingMail, door: BaseEmailBackend) -> str:
    """Empty where the mail server took it; else what went wrong, without anything of the mail or the server's words."""
    try:
        message = EmailMessage(
            subject=mail.subject,
            body=mail.text,
            to=[mail.to],
            connection=door,
            headers={"Message-ID": message_id(mail.key), "Auto-Submitted": "auto-generated"},
        )
        for attachment in mail.attachments:
            message.attach(attachment["name"], attachment["text"], attachment["type"])
        message.send()
    except smtplib.SMTPRecipientsRefused as refused:
        codes = {code for code, _ in refused.recipients.values()}
        return _by_code(max(codes, default=550))
    except smtplib.SMTPResponseException as problem:
        return _by_code(problem.smtp_code)
    except Exception as problem:  # its words may hold the address
        return f"It could not be handed over ({type(problem).__name__})."
    return ""


def _by_code(code: int) -> str:
    if 550 <= code <= 559:
        return f"Refused for good by the mail server (code {code})."
    return f"The mail server answered with code {code}."


def message_id(key: str) -> str:
    """The same for every attempt at one mail, so that a mailbox can tell that the second one is the first."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{host}>"
