"""The weekly adherence report: as it is now, as it was sent, and the very rows behind each figure."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import SEES_ALL, SEES_FIGURES, SEES_RECORDS, roles, scope_of, viewer
from alignment.asked import asked
from alignment.business_time import Week
from alignment.models import Role, User
from alignment.paging import NoSuchPage, Page, by_moment, newest_first
from alignment.sheets import csv_response
from sla.adherence_mail import follow_up_sentence, line_name, span_name, volume_sentence
from sla.forms.adherence import GroupForm, RowsForm
from sla.forms.compliance import GROUP_LABELS
from sla.models import AdherenceReport
from sla.queries import drilldown
from sla.queries.adherence.figures import LABELS, SALES, VOLUME, Line, NothingSigned, Report, from_json
from sla.queries.adherence.report import adherence, full_week_now, week_of_report
from sla.queries.adherence.rows import OUTCOMES, Drill, cell_of, clocks, count_of, cycles
from sla.queries.adherence.sales import groups
from sla.services.reports import next_due
from sla.views import adherence_parts as parts
from sla.wording import Revoked


@roles(*SEES_FIGURES)
def newest(request: HttpRequest) -> HttpResponse:
    """Both sides as known now, and the reports that were sent."""
    user, now = viewer(request), timezone.now()
    try:
        page = newest_first(AdherenceReport.objects.select_related("agreement"), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    context = {"now": now, "sent": page.rows, "cursor": page.cursor, "is_revops": user.has_role(Role.REVOPS)}
    try:
        report = adherence(week_of_report(now), at=now)
    except NothingSigned:
        return render(request, "sla/adherence_empty.html", context)
    context |= _shown(request, user, report, is_live=True) | {"next_due": next_due(at=now)}
    return render(request, "sla/adherence.html", context)


@roles(*SEES_FIGURES)
def download(request: HttpRequest) -> HttpResponse:
    """The figures as known now as CSV."""
    now, scope = timezone.now(), scope_of(viewer(request))
    week = week_of_report(now)
    try:
        report = adherence(week, at=now)
    except NothingSigned as problem:
        raise Http404("No signed SLA is in force.") from problem
    mine = report.groups if scope.is_all else groups(week, scope)
    return csv_response(f"adherence-{week.monday}-now.csv", parts.COLUMNS, parts.table(report, mine))


@roles(*SEES_FIGURES)
def sent(request: HttpRequest, monday: str) -> HttpResponse:
    """A report as it was sent, and what is known otherwise since."""
    user, now = viewer(request), timezone.now()
    row = _sent(monday)
    report = from_json(Report, row.figures)
    lines = (*report.marketing, *report.sales)
    try:
        today = full_week_now(Week(report.monday, report.zone), at=now)
    except NothingSigned:
        today = []
    since = [
        (line.label, line.cells[0], found.cells[0], line.cells[0] != found.cells[0])
        for line, found in zip(lines, today, strict=bool(today))
    ]
    context = {"now": now, "row": row, "since": since, "is_restated": any(changed for *_, changed in since)}
    return render(
        request, "sla/adherence_report.html", context | _shown(request, user, report, is_live=False)
    )


@roles(*SEES_FIGURES)
def sent_download(request: HttpRequest, monday: str) -> HttpResponse:
    """The figures of a report as it was sent, as CSV."""
    report = from_json(Report, _sent(monday).figures)
    mine = parts.groups_for(report, scope_of(viewer(request)))
    return csv_response(f"adherence-{report.monday}.csv", parts.COLUMNS, parts.table(report, mine))


@roles(*SEES_ALL)
def rows(request: HttpRequest) -> HttpResponse:
    """The clocks or MQLs behind one figure of everybody's."""
    now = timezone.now()
    form = RowsForm(request.GET)
    if not form.is_valid():
        raise Http404("This address names no figure of the adherence report.")
    drill = form.drill()
    try:
        cell = cell_of(drill, at=now)
        page, count = _page(drill, asked(request, "after"), now)
    except NothingSigned as problem:
        raise Http404("No signed SLA is in force.") from problem
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    due_without_row = cell.due - cell.kept if drill.promise == VOLUME and drill.outcome == "due" else 0
    return render(
        request,
        "sla/adherence_rows.html",
        {
            "now": now,
            "drill": drill,
            "label": LABELS[drill.promise],
            "line": line_name(Line(drill.promise, (), drill.segment)),
            "is_sales": drill.promise in SALES,
            "outcomes": OUTCOMES[drill.promise],
            "outcome": OUTCOMES[drill.promise][drill.outcome],
            "page": page,
            "count": count,
            "figure": count_of(cell, drill.outcome) - due_without_row,
            "due_without_row": due_without_row,
            "promises": count + due_without_row,
        },
    )


def _page(drill: Drill, after: str, now: Any) -> tuple[Page[Any], int]:
    if drill.promise in SALES:
        found = clocks(drill)
        return by_moment(found, "due_at", after), found.count()
    mqls = cycles(drill, at=now)
    return by_moment(mqls, "crossed_at", after), mqls.count()


def _sent(monday: str) -> AdherenceReport:
    try:
        day = date.fromisoformat(monday)
    except ValueError as problem:
        raise Http404("A report is named by the Monday of its week.") from problem
    row = AdherenceReport.objects.select_related("agreement").filter(monday=day).first()
    if row is None:
        raise Http404("No report was sent of that week.")
    return row


def _shown(request: HttpRequest, user: User, report: Report, *, is_live: bool) -> dict[str, Any]:
    """What both pages have in common."""
    scope = scope_of(user)
    is_linked = is_live and scope.is_all and user.has_role(*SEES_RECORDS)
    week, group = Week(report.monday, report.zone), GroupForm(request.GET).chosen()
    if is_live and not scope.is_all:
        mine = groups(week, scope)
    else:
        mine = parts.groups_for(report, scope)
    signed = report.signed
    revoked = Revoked(signed.revoked_at) if signed.revoked_at else None
    sides = [
        (side, side.lower(), parts.rows(lines, report.spans, signed, is_linked=is_linked))
        for side, lines in (("Marketing", report.marketing), ("Sales", report.sales))
    ]
    return {
        "report": report,
        "revoked": revoked,
        "spans": [span_name(span) for span in report.spans],
        "headline": [
            (side, listed[place], listed[place].line.cells[0])
            for place in (0, 1)
            for side, _, listed in sides
        ],
        "sides": sides,
        "segments": parts.rows(report.by_segment, report.spans, signed, is_linked=is_linked),
        "trends": [
            (f"{side}: {LABELS[promise]}", parts.trend(report, promise))
            for side, promise in (("Marketing", VOLUME), ("Sales", "follow_up"))
        ],
        "past": parts.past_weeks(report, is_linked=is_linked),
        "labels": list(LABELS.values()),
        "group": group,
        "group_labels": GROUP_LABELS,
        "groups": parts.group_rows(
            week, group, mine[group], is_linked=is_live and user.has_role(*SEES_RECORDS)
        ),
        "kinds": [LABELS[kind] for kind in SALES],
        "nobody": drilldown.NOBODY[group],
        "is_own": not scope.is_all,
        "is_linked": is_linked,
        "follow_up_said": follow_up_sentence(report.near),
        "volume_said": volume_sentence(report),
    }
