"""What was declared when, by whom and why: the history of a diagnosis, as people read it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from alignment.models import Calendar, User
from scorecard.models import Diagnosis, FollowUpTime

LABELS = {
    "first_quarter": "first quarter",
    "last_quarter": "last quarter",
    "follow_up_hours": "follow-up window in hours",
    "follow_up_time": "hours that count",
    "calendar_id": "calendar",
    "board_deck_on": "board deck locks on",
    "pipeline_short_percent": "pipeline short by percent",
    "sla_has_diagnosis": "SLA written from a diagnosis",
    "sla_has_consequence": "SLA with a consequence clause",
    "sla_is_in_crm": "SLA configured in the CRM",
    "says_quality_is_bad": "lead quality called bad",
    "has_same_numbers_other_meaning": "same numbers, other meaning",
    "has_no_time_for_five": "no time for all five",
}
SHOWN = 20


@dataclass(frozen=True)
class Declared:
    """One change. `changes`: what was said before and from then on, in words; `by` None: the product itself."""

    at: datetime
    by: User | None
    reason: str
    changes: tuple[str, ...]


def history_of(diagnosis: Diagnosis) -> list[Declared]:
    """The newest SHOWN changes, the newest first; nothing while nobody declared anything."""
    if diagnosis._state.adding:
        return []
    entries = list(
        Diagnosis.history.filter(id=diagnosis.pk)
        .select_related("history_user")
        .order_by("-history_id")[: SHOWN + 1]
    )
    defaults = Diagnosis()
    keys = {entry.calendar_id for entry in entries} - {None}
    calendars = dict(Calendar.objects.filter(pk__in=keys).values_list("pk", "name"))
    found = []
    for place, entry in enumerate(entries[:SHOWN]):
        before = entries[place + 1] if place + 1 < len(entries) else defaults
        changes = tuple(
            f"{label}: {_said(old, calendars, name)} → {_said(new, calendars, name)}"
            for name, label in LABELS.items()
            if (old := getattr(before, name)) != (new := getattr(entry, name))
        )
        found.append(
            Declared(entry.history_date, entry.history_user, entry.history_change_reason or "", changes)
        )
    return found


def _said(value: Any, calendars: dict[int, str], name: str) -> str:
    if value is None or value == "":
        return "none"
    if name == "calendar_id":
        return calendars.get(value, "a calendar")
    if name == "follow_up_time":
        return str(FollowUpTime(value).label).lower()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return f"{value.day} {value:%b %Y}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
