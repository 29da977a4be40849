"""Adoption cases with what they were opened on, and who it concerns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Sum

from alignment.models import Person, Team
from sla.models import AdoptionCase, ClockKind, ComplianceDay

NOBODY = {"reps": "Assigned to nobody", "teams": "No team"}


@dataclass(frozen=True)
class Share:
    """MQLs of one rep or team whose disposition fell due in the two weeks, and how many of these were tagged."""

    name: str
    tagged: int
    due: int

    @property
    def untagged(self) -> int:
        return self.due - self.tagged


@dataclass(frozen=True)
class CaseWeek:
    """A week as the case was opened on it."""

    monday: date
    tagged: int
    due: int


@dataclass(frozen=True)
class Case:
    """An adoption case to read: as it stood when it opened, with the names of today."""

    row: AdoptionCase
    percent: int
    weeks: tuple[CaseWeek, ...]
    reps: tuple[Share, ...]
    teams: tuple[Share, ...]

    @property
    def is_open(self) -> bool:
        return not hasattr(self.row, "closing")

    @property
    def said(self) -> str:
        """ "the weeks of 2 November and 9 November 2026"."""
        first, second = (week.monday for week in self.weeks)
        year = "" if first.year == second.year else f" {first.year}"
        return f"the weeks of {first.day} {first:%B}{year} and {second.day} {second:%B %Y}"


def adoption_cases(*, newest: int = 20) -> list[Case]:
    """The newest cases first, in four statements however many there are."""
    rows = list(AdoptionCase.objects.select_related("closing__closed_by", "agreement")[:newest])
    return _read(rows)


def open_case() -> Case | None:
    """The case that waits for the CRO now; None without one. There is one at most."""
    return next(iter(_read(list(AdoptionCase.objects.open().select_related("agreement")[:1]))), None)


def breakdown(first: date) -> dict[str, list[dict[str, Any]]]:
    """Of the two weeks from this Monday: due and tagged dispositions by rep and team, those with most untagged first.

    {"reps": [{"id": 4 or None, "tagged": 8, "due": 20}, ...], "teams": [...]}; raw figures, without rulings.
    """
    found = {}
    days = ComplianceDay.objects.filter(
        kind=ClockKind.DISPOSITION, day__gte=first, day__lt=first + timedelta(weeks=2)
    )
    for name, field in (("reps", "owner_id"), ("teams", "team_id")):
        sums = (
            days.values_list(field)
            .annotate(Sum("met"), Sum("missed"), Sum("untagged"), Sum("recycled"))
            .order_by(field)
        )
        rows = [
            {"id": key, "tagged": met - untagged, "due": met + missed + recycled}
            for key, met, missed, untagged, recycled in sums
            if met + missed + recycled
        ]
        found[name] = sorted(rows, key=lambda row: (row["tagged"] - row["due"], row["id"] or 0))
    return found


def _read(rows: Sequence[AdoptionCase]) -> list[Case]:
    names: dict[str, Mapping[int, Person | Team]] = {
        "reps": Person.objects.in_bulk(_ids(rows, "reps")),
        "teams": Team.objects.in_bulk(_ids(rows, "teams")),
    }
    return [
        Case(
            row,
            row.figures["percent"],
            tuple(
                CaseWeek(date.fromisoformat(week["monday"]), week["tagging"]["met"], week["tagging"]["due"])
                for week in row.figures["weeks"]
            ),
            _shares(row, "reps", names),
            _shares(row, "teams", names),
        )
        for row in rows
    ]


def _ids(rows: Sequence[AdoptionCase], group: str) -> set[int]:
    return {share["id"] for row in rows for share in row.figures[group] if share["id"] is not None}


def _shares(
    row: AdoptionCase, group: str, names: Mapping[str, Mapping[int, Person | Team]]
) -> tuple[Share, ...]:
    return tuple(
        Share(
            names[group][share["id"]].name if share["id"] in names[group] else NOBODY[group],
            share["tagged"],
            share["due"],
        )
        for share in row.figures[group]
    )
