"""Invitations by e-mail, and reminders.

A link becomes valid only after its mail went out: the sweep makes a code for each address that waits, sends the mails
in random order, and then, in one transaction, puts the digests of those that were sent into the box and marks their
addresses as invited. Codes exist in the memory of that process alone. If it dies on the way, no code that it sent is
valid, no address is marked, and the next sweep sends fresh ones. So valid links never outnumber invited people, and a
mail whose sending failed half-way is worth nothing. The survey takes answers once the first sending is through.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import SystemRandom

from django.db import connection, transaction

from alignment.models import Organisation, OutgoingMail, User
from alignment.services.authority import require_revops
from scorecard.models import InviteeState, Survey, SurveyChannel, SurveyInvitee, SurveyState
from scorecard.services.survey.refusals import NotNow, locked, require_state
from scorecard.survey import box, mail
from scorecard.survey.tokens import make_token

logger = logging.getLogger(__name__)
_LOCK = 0x5EED
TRIES = 5
PAUSE = timedelta(minutes=5)


def invite(*, at: datetime) -> int:
    """Send what waits of the survey that invites people; returns how many were invited. One sweep at a time."""
    with _alone() as is_alone:
        survey = Survey.objects.filter(state__in=[SurveyState.INVITING, SurveyState.OPEN]).first()
        if not is_alone or survey is None or at >= survey.closes_at or (survey.next_try_at or at) > at:
            return 0
        waiting = list(
            survey.invitees.filter(state=InviteeState.WAITING).select_related("person__user", "user")
        )
        if not waiting:
            return 0
        try:
            mail.require_private_mail()
        except mail.MailIsWritten:
            logger.warning("survey mails wait for a mail server", extra={"survey": survey.pk})
            return 0
        SystemRandom().shuffle(waiting)
        return _record(survey, waiting, _send(survey, waiting), at=at)


def _send(survey: Survey, waiting: list[SurveyInvitee]) -> dict[int, bytes]:
    """Mail everybody a code; {invitee: digest} of those whose mail the server took."""
    organisation, sent = Organisation.get(), {}
    with mail.sender() as sender:
        for invitee in waiting:
            token = make_token()
            text = mail.invitation(
                token=token.code,
                organisation=organisation.name,
                minimum=survey.minimum,
                closes_on=survey.closes_on,
                zone=organisation.zone,
            )
            if sender.send(to=address_of(invitee), subject=mail.SUBJECT, text=text):
                sent[invitee.pk] = token.digest
    return sent


@transaction.atomic
def _record(survey: Survey, waiting: list[SurveyInvitee], sent: dict[int, bytes], *, at: datetime) -> int:
    """Make the sent links valid and mark their addresses, both or neither."""
    survey = locked(survey)
    if not survey.is_live:
        return 0
    is_first = survey.state == SurveyState.INVITING
    if is_first and len(sent) < survey.minimum:
        sent = {}  # too few to open with: they get fresh links when the mail server works
    failed = [invitee.pk for invitee in waiting if invitee.pk not in sent]
    if sent:
        groups = {invitee.pk: invitee.function for invitee in waiting}
        box.add_tokens(
            {digest: groups[pk] if groups[pk] in survey.groups else "" for pk, digest in sent.items()}
        )
        SurveyInvitee.objects.filter(pk__in=sent).update(state=InviteeState.INVITED)
        if is_first:
            survey.state, survey.opened_at = SurveyState.OPEN, at
    survey.tries = survey.tries + 1 if failed else 0
    survey.next_try_at = at + PAUSE if failed else None
    if survey.tries >= TRIES:
        SurveyInvitee.objects.filter(pk__in=failed).update(state=InviteeState.FAILED)
        survey.tries, survey.next_try_at = 0, None
    survey.save()
    if failed:
        logger.warning("survey mails failed", extra={"survey": survey.pk, "mails": len(failed)})
    return len(sent)


@transaction.atomic
def retry_failed(*, survey: Survey, by: User | None, at: datetime) -> int:
    """Try the addresses again whose mails the server refused. Raises NotNow."""
    require_revops(by, "Surveys")
    survey = locked(survey)
    require_state(survey, SurveyState.INVITING, SurveyState.OPEN, act="nobody else is invited")
    survey.tries, survey.next_try_at = 0, None
    survey.save()
    failed = SurveyInvitee.objects.filter(survey=survey, state=InviteeState.FAILED)
    return failed.update(state=InviteeState.WAITING)


@transaction.atomic
def send_reminders(*, survey: Survey, by: User | None, at: datetime) -> int:
    """Remind everybody who was invited, whether they answered or not, once a day at most. The mail holds no link.

    Raises NotNow.
    """
    require_revops(by, "Surveys")
    survey = locked(survey)
    require_state(survey, SurveyState.OPEN, act="nobody is reminded")
    organisation = Organisation.get()
    today = at.astimezone(organisation.tz).date()
    if survey.channel != SurveyChannel.MAIL:
        raise NotNow("This survey's links were printed: remind everybody in person.")
    if at >= survey.closes_at:
        raise NotNow("The last day is over.")
    if survey.reminded_on == today:
        raise NotNow("Everybody was reminded today.")
    text = mail.reminder(organisation=organisation.name, closes_on=survey.closes_on, zone=organisation.zone)
    invited = survey.invitees.filter(state=InviteeState.INVITED)
    made = OutgoingMail.objects.bulk_create(
        OutgoingMail(
            key=f"survey-reminder:{survey.pk}:{today}:{invitee.pk}",
            to=address_of(invitee),
            subject=f"Reminder: {mail.SUBJECT[0].lower()}{mail.SUBJECT[1:]}",
            text=text,
            next_attempt_at=at,
            created_at=at,
        )
        for invitee in invited.select_related("person__user", "user")
    )
    survey.reminded_on = today
    survey.save()
    return len(made)


def address_of(invitee: SurveyInvitee) -> str:
    """Where the invitee's mail goes: the person's address, else that of the login."""
    if invitee.person is not None:
        user = invitee.person.user
        return invitee.person.email or (user.email if user else "")
    return invitee.user.email if invitee.user else ""


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other worker invites; the lock ends with the connection, whatever becomes of the process."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        is_alone = bool(cursor.fetchone()[0])
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
