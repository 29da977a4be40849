"""The very records behind the figures: incomplete MQLs, the last 50, leads that disagree or convert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import SEES_ALL, SEES_FIGURES, SEES_RECORDS, roles, scope_of, viewer
from alignment.asked import asked
from alignment.definitions import evaluate
from alignment.definitions.predicate import Definition
from alignment.forms.incomplete import WhichForm
from alignment.models import DriftAlarm, Lead
from alignment.paging import NoSuchPage, by_moment, newest_first
from alignment.queries import completeness as queries
from alignment.queries import drift
from alignment.queries.called import CALLED, called, called_cycles, called_leads
from alignment.queries.definitions import definition_in_force, moment
from alignment.sheets import csv_response


@roles(*SEES_RECORDS)
def incomplete(request: HttpRequest) -> HttpResponse:
    """MQLs that lack a required field, in the viewer's scope, and completeness by week or month."""
    found, now, scope = definition_in_force("mql"), timezone.now(), scope_of(viewer(request))
    if found is None:
        return render(request, "alignment/definitions/incomplete.html", {"mql": None, "now": now})
    form = WhichForm(request.GET, scope=scope)
    which, period = form.which(), form.period()
    chosen = queries.mqls(which, found.definition, scope=scope)
    try:
        page = by_moment(
            queries.with_leads(chosen), "crossed_at", asked(request, "after"), is_latest_first=True
        )
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    periods = queries.completeness(found.definition, period, at=now, scope=scope)
    return render(
        request,
        "alignment/definitions/incomplete.html",
        {
            "mql": found,
            "now": now,
            "form": form,
            "which": which,
            "period": period,
            "periods": periods,
            "count": chosen.count(),
            "rows": queries.with_missing(page.rows, found.definition),
            "cursor": page.cursor,
            "is_own": not scope.is_all,
        },
        status=200 if form.is_valid() else 422,
    )


@roles(*SEES_RECORDS)
def download(request: HttpRequest) -> HttpResponse:
    """The same MQLs as a CSV file, all of them: what is to be mended in the CRM."""
    found, scope = definition_in_force("mql"), scope_of(viewer(request))
    form = WhichForm(request.GET, scope=scope)
    if found is None or not form.is_valid():
        raise Http404("This address names no list of MQLs.")
    chosen = queries.with_leads(queries.mqls(form.which(), found.definition, scope=scope))
    rows = queries.with_missing(list(chosen.order_by("-crossed_at", "-pk")), found.definition)
    return csv_response(
        f"mqls-{form.which().state}.csv",
        ["Source", "CRM id", "Lead", "Company", "Owner", "Segment", "Crossed (UTC)", "Imported", "Lacks"],
        (
            [
                cycle.lead.source.name,
                cycle.lead.external_id,
                cycle.lead.name,
                cycle.lead.company,
                cycle.owner.name if cycle.owner else "",
                cycle.segment,
                cycle.crossed_at,
                "yes" if cycle.is_history else "no",
                ", ".join(field.label for field in lacking),
            ]
            for cycle, lacking in rows
        ),
    )


@roles(*SEES_FIGURES)
def index(request: HttpRequest) -> HttpResponse:
    """Drift: the last 50 MQLs, records that disagree with the CRM, and the gap between the two conversions."""
    found, now, user = definition_in_force("mql"), timezone.now(), viewer(request)
    context: dict[str, Any] = {"mql": found, "now": now, "sees_leads": user.has_role(*SEES_ALL)}
    if found is not None:
        gap = drift.gap(found.definition.limits, at=now)
        context |= {
            "last": drift.last_mqls(found.definition),
            "disagreements": drift.disagreements(found.definition, at=now),
            "compared": f"{drift.COMPARED:,}",
            "called": called(found.definition, at=now),
            "gap": gap,
            "sides": list(zip((gap.marketing, gap.sales), gap.ruled or (None, None), strict=True)),
            "crm_status": found.definition.crm_status,
            "alarms": DriftAlarm.objects.order_by("-pk")[:10],
        }
    return render(request, "alignment/definitions/drift.html", context)


@roles(*SEES_ALL)
def rows(request: HttpRequest) -> HttpResponse:
    """The leads behind one number of drift: `?of=says-so` or `silent`, with `all=1` of all leads; `called-met` or
    `called-unmet`; `marketing` or `sales`, with `converted=1`."""
    found, now, of = definition_in_force("mql"), timezone.now(), asked(request, "of")
    if found is None or of not in {*drift.DISAGREEMENTS, *drift.SIDES, *CALLED}:
        raise Http404("There is no such figure.")
    definition, after = found.definition, asked(request, "after")
    is_converted = asked(request, "converted") == "1"
    is_all = of in drift.DISAGREEMENTS and asked(request, "all") == "1"
    try:
        if of in CALLED:
            title = CALLED[of]
            leads, cursor, count = _called(definition, of, after, now)
        else:
            if of in drift.SIDES:
                chosen = drift.leads_of_side(definition.limits, of, is_converted=is_converted, at=now)
                title = f"{drift.SIDES[of]} leads" + (" with an opportunity" if is_converted else "")
            else:
                chosen = drift.disagreeing(definition, of, at=now, is_all=is_all)
                title = drift.DISAGREEMENTS[of]
            page = newest_first(_with_related(chosen), after)
            # of all leads there is no count: it would take as long as they are many
            leads, cursor, count = page.rows, page.cursor, None if is_all else chosen.count()
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    asked_at = moment(now)

    def failed(lead: Lead) -> list[str]:
        return [
            part.label for part in found.definition.parts if not evaluate.part_holds(part, lead, asked_at)
        ]

    return render(
        request,
        "alignment/definitions/drift_rows.html",
        {
            "now": now,
            "title": title,
            "of": of,
            "crm_status": found.definition.crm_status,
            "limits": found.definition.limits,
            "is_side": of in drift.SIDES,
            "is_called": of in CALLED,
            "is_all": is_all,
            "compared": f"{drift.COMPARED:,}",
            "has_earlier": of in drift.DISAGREEMENTS and not is_all and drift.has_earlier(),
            "rows": [(lead, failed(lead)) for lead in leads],
            "cursor": cursor,
            "count": count,
        },
    )


def _called(
    definition: Definition, of: str, after: str, now: datetime
) -> tuple[list[Lead], str | None, int | None]:
    """One page of the records that are called an MQL, the cursor of the next, and how many there are. A lead that
    crossed twice among them stands there twice."""
    if definition.crm_status is not None:
        chosen = called_leads(definition, of, at=now)
        page = newest_first(_with_related(chosen), after)
        return page.rows, page.cursor, chosen.count()
    crossed = called_cycles(definition, of, at=now)
    cycles = by_moment(crossed, "crossed_at", after, is_latest_first=True)
    return [cycle.lead for cycle in cycles.rows], cycles.cursor, crossed.count()


def _with_related(found: QuerySet[Lead]) -> QuerySet[Lead]:
    return found.select_related("source", "matched_account", "first_touch", "crm_owner")
