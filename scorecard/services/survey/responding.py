"""Taking an answer: a code that is valid is exchanged for one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

from scorecard.models import SurveyState
from scorecard.queries.survey import live
from scorecard.survey import box
from scorecard.survey.questions import QUESTIONS, SCALE
from scorecard.survey.tokens import digest_of


class Outcome(Enum):
    TAKEN = "taken"
    NOT_VALID = "not valid"
    """Unknown, used, or replaced by a later one: all answered alike."""
    NOT_YET = "not yet"
    """Invitations are still going out."""
    OVER = "over"
    """No survey takes answers; nothing is said about the code."""


def state_of_door(*, at: datetime) -> Outcome | None:
    """Why no answer is taken now: OVER or NOT_YET; None while answers are taken."""
    survey = live()
    if survey is None or at >= survey.closes_at:
        return Outcome.OVER
    return None if survey.state == SurveyState.OPEN else Outcome.NOT_YET


def respond(*, token: str, values: Sequence[int], at: datetime) -> Outcome:
    """Take one answer: five values of 1 to 5 in the order of the questions. `by` is nobody, on purpose.

    Raises ValueError for other values; sealing.Unreadable where SECRET_KEY has changed since launch.
    """
    if len(values) != len(QUESTIONS) or any(value not in SCALE for value in values):
        raise ValueError("An answer has a value of 1 to 5 for each question.")
    refused = state_of_door(at=at)
    survey = live()
    if refused is not None or survey is None:
        return refused or Outcome.OVER
    digest = digest_of(token)
    # asked first without a lock, so that guessing does not keep others waiting
    if digest is None or not box.is_valid(digest) or not box.put(digest, values, survey.groups):
        return Outcome.NOT_VALID
    return Outcome.TAKEN
