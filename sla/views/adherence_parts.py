"""What the templates of the adherence pages are given: each figure with its verdict and the addresses of its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from alignment import charts
from alignment.access import Scope
from alignment.business_time import Week
from alignment.models import Person
from sla.adherence_mail import line_name, span_name
from sla.queries import drilldown
from sla.queries.adherence.figures import (
    COMPLETENESS,
    LABELS,
    MARKETING,
    SALES,
    VOLUME,
    Cell,
    GroupLine,
    Line,
    Report,
    Signed,
    Span,
)
from sla.queries.adherence.rows import Drill


@dataclass(frozen=True)
class Shown:
    """A figure with the addresses of its rows, which are empty for a frozen report and for roles without records."""

    cell: Cell
    drill: Drill
    is_linked: bool
    verdict: tuple[str, str] | None

    def _url(self, outcome: str) -> str:
        return (
            f"{reverse('sla:adherence-rows')}?{urlencode(self.drill.by(outcome).query)}"
            if self.is_linked
            else ""
        )

    @property
    def due_url(self) -> str:
        return self._url("due")

    @property
    def parts(self) -> list[tuple[str, str]]:
        """(words, address) of what the figure is made of."""
        cell, found = self.cell, [(f"{self.cell.kept:,} kept", self._url("kept"))]
        if self.drill.promise == VOLUME:
            if cell.counted != cell.kept:
                found.append((f"{cell.counted:,} delivered", self._url("counted")))
            return found
        if cell.missed:
            found.append(
                (f"{cell.missed:,} {'incomplete' if self.is_marketing else 'missed'}", self._url("missed"))
            )
        if cell.waiting:
            found.append((f"{cell.waiting:,} running", self._url("waiting")))
        return found

    @property
    def is_marketing(self) -> bool:
        return self.drill.promise in MARKETING

    @property
    def restated_url(self) -> str:
        return self._url("restated")

    @property
    def ruled_url(self) -> str:
        return self._url("ruled")

    @property
    def ruled_due_url(self) -> str:
        return self._url("ruled_due")


@dataclass(frozen=True)
class Row:
    """A line of a table: a promise with its figure in each span."""

    line: Line
    standard: str
    cells: list[tuple[str, Shown]]

    @property
    def name(self) -> str:
        return line_name(self.line)


def rows(lines: Iterable[Line], spans: Sequence[Span], signed: Signed, *, is_linked: bool) -> list[Row]:
    return [
        Row(
            line,
            standard(line.promise, signed),
            [
                (
                    span_name(span),
                    Shown(
                        cell,
                        Drill(line.promise, span, segment=line.segment),
                        is_linked,
                        verdict(line.promise, cell, signed),
                    ),
                )
                for span, cell in zip(spans, line.cells, strict=True)
            ],
        )
        for line in lines
    ]


def standard(promise: str, signed: Signed) -> str:
    """What was signed about a promise beyond that it is kept; empty where nothing was."""
    return {
        VOLUME: "all that is due",
        COMPLETENESS: f"at least {signed.completeness_percent}%",
        "follow_up": f"at most {signed.missed_percent}% missed",
    }.get(promise, "")


def verdict(promise: str, cell: Cell, signed: Signed) -> tuple[str, str] | None:
    """Kind of a badge and its words; None where nothing is due, or no standard was signed."""
    if not cell.due:
        return None
    if promise == VOLUME:
        return ("met", "On time") if cell.kept >= cell.due else ("late", "Behind")
    if promise == COMPLETENESS:
        is_kept = 100 * cell.kept >= signed.completeness_percent * cell.due
        return ("met", "Standard kept") if is_kept else ("missed", f"Below {signed.completeness_percent}%")
    if promise == "follow_up":
        is_over = 100 * cell.missed_by_clause > signed.missed_percent * cell.ruled_due
        return (
            ("missed", f"Over {signed.missed_percent}% missed") if is_over else ("met", "Within the clause")
        )
    return None


def trend(report: Report, promise: str) -> SafeString:
    """Eight weeks of one promise; for follow-up with the share that the consequence clause asks for."""
    points = [
        (
            f"{week.monday.day} {week.monday:%b}",
            Fraction(*week.kept[promise]) if week.kept[promise][1] else None,
        )
        for week in report.trend
    ]
    judged = report.signed if promise == "follow_up" else None
    limit = Fraction(100 - judged.missed_percent, 100) if judged else None
    return charts.line(points, title=f"{LABELS[promise]}: kept of due by week", threshold=limit)


def past_weeks(report: Report, *, is_linked: bool) -> list[tuple[date, list[tuple[str, int, int, str]]]]:
    """The weeks of the trend, the newest first: (label, kept, due, address of what was due) of each promise."""
    found = []
    for past in reversed(report.trend):
        span = Span("week", past.monday, past.monday + timedelta(weeks=1))
        cells = [
            (
                label,
                *past.kept[promise],
                Shown(Cell(), Drill(promise, span), is_linked and past.kept[promise][1] > 0, None).due_url,
            )
            for promise, label in LABELS.items()
        ]
        found.append((past.monday, cells))
    return found


def groups_for(report: Report, scope: Scope) -> dict[str, tuple[GroupLine, ...]]:
    """Of a frozen report what a viewer may see: everything, or the own people and teams alone."""
    if scope.is_all:
        return report.groups
    people = set(Person.objects.filter(team__in=scope.teams).values_list("pk", flat=True))
    mine = {
        "rep": {str(pk) for pk in {*people, scope.person}},
        "team": {str(pk) for pk in scope.teams},
        "segment": set[str](),
    }
    return {
        name: tuple(line for line in lines if line.key in mine[name]) for name, lines in report.groups.items()
    }


def group_rows(
    week: Week, group: str, lines: Iterable[GroupLine], *, is_linked: bool
) -> list[tuple[GroupLine, list[tuple[str, Cell, dict[str, str]]]]]:
    """Each rep, team or segment with its figures of the full week, and the addresses of their clocks."""
    return [
        (
            line,
            [
                (LABELS[kind], line.cells[kind], _clocks(week, kind, group, line.key, is_linked))
                for kind in SALES
            ],
        )
        for line in lines
    ]


def _clocks(week: Week, kind: str, group: str, key: str, is_linked: bool) -> dict[str, str]:
    drill = drilldown.Drill(week, kind, group, key)
    outcomes = {
        "due": "due",
        "kept": "met",
        "missed": "missed",
        "restated": "met_restated",
        "waiting": "running",
        "ruled": "ruled",
        "ruled_due": "ruled_due",
    }
    return {
        name: f"{reverse('sla:compliance-rows')}?{urlencode(drill.by(outcome).query)}" if is_linked else ""
        for name, outcome in outcomes.items()
    }


COLUMNS = (
    "side", "promise", "of", "span", "first_day", "last_day", "kept", "due", "kept_restated", "kept_with_rulings",
    "due_with_rulings", "running", "counted",
)  # fmt: skip


def table(report: Report, groups: dict[str, tuple[GroupLine, ...]]) -> list[list[Any]]:
    """The page's figures as rows for COLUMNS."""
    found = []
    for side, lines in (("marketing", (*report.marketing, *report.by_segment)), ("sales", report.sales)):
        for line in lines:
            of = "all" if line.segment is None else f"segment {line.segment or 'all others'}"
            for span, cell in zip(report.spans, line.cells, strict=True):
                found.append([side, line.label, of, span_name(span), *_said(span, cell)])
    week = report.spans[0]
    for name, listed in groups.items():
        for group in listed:
            for kind, cell in group.cells.items():
                of = f"{name} {group.label or 'none'}"
                found.append(["sales", LABELS[kind], of, span_name(week), *_said(week, cell)])
    return found


def _said(span: Span, cell: Cell) -> list[Any]:
    return [
        span.first.isoformat(), (span.end - timedelta(days=1)).isoformat(), cell.kept, cell.due, cell.restated,
        cell.ruled, cell.ruled_due, cell.waiting, cell.counted,
    ]  # fmt: skip
