"""The close, with the one release of results, and withdrawing. Either way tokens, answers and their key are gone."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from alignment.models import User
from alignment.services.authority import require_revops
from scorecard.models import Survey, SurveyInvitee, SurveyRelease, SurveyState
from scorecard.queries.survey import number_invited
from scorecard.services.survey.refusals import SurveyRefused, TooFewAnswers, locked, require_state
from scorecard.survey import box
from scorecard.survey.figures import release
from scorecard.survey.sealing import Unreadable

logger = logging.getLogger(__name__)


@transaction.atomic
def close(*, survey: Survey, by: User | None, at: datetime) -> SurveyRelease:
    """Close before the last day is over, once there are answers enough. Raises TooFewAnswers, NotNow, BoxBusy."""
    require_revops(by, "Surveys")
    survey = locked(survey)
    require_state(survey, SurveyState.OPEN, act="it cannot be closed")
    if at < survey.closes_at and not box.has_at_least(survey.minimum):
        raise TooFewAnswers(
            f"Fewer than {survey.minimum} people have answered, so there would be nothing to show. Wait for the last "
            "day, or withdraw the survey."
        )
    return _close(survey, by=by if at < survey.closes_at else None, at=at)


def close_due(*, at: datetime) -> int:
    """Close the survey whose last day is over; tried again with the next sweep while a backup is running."""
    due = Survey.objects.filter(state__in=[SurveyState.OPEN, SurveyState.INVITING], closes_at__lte=at)
    for survey in due:
        try:
            with transaction.atomic():
                held = locked(survey)
                if held.is_live:
                    _close(held, by=None, at=at)
                    return 1
        except (box.BoxBusy, Unreadable) as problem:
            logger.warning(
                "survey not closed yet", extra={"survey": survey.pk, "why": type(problem).__name__}
            )
    return 0


def _close(survey: Survey, *, by: User | None, at: datetime) -> SurveyRelease:
    """Count in memory, freeze what may be shown, and leave nothing of what it was counted from."""
    ballots = box.ballots(survey.groups)
    content = release(ballots, minimum=survey.minimum, invited=number_invited(survey))
    survey.state, survey.closed_at, survey.closed_early_by = SurveyState.CLOSED, at, by
    survey.is_released = content["count"] is not None
    survey.save()
    box.empty()
    SurveyInvitee.objects.filter(survey=survey).delete()
    return SurveyRelease.objects.create(survey=survey, content=content, released_at=at)


def stir() -> bool:
    """Write the box anew where a backup hindered it; whether there was anything to do."""
    return box.stir()


@transaction.atomic
def withdraw(*, survey: Survey, reason: str, by: User | None, at: datetime) -> Survey:
    """End the survey without results: answers are destroyed unread. Raises SurveyRefused, NotNow, BoxBusy."""
    require_revops(by, "Surveys")
    if not reason.strip():
        raise SurveyRefused("Write why: it is kept with the survey.")
    survey = locked(survey)
    require_state(
        survey, SurveyState.DRAFT, SurveyState.INVITING, SurveyState.OPEN, act="it cannot be withdrawn"
    )
    survey.state, survey.withdrawn_at = SurveyState.WITHDRAWN, at
    survey.withdrawn_reason = reason.strip()[:200]
    survey.save()
    SurveyInvitee.objects.filter(survey=survey).delete()
    box.empty()
    return survey
