"""Trust as the scorecard takes it over: from what the survey published, and from nothing else."""

from __future__ import annotations

from fractions import Fraction

from alignment.models import Function, Program
from scorecard.measures import Trust
from scorecard.models import Survey, SurveyState
from scorecard.queries.survey import Published, published

LEAD_QUALITY = "lead_quality"


def measure_trust(program: Program) -> Trust:
    """The overall figure as published; where there is none, why, and whether a survey ended without one."""
    found = published(program)
    if found is None or found.overall is None or found.count is None:
        return _nothing(program)
    return Trust(
        mean=Fraction(found.overall, 10),
        answers=found.count,
        sales_lead_quality=_of_sales(found),
        between=_between(found) if found.is_about else None,
        ranges=sum(figure.band is not None for figure in found.figures.values()),
        survey=found.survey,
    )


def _between(found: Published) -> tuple[Fraction, Fraction]:
    """The lowest and the highest that the mean of the questions can be."""
    ends = [figure.band or (figure.tenths, figure.tenths) for figure in found.figures.values()]
    lowest, highest = sum(low for low, _ in ends), sum(high for _, high in ends)
    return Fraction(lowest, 10 * len(ends)), Fraction(highest, 10 * len(ends))


def _of_sales(found: Published) -> Fraction | None:
    """What sales answered of lead quality: a mean that is published of sales alone; a range is none."""
    sales = next((one for one in found.functions if one.function == Function.SALES), None)
    figure = sales.figures.get(LEAD_QUALITY) if sales is not None else None
    return None if figure is None or figure.mean is None else Fraction(figure.mean, 10)


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
