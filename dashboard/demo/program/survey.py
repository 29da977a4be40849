"""The trust survey of the demo company, with printed links: its mails go to no server."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

from alignment.models import Function, Organisation, Program
from dashboard.demo.program.people import Cast
from scorecard.models import SurveyChannel
from scorecard.services.survey import ending, responding, setting_up

INVITED = {Function.SALES.value: 13, Function.MARKETING.value: 7}
_ANSWER = 0.87  # share of the links that are used
# function: mean of each question (definitions, follow-up, lead quality, attribution, joint number)
AT_FIRST = {"sales": (2.3, 3.1, 2.0, 2.2, 2.4), "marketing": (2.8, 1.8, 3.3, 2.6, 2.7)}
# leads are called good enough by now, so that the steps follow one another; trust stays a fracture
BY_NOW = {"sales": (2.9, 3.1, 3.7, 2.3, 2.5), "marketing": (3.1, 2.0, 3.3, 2.5, 2.7)}


def ask(
    program: Program,
    cast: Cast,
    means: Mapping[str, tuple[float, ...]],
    *,
    rng: Random,
    at: datetime,
    days: int,
) -> datetime:
    """Launch it at `at` for so many days, answer it, and close it when its last day is over: returns that moment."""
    last = (at + timedelta(days=days)).astimezone(Organisation.get().tz).date()
    draft = setting_up.save_draft(
        program=program,
        channel=SurveyChannel.PRINTED,
        minimum=5,
        closes_on=last,
        counts=INVITED,
        by=cast.revops,
        at=at,
    )
    for links in setting_up.launch(survey=draft, by=cast.revops, at=at):
        for place, code in enumerate(links.codes):
            if place < _ANSWER * len(links.codes):
                values = [_one_to_five(rng.gauss(mean, 0.8)) for mean in means[links.function]]
                responding.respond(token=code, values=values, at=at + timedelta(hours=1))
    ending.close_due(at=draft.closes_at)
    return draft.closes_at


def _one_to_five(value: float) -> int:
    return min(max(round(value), 1), 5)
