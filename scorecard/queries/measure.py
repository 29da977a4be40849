"""All five dimensions measured as of one moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from alignment.models import MqlCycle, Program
from alignment.queries.counting import lead_counts
from alignment.queries.definitions import matches
from scorecard.measures import Measures
from scorecard.queries.answers import measure_agreement
from scorecard.queries.attribution import measure_attribution
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.trust import measure_trust
from scorecard.queries.window import diagnosis_of, follow_up_window, window_of


def measure(program: Program, *, at: datetime) -> Measures:
    """Raises NoCalendar where business hours are meant and no calendar has any."""
    diagnosis = diagnosis_of(program)
    window = window_of(diagnosis, at=at)
    return Measures(
        at=at,
        window=window,
        agreement=measure_agreement(program),
        hygiene=measure_hygiene(window, follow_up_window(diagnosis), at=at),
        conversion=measure_conversion(window, at=at, qualified=sql_predicate(at=at)),
        attribution=measure_attribution(window, program),
        trust=measure_trust(program),
    )


def sql_predicate(*, at: datetime) -> Callable[[list[int]], set[int]] | None:
    """By the signed definition of an SQL: which of some leads, records merged into them included, have an MQL cycle
    that meets it. None while no such definition is in force."""
    condition = matches("sql", at=at)
    if condition is None:
        return None
    meeting = MqlCycle.objects.standing().filter(lead_counts("lead"), condition)

    def qualified(leads: list[int]) -> set[int]:
        own = meeting.filter(lead__in=leads).values_list("lead_id", flat=True)
        merged = meeting.filter(lead__merged_into__in=leads).values_list("lead__merged_into_id", flat=True)
        return {pk for pk in (*own, *merged) if pk is not None}

    return qualified
