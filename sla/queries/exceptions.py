"""Calendar exceptions entered since the SLA was signed: each acts on hours after it was entered, and is listed to both
leaders."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from alignment.models import ArtifactVersion, CalendarVersion
from sla.models import ClockRedating


@dataclass(frozen=True)
class Exceptions:
    """`versions` of the calendars that the SLA names, the newest first; `redated`: clocks that got another due time
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


def entered_since(version: ArtifactVersion) -> QuerySet[CalendarVersion]:
    """Versions of its calendars that were added since."""
    calendars = [int(key) for key in version.content["hours"]]
    return CalendarVersion.objects.filter(
        calendar__in=calendars, number__gt=1, entered_at__gte=version.signed_at
    )
