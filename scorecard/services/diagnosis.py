"""What RevOps declares for the diagnosis: windows, and inputs of the sequence that no record can tell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from alignment.business_time import NoOpenTime
from alignment.models import Organisation, Program, User
from alignment.quarters import Quarter
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from scorecard.models import Diagnosis
from scorecard.queries.window import NoCalendar, diagnosis_of, follow_up_window

DECLARED = frozenset(
    {
        "first_quarter", "last_quarter", "follow_up_hours", "follow_up_time", "calendar", "board_deck_on",
        "pipeline_short_percent", "sla_has_diagnosis", "sla_has_consequence", "sla_is_in_crm",
        "says_quality_is_bad", "has_same_numbers_other_meaning", "has_no_time_for_five",
    }
)  # fmt: skip
MOST_QUARTERS = 12


class CannotDeclare(ValueError):
    """It cannot be so; `field` names what is wrong, the message what to write."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def declare(
    *, program: Program, changes: Mapping[str, Any], reason: str = "", by: User | None, at: datetime
) -> Diagnosis:
    """Change declarations (keys of DECLARED); the change is kept in the history with who made it and why.

    Raises OnlyRevOps or CannotDeclare. A scorecard measured before stays as it was measured.
    """
    require_revops(by, "The declarations of the diagnosis")
    Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    found = diagnosis_of(program)
    before = {name: getattr(found, name) for name in DECLARED}
    for name, value in changes.items():
        if name not in DECLARED:
            raise CannotDeclare(name, f"“{name}” is nothing that is declared.")
        setattr(found, name, value)
    if not found._state.adding and before == {name: getattr(found, name) for name in DECLARED}:
        return found
    _check_window(found, at)
    try:
        found.full_clean(exclude=["program"])
    except ValidationError as problem:
        field, messages = next(iter(problem.message_dict.items()))
        raise CannotDeclare(field, " ".join(messages)) from problem
    try:
        follow_up_window(found).due(at)
    except NoCalendar as problem:
        raise CannotDeclare("calendar", str(problem)) from problem
    except NoOpenTime as problem:
        raise CannotDeclare(
            "follow_up_hours", "The calendar is not open for that long: write less."
        ) from problem
    save_with_history(found, reason=reason or "Declared for the diagnosis", by=by, at=at)
    return found


def _check_window(found: Diagnosis, at: datetime) -> None:
    if not found.first_quarter and not found.last_quarter:
        return
    try:
        first, last = Quarter.read(found.first_quarter), Quarter.read(found.last_quarter)
    except ValueError as problem:
        raise CannotDeclare("first_quarter", "Choose both quarters of the window, or neither.") from problem
    if last < first:
        raise CannotDeclare("last_quarter", "The window ends after it begins.")
    if (last.year - first.year) * 4 + last.number - first.number >= MOST_QUARTERS:
        raise CannotDeclare("first_quarter", f"A window has at most {MOST_QUARTERS} quarters.")
    if last.ends_at(Organisation.get().zone) > at:
        raise CannotDeclare("last_quarter", "The window is made of quarters that are over.")
