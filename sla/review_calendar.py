"""The review of the SLA as a calendar file: one entry that moves when an amendment moves the date."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from icalendar import Alarm

from alignment.ics import calendar_of, event, text_of
from alignment.models import ArtifactVersion
from sla.clauses import Clauses

NAME = "sla-review.ics"
STARTS_AT, LENGTH = time(10, 0), timedelta(hours=1)
WARNS = timedelta(days=14)


def write(version: ArtifactVersion, *, zone: str, at: datetime) -> str:
    """The file's text: an hour from 10:00 in `zone` (IANA), with a reminder two weeks before."""
    clauses = Clauses.from_json(version.content["clauses"])
    begins = datetime.combine(clauses.review_on, STARTS_AT, tzinfo=ZoneInfo(zone))
    calendar = calendar_of("SLA", name="Review of the joint revenue SLA")
    entry = event("sla-review", sequence=version.number, at=at)
    entry.add("summary", "Review of the joint revenue SLA")
    entry.add(
        "description",
        f"Version {version.number} is to be reviewed: calibrate it against the quarter, then amend it or sign it anew. "
        f"{settings.BASE_URL}/agreement/review/",
    )
    entry.add("dtstart", begins)
    entry.add("dtend", begins + LENGTH)
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", "Review of the joint revenue SLA in two weeks")
    alarm.add("trigger", -WARNS)
    entry.add_component(alarm)
    calendar.add_component(entry)
    return text_of(calendar)
