"""Values of facts as people read them: no keys, no ISO times, no True and False."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from alignment.currencies import in_digits
from alignment.importing.fields import HISTORY_FIELDS
from alignment.intake import fields
from alignment.models import Disposition, DisqualificationReason
from alignment.wording import in_words, local_time

CHOICES = {**dict(Disposition.choices), **dict(DisqualificationReason.choices)}
NAMES = {
    "mql_at": "MQL date",
    "stage_at": "in the stage since",
    "stage_day": "in the stage since",
    "closed_at": "closed at",
    "closed_day": "closed at",
    "touched_day": "some time on that day",
    "disposed_day": "disposed some time on that day",
}
SINCE = {"stage_at", "stage_day", "closed_at", "closed_day"}
PICKED = {"segment", "channel", "intent", "product", "lifecycle", "status", "outcome", "function", "stage"}


def name_of(field: str) -> str:
    """Our field as it reads: "is_closed" is "closed", "mql_at" is "MQL date"."""
    if field in NAMES:
        return NAMES[field]
    return in_words(field.removeprefix("is_"))


def said(subject: str, field: str, value: Any, *, currency: str = "") -> str:
    """A value of a fact about `subject` in words, its times in the viewer's zone; "cleared" for none. An amount has
    the decimals of `currency`."""
    if value is None or value == "":
        return "cleared"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field in ("touched_day", "disposed_day"):
        return " to ".join(local_time(datetime.fromisoformat(instant)) for instant in value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    reader = fields.FIELDS.get(subject, {}).get(field) or HISTORY_FIELDS.get(subject, {}).get(field)
    try:
        if reader is fields.instant or field in SINCE:
            return local_time(datetime.fromisoformat(value))
        if reader is fields.day:
            day = date.fromisoformat(value)
            return f"{day.day} {day:%b %Y}"
        if reader is fields.money:
            return in_digits(value, currency)
    except (ArithmeticError, TypeError, ValueError):
        return str(value)
    if field in ("disposition", "reason"):
        return str(CHOICES.get(value, in_words(value)))
    return in_words(value) if field in PICKED else str(value)
