"""Links to print: made and shown once, by function, never kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from alignment.models import Function, User
from alignment.services.authority import require_revops
from scorecard.models import Survey, SurveyChannel, SurveyState
from scorecard.services.survey.refusals import NotNow, SurveyRefused, locked, require_state
from scorecard.survey import box
from scorecard.survey.tokens import make_token


@dataclass(frozen=True)
class PrintedLinks:
    """Codes for the people of one function, to be handed out without noting who gets which."""

    function: str
    codes: tuple[str, ...]

    @property
    def label(self) -> str:
        return str(Function(self.function).label)


def make_links(survey: Survey) -> list[PrintedLinks]:
    """Fresh links for everybody; all earlier ones stop working. Within the caller's transaction."""
    made = {function: [make_token() for _ in range(count)] for function, count in survey.invited.items()}
    box.replace_tokens(
        {
            token.digest: function if function in survey.groups else ""
            for function, tokens in made.items()
            for token in tokens
        }
    )
    return [
        PrintedLinks(function, tuple(token.code for token in tokens)) for function, tokens in made.items()
    ]


@transaction.atomic
def print_again(*, survey: Survey, by: User | None, at: datetime) -> list[PrintedLinks]:
    """New links instead of those that were lost, as long as nobody has answered: else somebody could answer twice.

    Raises NotNow, SurveyRefused, BoxBusy.
    """
    require_revops(by, "Surveys")
    survey = locked(survey)
    require_state(survey, SurveyState.OPEN, act="no links are printed")
    if survey.channel != SurveyChannel.PRINTED:
        raise NotNow("This survey's links went out by e-mail.")
    if at >= survey.closes_at:
        raise NotNow("The last day is over.")
    box.hold()
    if not box.is_untouched():
        raise SurveyRefused(
            "Somebody has answered already, so no new links can be made: whoever answered could answer again. If the "
            "links are lost, withdraw the survey and begin anew."
        )
    return make_links(survey)
