"""What the pages of the scorecard share: who reads them, and of which program they are."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from alignment.access import SEES_ALL
from alignment.models import Program, Role
from alignment.queries import programs

READERS = sorted({*SEES_ALL, Role.FINANCE, Role.SALES_MANAGER})
READS_ROWS = sorted({*SEES_ALL})


def program_or_404() -> Program:
    """The program that runs; acts without one answer 404."""
    found = programs.current()
    if found is None:
        raise Http404("No program runs.")
    return found


def no_program(request: HttpRequest, *, is_revops: bool) -> HttpResponse:
    """The page shown while no program runs."""
    return render(request, "scorecard/no_program.html", {"is_revops": is_revops})
