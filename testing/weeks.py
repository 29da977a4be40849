"""Weeks of the handoff for tests: rows of the roll-up, one line for each measure of a week."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from alignment.models import Person
from sla.models import AdoptionCase, Agreement, ClockKind, ComplianceDay
from testing.sla import signed_sla
from testing.world import NOW, World, terms

MONDAY = date(2026, 11, 23)
"""The first full week under an SLA that was signed at NOW, a Tuesday."""


def monday(number: int) -> date:
    """Of the full week with this number, from 0."""
    return MONDAY + timedelta(weeks=number)


def after(number: int) -> datetime:
    """A moment on the Monday after the full week with this number."""
    return NOW + timedelta(days=13 + 7 * number)


def signed_world(world: World, *, minimum: int = 10) -> Agreement:
    """The SLA of the world, signed at NOW."""
    figures = {"follow_up_percent": 85, "tagging_percent": 90, "weekly_minimum": minimum}
    return signed_sla(terms(world.calendar), at=NOW, gate=figures)


def week(
    number: int,
    follow_up: tuple[int, int] = (100, 100),
    tagging: tuple[int, int] = (100, 100),
    *,
    owner: Person | None,
    untagged: int = 0,
    restated: int = 0,
) -> None:
    """(met, due) of both measures, on the Wednesday of a full week."""
    for kind, (met, due) in ((ClockKind.FOLLOW_UP, follow_up), (ClockKind.DISPOSITION, tagging)):
        if due:
            ComplianceDay.objects.create(
                day=monday(number) + timedelta(days=2),
                kind=kind,
                owner=owner,
                team=owner.team if owner else None,
                met=met,
                missed=due - met,
                restated=restated if kind == ClockKind.FOLLOW_UP else 0,
                running=0,
                untagged=untagged if kind == ClockKind.DISPOSITION else 0,
            )


def adoption_case(agreement: Agreement, *, number: int = 0, at: datetime | None = None) -> AdoptionCase:
    """An open case about two weeks from this one on, which nobody in particular is behind."""
    measure = {
        "met": 5,
        "due": 20,
        "restated": 0,
        "held": 0,
        "set_aside": 0,
        "against": 0,
        "recycled": 0,
        "running": 0,
    }
    weeks = [
        {"monday": monday(number + n).isoformat(), "zone": "UTC", "agreement": agreement.number,
         "verdict": "fails", "follow_up": measure, "tagging": measure}
        for n in (0, 1)
    ]  # fmt: skip
    return AdoptionCase.objects.create(
        first_week=monday(number),
        agreement=agreement,
        figures={"percent": 90, "weeks": weeks, "reps": [{"id": None, "tagged": 10, "due": 40}], "teams": []},
        opened_at=at or after(number + 1),
    )
