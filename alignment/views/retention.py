"""How long raw content is kept: a card among the settings, with what it would remove now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.forms.organisation import RetentionForm
from alignment.models import Organisation, RetentionRun, Role
from alignment.services import retention
from alignment.services.organisation import NothingChanged

RUNS_SHOWN = 10


@roles(Role.REVOPS)
def page(request: HttpRequest) -> HttpResponse:
    """GET with `?months=` shows what another setting would remove; POST changes it."""
    now, status = timezone.now(), 200
    if request.method != "POST":
        return render(request, "alignment/retention.html", retention_card(request))
    form = RetentionForm(request.POST, auto_id="retention-%s")
    status = 422
    if form.is_valid():
        try:
            changed = retention.change_retention(**form.cleaned_data, by=viewer(request), at=now)
        except NothingChanged as refusal:
            form.add_error(None, str(refusal))
            status = 409
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            months = changed.body_months
            messages.success(request, f"Raw content is kept for {months} month{'s'[: months != 1]} now.")
            return redirect("alignment:settings")
    return render(request, "alignment/retention.html", retention_card(request, form=form), status=status)


def retention_card(request: HttpRequest, *, form: RetentionForm | None = None) -> dict[str, Any]:
    """What templates/alignment/_retention.html shows: the form, what is due under the months that it names, the
    last runs."""
    months = Organisation.get().body_months
    asked = RetentionForm(request.GET or {"months": months}, auto_id="retention-%s")
    asked.is_valid()
    shown = asked.cleaned_data.get("months", months)
    if form is None:
        form = RetentionForm(initial={"months": shown}, auto_id="retention-%s")
        if "months" in request.GET and "months" in asked.errors:
            form = asked
    due = retention.due_now(months=shown, at=timezone.now())
    return {
        "retention_form": form,
        "retention_months": months,
        "retention_shown": shown,
        "retention_due": due,
        "retention_any_due": any(amount.rows for _, amount in due),
        "retention_runs": RetentionRun.objects.select_related("by")[:RUNS_SHOWN],
    }
