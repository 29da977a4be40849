"""Trust as the scorecard takes it over: from what the survey published, and from nothing else."""

from __future__ import annotations

from fractions import Fraction

from alignment.models import Program
from scorecard.measures import Trust
from scorecard.models import Survey, SurveyState
from scorecard.queries.survey import published

LEAD_QUALITY = "lead_quality"


def measure_trust(program: Program) -> Trust:
    """The overall figure as published; where there is none, why, and whether a survey ended without one."""
    found = published(program)
    if found is None or found.overall is None or found.count is None:
        return _nothing(program)
    quality = found.figures.get(LEAD_QUALITY)
    return Trust(
        mean=Fraction(found.overall, 10),
        answers=found.count,
        lead_quality=Fraction(quality.tenths, 10) if quality is not None else None,
    )


def _nothing(program: Program) -> Trust:
    last = Survey.objects.filter(program=program).exclude(state=SurveyState.WITHDRAWN).order_by("-pk").first()
    if last is None or last.state == SurveyState.DRAFT:
        return Trust(why="Run the trust survey of both teams.")
    if last.is_live:
        return Trust(why="The trust survey is still open: its figures come out when it closes.")
    return Trust(
        why=f"The trust survey closed with fewer than {last.minimum} answers, so it shows no figures.",
        is_closed=True,
    )
