"""Working terms before the first signature: RevOps only, checked as often as one likes before they count."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.asked import posted, read_number
from alignment.models import Calendar, Organisation, Role, Team
from alignment.wording import exact_time
from sla.forms.agreement import AgreementForm
from sla.models import Agreement
from sla.queries import agreement_document as document
from sla.queries.agreement_document import Version
from sla.queries.agreements import load_book
from sla.queries.drafting import standing
from sla.services import agreements as services
from sla.terms import InvalidTerms
from sla.views.windows import gap_meanings, tier_rows, uses_of_form


@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """The form, prefilled with the version in force; `check` reads it without saving. Closed by the first signature,
    and while an SLA waits for it."""
    now = timezone.now()
    try:
        services.require_open_to_working_terms()
    except services.ClosedByTheSla as problem:
        return _closed(request, problem, status=409 if request.method == "POST" else 200)
    versions = document.versions(load_book(), at=now)
    form = _form(request, versions)
    if request.method != "POST":
        return _page(request, form, versions, now)
    if not form.is_valid():
        return _page(request, form, versions, now, status=422)
    begins, status = form.in_force_from(now), 422
    try:
        if "check" in request.POST:
            services.check(terms=form.document(), in_force_from=begins, at=now)
            return _page(request, form, versions, now, is_checked=True)
        follows = read_number(posted(request, "follows"))
        made = services.put_in_force(
            terms=form.document(),
            in_force_from=begins,
            note=form.cleaned_data["note"],
            follows=-1 if follows is None else follows,
            by=viewer(request),
            at=now,
        )
    except InvalidTerms as problem:
        form.refuse(problem)
    except services.ClosedByTheSla as problem:
        return _closed(request, problem, status=409)
    except (services.StartsInThePast, services.StartTaken) as problem:
        form.add_error("begins_at", str(problem))
        status = 409
    except services.EnteredMeanwhile as problem:
        form.add_error(None, str(problem))
        status = 409
    else:
        messages.success(request, _said(made, versions))
        return redirect("sla:agreement-version", number=made.number)
    return _page(request, form, versions, now, status=status)


def _closed(request: HttpRequest, problem: services.ClosedByTheSla, *, status: int) -> HttpResponse:
    """Why no working terms are taken, and the way that is open."""
    sent = standing().sent if isinstance(problem, services.AwaitsSignatures) else None
    return render(request, "sla/agreement_new_closed.html", {"problem": problem, "sent": sent}, status=status)


def _said(made: Agreement, versions: list[Version]) -> str:
    """What the new version judges, and what stays as it was."""
    ran = next((v.agreement.number for v in versions if v.state == "in_force"), None)
    said = f"Version {made.number} is entered, unsigned. It judges MQL cycles that start from "
    said += f"{exact_time(made.in_force_from)} on."
    return said if ran is None else f"{said} Cycles that began before stay under the version they began with."


def _form(request: HttpRequest, versions: list[Version]) -> AgreementForm:
    start = next((v for v in versions if v.state == "in_force"), versions[0] if versions else None)
    return AgreementForm(
        request.POST if request.method == "POST" else None,
        terms=start.terms if start else None,
        teams=Team.objects.order_by("name"),
        calendars=Calendar.objects.order_by("name"),
        zone=Organisation.get().zone,
    )


def _page(
    request: HttpRequest,
    form: AgreementForm,
    versions: list[Version],
    now: datetime,
    *,
    is_checked: bool = False,
    status: int = 200,
) -> HttpResponse:
    uses = uses_of_form(form, at=now)
    return render(
        request,
        "sla/agreement_new.html",
        {
            "now": now,
            "form": form,
            "rows": tier_rows(form, uses),
            "gap": gap_meanings(form, uses),
            "current": next((v for v in versions if v.state == "in_force"), None),
            "coming": [v for v in versions if v.state == "coming"],
            "follows": versions[0].agreement.number if versions else 0,
            "next_number": versions[0].agreement.number + 1 if versions else 1,
            "is_checked": is_checked,
            "has_errors": status != 200,
        },
        status=status,
    )
