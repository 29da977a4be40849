"""The rows behind the scores: pages of them, and files from which an independent script can recompute the scores."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import asked
from alignment.models import Role
from alignment.sheets import csv_response
from scorecard.dimensions import LABELS
from scorecard.leverage import amount
from scorecard.queries import rows as queries
from scorecard.queries.answers import StillBlind
from scorecard.queries.attribution import AttributionRow
from scorecard.queries.conversion import STATES, ConversionRow
from scorecard.queries.window import NoCalendar
from scorecard.views.common import READS_ROWS, program_or_404


@roles(*READS_ROWS)
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Rows of one measure as of now, narrowed to a group."""
    program, now = program_or_404(), timezone.now()
    group = asked(request, "group")
    try:
        found = queries.page_of(name, program, group=group, after=asked(request, "after"), at=now)
    except (queries.NoSuchRows, NoCalendar) as problem:
        raise Http404("This address names no rows of the scorecard.") from problem
    return render(
        request,
        "scorecard/rows.html",
        {
            "now": now,
            "name": name,
            "label": LABELS[name],
            "group": group,
            "groups": queries.GROUPS[name],
            "page": found,
            "lines": [_line(row, found) for row in found.rows],
            "is_revops": viewer(request).has_role(Role.REVOPS),
        },
    )


@roles(Role.REVOPS)
def download(request: HttpRequest, name: str) -> HttpResponse:
    """All rows of one measure as CSV."""
    program, now = program_or_404(), timezone.now()
    try:
        table = list(queries.table_of(name, program, at=now))
    except (queries.NoSuchRows, NoCalendar) as problem:
        raise Http404("This address names no rows of the scorecard.") from problem
    except StillBlind as problem:
        raise Http404(str(problem)) from problem
    return csv_response(f"scorecard-{name}.csv", queries.COLUMNS[name], table)


def _line(row: Any, found: queries.RowPage) -> dict[str, Any]:
    """What the template shows of a row beside its own fields."""
    if isinstance(row, ConversionRow):
        evidence = [(label, row.has[key]) for key, (label, _) in STATES.items() if key != "inquiry"]
        reached = STATES[row.reached][0]
        return {"row": row, "lead": found.leads.get(row.pk), "evidence": evidence, "reached": reached}
    shown = ""
    if isinstance(row, AttributionRow) and row.amount is not None:
        shown = amount(row.amount, row.currency)
    return {"row": row, "lead": found.leads.get(row.lead_id), "amount": shown}
