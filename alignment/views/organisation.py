"""The organisation's settings: its name, and the zone in which days and weeks are cut."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.business_time.zones import zone_names
from alignment.forms.organisation import OrganisationForm
from alignment.models import Organisation, Role
from alignment.services.organisation import NothingChanged, change_organisation
from alignment.views.retention import retention_card

CHANGES_SHOWN = 10


@roles(Role.REVOPS)
def settings(request: HttpRequest) -> HttpResponse:
    """What is set, a form to change it, and the last changes."""
    organisation, status = Organisation.get(), 200
    initial = {name: getattr(organisation, name) for name in ("name", "zone", "currency", "weekly_minimum")}
    form = OrganisationForm(request.POST or None, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                changed = change_organisation(**form.cleaned_data, by=viewer(request), at=timezone.now())
            except NothingChanged as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem)
            else:
                said = "The settings are changed."
                if changed.zone != organisation.zone:
                    said += f" Days and weeks are cut in {changed.zone} now; figures are counted anew."
                messages.success(request, said)
                return redirect("alignment:settings")
    history = organisation.history.select_related("history_user").order_by("-history_date", "-history_id")
    context = {"form": form, "zones": sorted(zone_names()), "changes": history[:CHANGES_SHOWN]}
    return render(request, "alignment/organisation.html", context | retention_card(request), status=status)
