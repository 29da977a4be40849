"""The weekly adherence report as plain text: the figures of the page, in the same words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from zoneinfo import ZoneInfo

from alignment.wording import in_words, truncated_share
from sla.queries.adherence.figures import VOLUME, Cell, Line, Near, Report, Span
from sla.wording import WHAT_REVOKING_DOES


def subject(report: Report) -> str:
    """ "SLA adherence, 16 Nov – 22 Nov 2026: marketing 93.1%, sales 88.0%": MQLs delivered and first follow-ups."""
    marketing, sales = report.marketing[0].cells[0], report.sales[0].cells[0]
    return (
        f"SLA adherence, {_days(report.spans[0])}: marketing {_percent(marketing)} of MQLs delivered, "
        f"sales {_percent(sales)} of first follow-ups"
    )


def text(report: Report) -> str:
    """Both sides in the same unit, what is near, and what the figures rest on."""
    signed = report.signed
    parts = [
        revoked_sentence(report),
        f"Promises kept of promises due, both sides, week of {_days(report.spans[0])} ({report.zone}).",
        _lines("MARKETING", report.marketing, report.spans),
        _lines("SALES", report.sales, report.spans),
        _lines("Marketing by segment", report.by_segment, report.spans),
        "\n".join(sentences(report)),
        f"Judged by version {signed.number} of the signed SLA (digest {signed.digest[:12]}…) and version "
        f"{signed.definition} of the definition of an MQL. As known on {_moment(report.as_known_at, report.zone)}; "
        f"everything received until {_moment(report.complete_until, report.zone)} is counted. Shares are cut, not "
        "rounded.",
    ]
    if not report.is_settled:
        parts.append("Some days were still being added up: the page has the figures as they are now.")
    return "\n\n".join(part for part in parts if part)


def sentences(report: Report) -> list[str]:
    """What stands close: the consequences, the month's volume, the disputes."""
    said = [follow_up_sentence(report.near), volume_sentence(report)]
    count = report.open_disputes
    if count:
        said.append(f"{count} dispute{' waits' if count == 1 else 's wait'} for a ruling.")
    return said


def revoked_sentence(report: Report) -> str:
    """That the SLA is no longer signed, and what follows; empty of one that is."""
    at = report.signed.revoked_at
    if at is None:
        return ""
    return f"The SLA is no longer signed: it was revoked on {_moment(at, report.zone)}. {WHAT_REVOKING_DOES}"


def follow_up_sentence(near: Near | None) -> str:
    """ "3 more missed follow-ups this month and the clause fires." """
    if near is None:
        return "No consequence follows from missed follow-ups while no SLA is signed."
    so_far = f"{near.missed} of {near.due} follow-ups due this {near.kind} so far are missed, as the clause counts them"
    if not near.more:
        fires = f"As it stands, the consequence clause fires when the {near.kind} is over."
        return f"{so_far}: more than {near.percent}%. {fires}"
    again = "misses" if near.more > 1 else "miss"
    return f"{so_far}. {near.more} more {again} and the consequence clause fires (above {near.percent}%)."


def volume_sentence(report: Report) -> str:
    near = report.near
    if near is None or not report.prorated:
        return f"This month's volume is {report.not_judged}."
    kept = (
        f"{near.volume_left} more MQLs keep this month's volume of {near.volume_promised}"
        if near.volume_left > 1
        else f"1 more MQL keeps this month's volume of {near.volume_promised}"
        if near.volume_left
        else f"This month's volume of {near.volume_promised} MQLs is delivered"
    )
    if not near.months_missed:
        return f"{kept}."
    months = "month" if near.months_missed == 1 else f"{near.months_missed} months"
    return (
        f"{kept}. The {months} before {'was' if near.months_missed == 1 else 'were'} missed; "
        f"{near.months_allowed} running open a renegotiation."
    )


def span_name(span: Span) -> str:
    """What a column of the report is headed by."""
    if span.key == "week":
        return f"Week of {_days(span)}"
    return "This week so far" if span.key == "now" else f"{span.first:%B} to date"


def line_name(line: Line) -> str:
    if line.segment is None:
        return line.label
    return f"{line.label}, {in_words(line.segment) or 'all other segments'}"


def _lines(title: str, lines: Iterable[Line], spans: tuple[Span, ...]) -> str:
    said = [title]
    for line in lines:
        said.append(f"  {line_name(line)}")
        said += [
            f"    {span_name(span)}: {_said(line, cell)}"
            for span, cell in zip(spans, line.cells, strict=True)
        ]
    return "\n".join(said)


def _said(line: Line, cell: Cell) -> str:
    said = truncated_share(cell.kept, cell.due)
    if line.promise == VOLUME and cell.counted != cell.kept:
        said += f", {cell.counted} delivered"
    if cell.waiting:
        said += f", {cell.waiting} running"
    if cell.restated != cell.kept:
        said += f"; restated {truncated_share(cell.restated, cell.due)}"
    if (cell.ruled, cell.ruled_due) != (cell.restated, cell.due):
        said += f"; with rulings {truncated_share(cell.ruled, cell.ruled_due)}"
    return said


def _percent(cell: Cell) -> str:
    return truncated_share(cell.kept, cell.due).split(" (")[0]


def _days(span: Span) -> str:
    return f"{_day(span.first)} – {_day(span.last)} {span.last.year}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _moment(instant: datetime, zone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M} ({zone})"
