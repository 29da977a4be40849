"""All five dimensions measured as of one moment."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from alignment.definitions import conditions
from alignment.models import MqlCycle, Program
from alignment.queries.counting import lead_counts
from alignment.queries.definitions import moment
from scorecard.measures import Measures
from scorecard.queries.answers import measure_agreement
from scorecard.queries.attribution import measure_attribution
from scorecard.queries.basis import Basis, basis_now
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.trust import measure_trust


def measure(program: Program, *, at: datetime) -> tuple[Measures, Basis]:
    """The figures and what they rest on. Raises NoCalendar where business hours are meant and no calendar has any."""
    basis = basis_now(program, at=at)
    found = Measures(
        at=at,
        window=basis.window,
        agreement=measure_agreement(program),
        hygiene=measure_hygiene(basis.window, basis.within, at=at),
        conversion=measure_conversion(basis.window, at=at, qualified=qualified_cycles(basis)),
        attribution=measure_attribution(basis.window, basis.lists),
        trust=measure_trust(program),
    )
    return found, basis


def qualified_cycles(basis: Basis) -> QuerySet[MqlCycle] | None:
    """MQL cycles that meet the definition of an SQL on which the figures rest; None where there was none."""
    if basis.sql is None:
        return None
    return MqlCycle.objects.standing().filter(
        lead_counts("lead"), conditions.meets(basis.sql, moment(basis.at))
    )
