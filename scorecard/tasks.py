"""Ticks of the scorecard: three-line tasks that call a service with the time."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from scorecard.services import survey
from scorecard.services.answer_reminders import remind_answerers


@shared_task
def send_invitations() -> int:
    """Mail the links of a survey that was launched. Codes are made in this process and are in no message."""
    return survey.invite(at=timezone.now())


@shared_task
def tend_survey() -> int:
    """Close the survey whose last day is over, and smooth out what a backup hindered."""
    return survey.close_due(at=timezone.now()) or int(survey.stir())


@shared_task
def remind_of_questions() -> int:
    """Remind those who were named and have not handed in after two business days, and every two from then on."""
    return remind_answerers(at=timezone.now())
