"""What the clauses of the signed SLA did: months and periods against what was promised, and each consequence."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from alignment.access import SEES_FIGURES, SEES_RECORDS, roles, scope_of, viewer
from alignment.asked import asked
from alignment.models import Organisation, Role
from alignment.paging import NoSuchPage, by_moment
from alignment.queries.inbox import processed_up_to
from alignment.sheets import csv_response
from sla.models import Consequence
from sla.periods import Period
from sla.queries import consequence_pages as queries
from sla.queries.agreements import load_book, revoked_at
from sla.queries.arbitration import FILERS
from sla.queries.conversion import conversion
from sla.queries.volume import delivered, delivered_of_line, months_of_volume

COHORT = 3  # months, the one under way included, of which the conversion is shown
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@roles(*SEES_FIGURES)
def overview(request: HttpRequest) -> HttpResponse:
    """Both sides' months and periods against the signed lines, the cases, and marketing's conversion."""
    user, now = viewer(request), timezone.now()
    book = load_book()
    in_force = book.at(now)
    months = queries.month_rows(at=now)
    return render(
        request,
        "sla/consequences.html",
        {
            "now": now,
            "processed_up_to": processed_up_to(at=now),
            "in_force": in_force if in_force and in_force.clauses else None,
            "revoked": revoked_at(now, book),
            "months": months,
            "periods": queries.period_rows(at=now),
            "cases": queries.cases(),
            "fired": list(queries.consequences()),
            "conversion": conversion(months[:COHORT][-1].now.period, months[0].now.period, at=now),
            "is_linked": user.has_role(*SEES_RECORDS),
            "may_dispute": user.has_role(*FILERS - {Role.REP}),
        },
    )


@roles(*SEES_FIGURES)
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One consequence: its figures, what it did to which MQL, and what rulings took back."""
    user, now = viewer(request), timezone.now()
    consequence = _consequence(pk)
    show = asked(request, "show")
    if show not in queries.SHOWS:
        raise Http404("There is no such choice of MQLs.")
    is_linked = user.has_role(*SEES_RECORDS)
    may_dispute = user.has_role(*FILERS - {Role.REP})
    page, count = None, 0
    if is_linked:
        found = queries.entries(consequence, scope_of(user), show)
        count = found.count()
        try:
            page = by_moment(found, "due_at", asked(request, "after"))
        except NoSuchPage as problem:
            raise Http404("No such page.") from problem
    judged = consequence.judged
    first = Period.of(judged.first)
    return render(
        request,
        "sla/consequence.html",
        {
            "now": now,
            "consequence": consequence,
            "judged": judged,
            "period": judged.period,
            "conversion": conversion(judged.period, at=now),
            "first": first,
            "page": page,
            "rows": [
                (
                    entry,
                    getattr(entry, "undone", None),
                    queries.dispute_url(entry, of_whole=may_dispute),
                )
                for entry in (page.rows if page else [])
            ],
            "count": count,
            "is_linked": is_linked,
            "may_dispute": may_dispute,
            "is_everybody": scope_of(user).is_all,
            "show": show,
            "shows": queries.SHOWS,
            "csv_query": urlencode({"show": show} if show else {}),
        },
    )


@roles(*SEES_RECORDS)
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The MQLs of a consequence as a CSV file."""
    consequence = _consequence(pk)
    show = asked(request, "show")
    if show not in queries.SHOWS:
        raise Http404("There is no such choice of MQLs.")
    found = queries.entries(consequence, scope_of(viewer(request)), show)
    name = f"consequence-{consequence.judged.first.isoformat()}{f'-{show}' if show else ''}.csv"
    return csv_response(name, queries.COLUMNS, queries.table(found))


@roles(*SEES_RECORDS)
def volume_rows(request: HttpRequest) -> HttpResponse:
    """The MQLs behind a month's number (`?month=2026-10`), of all segments or of one line of the SLA."""
    user, now = viewer(request), timezone.now()
    period = _month(asked(request, "month"))
    found = months_of_volume([period], at=now)[0]
    segment = asked(request, "segment") if "segment" in request.GET else None
    rows = delivered(period, at=now)
    if segment is not None:
        line = next((line for line in found.lines if line.segment == segment), None)
        if line is None or found.version is None or found.version.clauses is None:
            raise Http404("The SLA that judges this month has no such line.")
        rows = delivered_of_line(period, found.version.clauses.marketing, segment, at=now)
    rows = rows.filter(scope_of(user).q()).select_related("lead", "owner")
    try:
        page = by_moment(rows, "crossed_at", asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    return render(
        request,
        "sla/volume_rows.html",
        {
            "now": now,
            "month": found,
            "segment": segment,
            "page": page,
            "count": rows.count(),
            "zone": Organisation.get().zone,
            "back_url": reverse("sla:consequences"),
        },
    )


def _month(text: str) -> Period:
    written = _MONTH.fullmatch(text)
    if written is None or not 2000 <= int(written[1]) <= 2190:
        raise Http404("Write a month such as 2026-10.")
    return Period(date(int(written[1]), int(written[2]), 1))


def _consequence(pk: int) -> Consequence:
    found = queries.consequences().filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such consequence.")
    return found
