"""Adoption cases: what the CRO is asked about, and how each ended."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.models import Role
from sla.forms.cases import ClosingForm
from sla.models import AdoptionCase
from sla.queries.cases import adoption_cases
from sla.services.cases import WHAT_TO_DO, CaseIsClosed, NoteMissing, close_case

LEADERS = (Role.REVOPS, Role.CRO, Role.CMO)


@roles(*LEADERS)
def page(request: HttpRequest) -> HttpResponse:
    """The open case first, then those that ended."""
    return _page(request, ClosingForm())


@require_POST
@roles(Role.CRO)
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """End a case by a note of what was done."""
    case = get_object_or_404(AdoptionCase, pk=pk)
    form = ClosingForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        close_case(case=case, note=form.cleaned_data["note"], by=viewer(request), at=timezone.now())
    except (NoteMissing, CaseIsClosed) as refusal:
        messages.error(request, str(refusal))
        return _page(request, form, status=409)
    messages.success(
        request, "The case is closed, with your note. Two further weeks under the agreed share open another."
    )
    return redirect("sla:adoption-cases")


def _page(request: HttpRequest, form: ClosingForm, status: int = 200) -> HttpResponse:
    context = {
        "now": timezone.now(),
        "cases": adoption_cases(),
        "form": form,
        "what_to_do": WHAT_TO_DO,
        "may_close": viewer(request).has_role(Role.CRO),
    }
    return render(request, "sla/adoption_cases.html", context, status=status)
