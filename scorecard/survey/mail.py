"""Mails of the survey: sent straight to the mail server, past the outbox. A link is in no table and no log."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.urls import reverse

_WRITERS = {
    "console": "prints mails where its log is kept",
    "filebased": "writes mails to files",
    "dummy": "throws mails away",
    "locmem": "keeps mails in memory",
}


class MailIsWritten(Exception):
    """Mails would end up in a log or a file, or nowhere: links would lie beside addresses."""


def require_private_mail() -> None:
    """Raises MailIsWritten unless mails go to a mail server, or by a backend that the operator vouches for."""
    backend: str = settings.EMAIL_BACKEND
    if backend in settings.SURVEY_MAIL_BACKENDS:
        return
    kind = backend.removeprefix("django.core.mail.backends.").partition(".")[0]
    why = _WRITERS.get(kind, "is not known to keep no copy (SURVEY_MAIL_BACKENDS names those that do not)")
    raise MailIsWritten(
        f"This installation's mail ({kind}) {why}, so a link could be traced to an address. Connect a mail server "
        "(EMAIL_HOST), or choose printed links."
    )


class Sender:
    """One open connection to the mail server; a mail that fails is told, never raised or logged in words."""

    def __init__(self) -> None:
        self._connection: Any = get_connection(fail_silently=False)

    def send(self, *, to: str, subject: str, text: str) -> bool:
        message = EmailMessage(subject, text, to=[to], connection=self._connection)
        try:
            return message.send() == 1
        except (smtplib.SMTPException, OSError, ValueError):  # ValueError: an address that is none
            self.close()
            return False

    def close(self) -> None:
        try:
            self._connection.close()
        except (smtplib.SMTPException, OSError):
            self._connection.connection = None


@contextmanager
def sender() -> Iterator[Sender]:
    opened = Sender()
    try:
        yield opened
    finally:
        opened.close()


SUBJECT = "Five questions on how sales and marketing work together"


def link_of(token: str) -> str:
    return f"{settings.BASE_URL}{reverse('scorecard:respond')}#{token}"


def invitation(*, token: str, organisation: str, minimum: int, closes_on: date, zone: str) -> str:
    """The text of an invitation: link, what is done so that answers stay anonymous, and what remains."""
    return f"""{organisation} asks you five questions on how sales and marketing work together. It takes a minute.

{link_of(token)}

Answer by {closes_on:%-d %B %Y} (end of the day, {zone}).

Anonymous: this link was made for you and put into this mail only. Nobody keeps whose link it is, and nothing ties
an answer to a link, an address or a time. Results are shown after the close, and never for fewer than {minimum} people.
The page tells you what remains.

The link works once, and nobody can send you a new one: keep this mail until you have answered, and do not pass it on.
If you got more than one of these mails, use the latest.
"""


def reminder(*, organisation: str, closes_on: date, zone: str) -> str:
    """The text of a reminder. It goes to everybody, as nobody knows who has answered, and holds no link."""
    return f"""{organisation} asked you five questions on how sales and marketing work together.

This goes to everybody who was invited, because nobody knows who has answered. If you have: thank you, there is
nothing to do. If not: open the link in the mail “{SUBJECT}” by {closes_on:%-d %B %Y} (end of the day, {zone}).
"""
