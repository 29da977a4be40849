"""Programs: the one that runs, those before it, and what was changed in them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from alignment.models import GateDecision, Program

CHANGES_SHOWN = 50


def current() -> Program | None:
    """The program that is open; None where none is."""
    return Program.objects.filter(closed_at__isnull=True).select_related("owner", "plan_taken_by").first()


def past() -> list[Program]:
    """Programs that were closed, the newest first."""
    return list(Program.objects.filter(closed_at__isnull=False).select_related("owner").order_by("-number"))


def decisions_of(program: Program) -> QuerySet[GateDecision]:
    """What its gates came to, with the waivers by which they were open; to be paged by key."""
    return GateDecision.objects.filter(program=program).select_related("waiver__artifact")


def changes(program: Program) -> list[Any]:
    """The newest edits of a program, each with when, by whom, why, and `said`: what became of each changed field."""
    rows = list(
        program.history.select_related("history_user", "owner").order_by("-history_date", "-history_id")[
            : CHANGES_SHOWN + 1
        ]
    )
    for row, before in zip(rows, [*rows[1:], None], strict=True):
        row.said = _said(row, before) if before is not None else [("Opened", "", "")]
    return rows[:CHANGES_SHOWN]


_FIELDS = {
    "name": "Name",
    "owner": "Owner",
    "hours_per_week": "Hours a week",
    "has_admin_access": "Admin access",
    "starts_on": "Starts on",
    "weeks": "Weeks",
    "plan_taken_at": "Plan on the calendars",
    "closed_at": "Closed",
}


def _said(row: Any, before: Any) -> list[tuple[str, str, str]]:
    """(field, before, after) of each that changed; a foreign key by the name of what it points to."""
    found = []
    for name, label in _FIELDS.items():
        key = f"{name}_id" if name == "owner" else name
        if getattr(row, key) != getattr(before, key):
            found.append((label, _shown(name, before), _shown(name, row)))
    return found


def _shown(name: str, row: Any) -> str:
    value = getattr(row, name)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in {"plan_taken_at", "closed_at"}:
        return "yes"
    if name == "starts_on":
        return f"{value.day} {value:%B %Y}"
    return str(value)
