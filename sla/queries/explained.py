"""What the figures of a draft mean: each held against the MQLs of the last full quarter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.access import Scope
from alignment.queries.completeness import completeness
from alignment.queries.definitions import InForce, definition_in_force
from sla.clauses import Consequences, Handoff, Marketing, Volume
from sla.queries.last_quarter import (
    Counted,
    Quarter,
    TermsPast,
    missed_periods,
    terms_past,
    volume_lines,
    weeks_of,
)
from sla.terms import Terms


@dataclass(frozen=True)
class Clause:
    """What the last quarter would have come to under one draft. `months_missed`: of its months those below the volume,
    None without a volume; `renegotiates`: whether so many of them run on end."""

    past: TermsPast
    months_missed: Counted | None
    renegotiates: bool
    missed: Counted
    follow_up_weeks: Counted
    tagging_weeks: Counted


@dataclass(frozen=True)
class Explained:
    """`complete`: of the MQLs of the last full month by the definition in force, None while none is signed."""

    quarter: Quarter
    segments: Mapping[str, Sequence[int]]
    definition: InForce | None
    complete: Counted | None
    drafted: Clause | None


def explain(content: Mapping[str, Any] | None, quarter: Quarter, *, at: datetime) -> Explained:
    """`content`: of a draft whose terms and figures can be read; None: only what no figure of it is needed for."""
    definition = definition_in_force("mql")
    complete = None
    if definition is not None:
        month = completeness(definition.definition, "month", at=at, scope=Scope(is_all=True), shown=2)[1]
        complete = Counted(month.complete, month.mqls)
    drafted = _clause(content, quarter, at=at) if content is not None and content["terms"] else None
    return Explained(quarter, quarter.by_segment(), definition, complete, drafted)


def months_of(segments: Mapping[str, Sequence[int]], name: str) -> list[int]:
    """MQLs of a segment by month, however it is spelled."""
    found = [months for segment, months in segments.items() if segment.lower() == name.lower()]
    return [sum(each) for each in zip(*found, strict=True)] or [0, 0, 0]


def lines_of(volumes: Sequence[Mapping[str, Any]], quarter: Quarter) -> dict[str, list[int]]:
    """MQLs of each month by line of a draft: its segment, "" for all others."""
    return volume_lines(quarter, _marketing(volumes))


def _marketing(volumes: Sequence[Mapping[str, Any]]) -> Marketing:
    return Marketing(tuple(Volume(line["segment"], line["mqls"]) for line in volumes), (1, ""), 1)


def _clause(content: Mapping[str, Any], quarter: Quarter, *, at: datetime) -> Clause:
    clauses = content["clauses"]
    past = terms_past(quarter, Terms.from_json(content["terms"]), at=at)
    consequences = Consequences(**clauses["consequences"])
    marketing = _marketing(clauses["marketing"]["volumes"])
    months, renegotiates = None, False
    if marketing.volumes:
        delivered = [sum(each) for each in zip(*volume_lines(quarter, marketing).values(), strict=True)]
        below = [count < marketing.mqls for count in delivered]
        months = Counted(sum(below), len(below))
        run = consequences.volume_months
        renegotiates = any(all(below[n : n + run]) for n in range(len(below) - run + 1))
    follow_up, tagging = weeks_of(past, quarter, Handoff(**clauses["gate"]))
    return Clause(past, months, renegotiates, missed_periods(past, quarter, consequences), follow_up, tagging)
