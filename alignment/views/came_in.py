"""What history brought in: MQLs and won by origin and by quarter, and the MQLs behind each number."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from alignment import charts
from alignment.access import roles
from alignment.asked import asked
from alignment.forms.came_in import BehindForm, QuartersForm
from alignment.models import Organisation, Role, Source
from alignment.paging import NoSuchPage, by_moment
from alignment.queries.funnel import Conversion, OfQuarter, by_quarter, mql_to_won, mqls_behind, won_by
from alignment.views.imports import frame

DRAWN = 24  # quarters of the chart, the last ones


@roles(Role.REVOPS)
def came_in(request: HttpRequest, key: str) -> HttpResponse:
    """`?first=2025-Q1&last=2025-Q4`: the part of the past; each number leads to its MQLs."""
    source, zone = get_object_or_404(Source, key=key), Organisation.get().zone
    all_quarters = by_quarter(zone=zone, source_id=source.pk)
    form = QuartersForm(request.GET, quarters=[each.quarter for each in all_quarters if each.mqls], zone=zone)
    if not form.is_valid():  # figures of other quarters would look like the answer
        context = frame(source) | {"form": form}
        return render(request, "alignment/imports/came_in.html", context, status=422)
    start, end = form.between()
    chosen = form.cleaned_data
    period = {name: chosen[name] for name in ("first", "last") if chosen.get(name)}
    funnel = mql_to_won(source_id=source.pk, start=start, end=end)
    shown = [each for each in all_quarters if _is_within(each, period)]
    context = frame(source) | {
        "form": form,
        "is_filtered": bool(period),
        "funnel": funnel,
        "total_query": urlencode(period),
        "origins": [(each, urlencode(period | _origin(each))) for each in funnel.by_origin],
        "quarters": [(each, urlencode(_only(each))) for each in shown if each.mqls],
        "chart": charts.quarters(
            [charts.WonBar(each.quarter.name, each.won, each.mqls - each.won) for each in shown[-DRAWN:]],
            title="MQLs by quarter",
            desc="Leads by the quarter of their first MQL date, and how many of them were won",
        ),
        "drawn": DRAWN if len(shown) > DRAWN else 0,
        "zone": zone,
    }
    return render(request, "alignment/imports/came_in.html", context)


@roles(Role.REVOPS)
def rows(request: HttpRequest, key: str) -> HttpResponse:
    """The MQLs behind one number: `?first=&last=&origin=` (or `none=1`) `&won=1`, oldest first; `after`: the page."""
    source, zone = get_object_or_404(Source, key=key), Organisation.get().zone
    form = BehindForm(request.GET)
    if not form.is_valid():
        raise Http404
    which = form.which(source_id=source.pk, zone=zone)
    found = mqls_behind(which)
    try:
        page = by_moment(found.select_related("lead"), "crossed_at", asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404 from problem
    given = form.cleaned_data
    deals = won_by([cycle.lead_id for cycle in page.rows])
    context = frame(source) | {
        "page": page,
        "rows": [(cycle, deals.get(cycle.lead_id)) for cycle in page.rows],
        "which": which,
        "first": given["first"],
        "last": given["last"],
        "count": found.count(),
        "back_query": urlencode({name: given[name].key for name in ("first", "last") if given[name]}),
    }
    return render(request, "alignment/imports/came_in_rows.html", context)


def _is_within(each: OfQuarter, period: dict[str, str]) -> bool:
    named = each.quarter.key  # sorts as quarters do: years have four digits
    return period.get("first", named) <= named <= period.get("last", named)


def _origin(each: Conversion) -> dict[str, str]:
    return {"none": "1"} if each.channel is None else {"origin": each.channel}


def _only(each: OfQuarter) -> dict[str, str]:
    return {"first": each.quarter.key, "last": each.quarter.key}
