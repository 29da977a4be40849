"""Adherence reports for tests, with nothing in them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sla.models import AdherenceReport, Agreement
from sla.queries.adherence.figures import MARKETING, SALES, Cell, Line, Near, Report, Signed, Span, to_json


def empty_report(monday: date, *, at: datetime) -> Report:
    """A report of a week in which nothing was due."""
    return Report(
        monday=monday,
        zone="UTC",
        as_known_at=at,
        complete_until=at,
        is_settled=True,
        signed=Signed(1, "0" * 64, at, 1, "0" * 64, 90, 15),
        judged_by=(),
        spans=(Span("week", monday, monday + timedelta(days=7)),),
        marketing=tuple(Line(promise, (Cell(),)) for promise in MARKETING),
        sales=tuple(Line(promise, (Cell(),)) for promise in SALES),
        by_segment=(),
        groups={"rep": (), "team": (), "segment": ()},
        prorated=(),
        not_judged="not judged: no signed SLA was in force",
        near=Near(monday.replace(day=1), "month", 15, 0, 0, 1, 0, 0, 0, 2),
        open_disputes=0,
        trend=(),
    )


def sent_report(monday: date, *, at: datetime) -> AdherenceReport:
    """One that was sent, judged by the first version of the agreement."""
    return AdherenceReport.objects.create(
        monday=monday,
        as_known_at=at,
        complete_until=at,
        agreement=Agreement.objects.get(number=1),
        sla_digest="0" * 64,
        definition_version=1,
        figures=to_json(empty_report(monday, at=at)),
        told=0,
    )
