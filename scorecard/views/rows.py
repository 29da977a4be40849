"""The rows behind the scores: pages of them, and files from which an independent script can recompute the scores."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import asked, read_number
from alignment.business_time import NoOpenTime
from alignment.models import Program, Role, User
from alignment.ruled_sources import RuledSources, ruled_sources
from alignment.sheets import streamed_csv
from scorecard.dimensions import LABELS
from scorecard.leverage import amount
from scorecard.queries import rows as queries
from scorecard.queries.answers import StillBlind
from scorecard.queries.attribution import AttributionRow
from scorecard.queries.basis import Basis, basis_now, basis_of
from scorecard.queries.conversion import STATES, ConversionRow
from scorecard.queries.overview import version_shown
from scorecard.queries.recount import rates_of
from scorecard.queries.window import NoCalendar
from scorecard.views.common import READS_ROWS, program_or_404


@roles(*READS_ROWS)
def page(request: HttpRequest, name: str) -> HttpResponse:
    """Rows of one measure as the version shown counted them, narrowed to a group."""
    program, user, now = _program(request), viewer(request), timezone.now()
    group, after = asked(request, "group"), asked(request, "after")
    basis = _basis(request, program, user)
    try:
        found = queries.page_of(name, basis, group=group, after=after)
        rates = [] if after else rates_of(name, basis, recount=asked(request, "recount") == "1")
    except queries.NoSuchRows as problem:
        raise Http404("This address names no rows of the scorecard.") from problem
    except (NoCalendar, NoOpenTime) as problem:
        return _cannot_count(request, problem)
    ruled = ruled_sources() if name == "attribution" else RuledSources()
    return render(
        request,
        "scorecard/rows.html",
        {
            "now": now,
            "program": program,
            "name": name,
            "label": LABELS[name],
            "group": group,
            "groups": queries.GROUPS[name],
            "basis": basis,
            "rates": rates,
            "page": found,
            "lines": [_line(row, found, ruled) for row in found.rows],
            "is_revops": user.has_role(Role.REVOPS),
        },
    )


@roles(Role.REVOPS)
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    """All rows of one measure, or of a group of them, as CSV."""
    program = _program(request)
    basis = _basis(request, program, viewer(request))
    try:
        table = queries.table_of(name, basis, group=asked(request, "group"))
    except queries.NoSuchRows as problem:
        raise Http404("This address names no rows of the scorecard.") from problem
    except (NoCalendar, NoOpenTime) as problem:
        return _cannot_count(request, problem)
    except StillBlind as problem:
        raise Http404(str(problem)) from problem
    version = f"-version-{basis.version.number}" if basis.version is not None else ""
    version = f"-of-program-{program.number}{version}" if program.closed_at is not None else version
    return streamed_csv(f"scorecard{version}-{name}.csv", queries.COLUMNS[name], table)


def _program(request: HttpRequest) -> Program:
    """The program that is asked for by its number, closed ones too, else the one that runs. Raises Http404."""
    wanted = asked(request, "program")
    if not wanted:
        return program_or_404()
    found = Program.objects.filter(number=read_number(wanted[:9]) or 0).first()
    if found is None:
        raise Http404("There is no such program.")
    return found


def _basis(request: HttpRequest, program: Program, user: User) -> Basis:
    """Of the version that is asked for, else of the one whose scores the scorecard's page shows; as of now while there
    is none. Raises Http404 for a version that this person does not see."""
    wanted, sees_drafts = asked(request, "version"), user.has_role(Role.REVOPS)
    number = read_number(wanted) if wanted else None
    version = version_shown(program, sees_drafts=sees_drafts, number=number)
    if version is not None and not (wanted and number is None):
        return basis_of(version, program)
    if wanted:
        raise Http404("There is no such version of the scorecard.")
    return basis_now(program, at=timezone.now())


def _cannot_count(request: HttpRequest, problem: Exception) -> HttpResponse:
    messages.error(request, f"{problem} The follow-up window is declared under “How it is measured”.")
    return redirect("scorecard:scorecard")


def _line(row: Any, found: queries.RowPage, ruled: RuledSources) -> dict[str, Any]:
    """What the template shows of a row beside its own fields."""
    if isinstance(row, ConversionRow):
        evidence = [(label, row.has[key]) for key, (label, _) in STATES.items() if key != "inquiry"]
        reached = STATES[row.reached][0]
        return {"row": row, "lead": found.leads.get(row.pk), "evidence": evidence, "reached": reached}
    shown, by_ruling = "", ""
    if isinstance(row, AttributionRow):
        shown = "" if row.amount is None else amount(row.amount, row.currency)
        by_ruling = ruled.opportunities.get(row.pk) or ruled.leads.get(row.lead_id or 0, "")
    return {"row": row, "lead": found.leads.get(row.lead_id), "amount": shown, "by_ruling": by_ruling}
