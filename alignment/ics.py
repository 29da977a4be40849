"""Calendar files (RFC 5545): what each of ours has in common."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from icalendar import Calendar, Event

MIME = "text/calendar"


def calendar_of(what: str, *, name: str) -> Calendar:
    """An empty calendar. `what` it is about, in one word for its producer; `name`: as calendars show it."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Revenue alignment//{what}//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    return calendar


def event(uid: str, *, sequence: int, at: datetime) -> Event:
    """An entry without times. `uid`: stays through all its changes; `sequence`: raised with each, so that calendars
    take the newer file."""
    found = Event()
    found.add("uid", f"{uid}@{urlsplit(settings.BASE_URL).hostname or 'localhost'}")
    found.add("dtstamp", at.astimezone(UTC).replace(microsecond=0))
    found.add("sequence", sequence)
    return found


def text_of(calendar: Calendar) -> str:
    """The file, with the rules of every zone that it names."""
    calendar.add_missing_timezones()
    return str(calendar.to_ical().decode())
