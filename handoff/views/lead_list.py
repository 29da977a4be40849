"""The list of leads, with search and filters: also of those that never became an MQL."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import SEES_RECORDS, roles, scope_of, viewer
from alignment.asked import asked
from alignment.models import Source
from handoff.forms import LeadFilterForm
from handoff.queries import lead_list as queries

EXPLAINED = {
    "none": "Leads that never crossed the trigger of the agreement, or that later facts disproved.",
    "open": "Leads that sales works now, or that wait for an owner.",
    "closed": "Leads whose MQLs all carry a closing disposition, and those of imported history.",
    "merged": "Records that were found to be the same person as another one. Each leads to the one that counts.",
    "erased": "Records of people who were taken out on request. What counts of them stays, without a name.",
}


@roles(*SEES_RECORDS)
def leads(request: HttpRequest) -> HttpResponse:
    """Leads in the viewer's scope: `?state=`, `q`, `source`, `owner`, `since`, `until`; `after` is the page's key."""
    scope = scope_of(viewer(request))
    sources, owners = list(Source.objects.order_by("name", "pk")), list(queries.people(scope))
    form = LeadFilterForm(request.GET, sources=sources, owners=owners)
    filters = form.filters()
    context = {
        "form": form,
        "has_sources": len(sources) > 1,
        "has_owners": len(owners) > 1,
        "page": queries.page(filters, scope, after=asked(request, "after")),
        "state": filters.state,
        "states": list(queries.STATES.items()),
        "explained": EXPLAINED.get(filters.state, ""),
        "text": filters.text,
        "is_filtered": filters != queries.LeadFilters(state=filters.state),
        "is_all": scope.is_all,
        "now": timezone.now(),
    }
    return render(request, "handoff/leads.html", context, status=200 if form.is_valid() else 422)
