"""What the survey refuses, named for what happened."""

from __future__ import annotations

from scorecard.models import Survey, SurveyState


class SurveyRefused(ValueError):
    """An act that is not possible now; its words say what to do."""


class AlreadyLaunched(SurveyRefused):
    """Settings cannot change once respondents were told."""


class AlreadyPublished(SurveyRefused):
    """A program has one release."""


class TooFewInvited(SurveyRefused):
    """Fewer people than the smallest group: nothing could ever be shown."""


class TooFewAnswers(SurveyRefused):
    """An early close would show nothing."""


class NotNow(SurveyRefused):
    """The survey is in another state."""


def require_state(survey: Survey, *states: SurveyState, act: str) -> None:
    """Raises NotNow: the survey has moved on since the page was opened."""
    if survey.state not in states:
        now = SurveyState(survey.state).label.lower()
        raise NotNow(f"This survey is {now} by now, so {act}.")


def locked(survey: Survey) -> Survey:
    """The survey's row, held until the transaction ends."""
    return Survey.objects.select_for_update(of=("self",)).get(pk=survey.pk)
