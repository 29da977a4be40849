"""Telling those who were named that the questions wait for them, and again every two business days."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse

from alignment.business_days import business_days
from alignment.notifications import notify
from scorecard.models import Nomination
from scorecard.queries.answers import waiting_nominations

EVERY = 2  # business days


def tell_answerer(nomination: Nomination, *, at: datetime) -> int:
    """Whoever was named learns it, in the app and by mail; in the caller's transaction."""
    function = nomination.get_function_display().lower()
    return notify(
        to=[nomination.person],
        key=f"answers:{nomination.pk}:{at.isoformat()}",
        kind="answers-wanted",
        subject=f"You answer the blind questions for {function}",
        text=(
            f"You were named to answer for {function}: what is so today, not what should be. Nobody sees your answers "
            "before sales and marketing have both handed in."
        ),
        url=reverse("scorecard:questions"),
        at=at,
    )


def remind_answerers(*, at: datetime) -> int:
    """Send the reminders that are due; how many went out. Ticks that were missed make no flood."""
    told, days = 0, business_days(at)
    for nomination in waiting_nominations():
        which = days.passed_between(nomination.nominated_at, at) // EVERY
        if which:
            function = nomination.get_function_display().lower()
            told += notify(
                to=[nomination.person],
                key=f"answers:{nomination.pk}:{nomination.nominated_at.isoformat()}:{which}",
                kind="reminder",
                subject=f"The blind questions still wait for your answers for {function}",
                text="Without them definition agreement has no score. What you saved is kept until you hand it in.",
                url=reverse("scorecard:questions"),
                at=at,
            )
    return told
