"""The list of MQLs by state, with search and filters."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import SEES_RECORDS, roles, scope_of, viewer
from alignment.asked import asked
from handoff.forms import FilterForm
from handoff.queries import cycles as queries

EXPLAINED = {
    "overdue": (
        "Overdue",
        "Open MQLs with something that sales owed by now: a follow-up, an attempt, a disposition.",
    ),
    "unassigned": (
        "Nobody owns these",
        "The assignment clock runs; an MQL that nobody gets counts as missed.",
    ),
    "untagged": (
        "Closed without a complete disposition",
        "The CRM closed them without one, or the reason or opportunity that it requires is missing. They are kept as "
        "facts and count against tagging until somebody completes them.",
    ),
    "voided": (
        "Voided by later facts",
        "These leads turned out not to have crossed the trigger. They stay readable and count nowhere.",
    ),
}


@roles(*SEES_RECORDS)
def cycles(request: HttpRequest) -> HttpResponse:
    """MQLs in the viewer's scope: `?state=`, `q`, `segment`, `owner`, `sort`; `after` is the page's key."""
    now = timezone.now()
    scope = scope_of(viewer(request))
    form = FilterForm(request.GET, segments=queries.segments(scope), owners=queries.owners(scope))
    filters = form.filters()
    page = queries.page(filters, scope, at=now, after=asked(request, "after"))
    return render(
        request,
        "handoff/cycles.html",
        {
            "form": form,
            "page": page,
            "state": filters.state,
            "states": list(queries.STATES.items()),
            "explained": EXPLAINED.get(filters.state),
            "asked": quote(filters.text),
            "is_filtered": bool(filters.text or filters.segment is not None or filters.owner),
            "now": now,
        },
        status=200 if form.is_valid() else 422,
    )
