"""The agreement as a document that people read, and its versions."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import EVERYONE, roles, viewer
from alignment.models import Role
from sla.models import ClockKind
from sla.queries import agreement_document as document
from sla.queries.agreements import load_book
from sla.wording import STOPS

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


@roles(*READERS)
def in_force(request: HttpRequest) -> HttpResponse:
    """The version in force; where none is yet, the one that comes next."""
    return _page(request, number=None)


@roles(*READERS)
def version(request: HttpRequest, number: int) -> HttpResponse:
    """One version by its number, whether it ever came in force or not."""
    return _page(request, number=number)


def _page(request: HttpRequest, number: int | None) -> HttpResponse:
    now = timezone.now()
    versions = document.versions(load_book(), at=now)
    if number is not None:
        shown = next((v for v in versions if v.agreement.number == number), None)
        if shown is None:
            raise Http404("There is no such version of the agreement.")
    else:
        current = [v for v in versions if v.state == "in_force"]
        shown = next(iter(current + [v for v in reversed(versions) if v.state == "coming"]), None)
    is_revops = viewer(request).has_role(Role.REVOPS)
    if shown is None:
        return render(request, "sla/agreement_empty.html", {"is_revops": is_revops})
    terms = shown.terms
    uses = document.calendar_uses(terms, at=now)
    return render(
        request,
        "sla/agreement.html",
        {
            "now": now,
            "is_revops": is_revops,
            "versions": versions,
            "shown": shown,
            "terms": terms,
            "uses": uses,
            "assign_within": document.read_window(terms.assign_within, uses),
            "tiers": document.read_tiers(terms, uses),
            "gap": document.read_window(terms.attempt_gap, uses),
            "stops": [(kind, STOPS[kind.value]) for kind in ClockKind],
        },
    )
