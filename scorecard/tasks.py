"""Ticks of the scorecard: three-line tasks that call a service with the time."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from scorecard.services import survey


@shared_task
def send_invitations() -> int:
    """Mail the links of a survey that was launched. Codes are made in this process and are in no message."""
    return survey.invite(at=timezone.now())


@shared_task
def tend_survey() -> int:
    """Close the survey whose last day is over, and smooth out what a backup hindered."""
    return survey.close_due(at=timezone.now()) or int(survey.stir())
