"""Calendar exceptions entered since the SLA was signed: each acts on hours after it was entered, and is listed to both
leaders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from alignment.models import ArtifactVersion, CalendarVersion
from sla.models import ClockRedating
from sla.queries.agreements import load_book


@dataclass(frozen=True)
class Exceptions:
    """`versions` of the calendars that clocks run on, the newest first; `redated`: clocks that got another due time
    by a change of calendar or zone rules since then."""

    versions: list[CalendarVersion]
    redated: int


def exceptions_since(version: ArtifactVersion) -> Exceptions:
    """What was entered after the last signature of a signed SLA."""
    listed = entered_since(version).select_related("calendar", "entered_by").order_by("-entered_at", "-pk")
    redated = ClockRedating.objects.filter(
        redated_at__gte=version.signed_at, reason__startswith="calendar"
    ).aggregate(clocks=Count("clock", distinct=True))
    return Exceptions(list(listed), redated["clocks"])


def entered_since(version: ArtifactVersion, *, since: datetime | None = None) -> QuerySet[CalendarVersion]:
    """Versions of calendars that were added since its last signature, or `since`: of its own calendars, and of those
    that earlier versions name, whose MQLs they judge to the end."""
    calendars: set[int] = set()
    for each in load_book().every():
        calendars |= {each.terms.default_calendar, *each.terms.team_calendars.values()}
    return CalendarVersion.objects.filter(
        calendar__in=calendars, number__gt=1, entered_at__gte=since or version.signed_at
    )
