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
    """POST changes the setting, or with `look` only shows what another one would remove."""
    now = timezone.now()
    if request.method != "POST":
        return render(request, "alignment/retention.html", retention_card(request))
    form = RetentionForm(request.POST, auto_id="retention-%s")
    if "look" in request.POST:
        return render(request, "alignment/retention.html", retention_card(request, looked_at=form))
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


def retention_card(
    request: HttpRequest, *, form: RetentionForm | None = None, looked_at: RetentionForm | None = None
) -> dict[str, Any]:
    """What templates/alignment/_retention.html shows: the form, as it was refused or with the months `looked_at`,
    what is due under them, the last runs."""
    months = shown = Organisation.get().body_months
    if looked_at is not None:
        looked_at.is_valid()
        shown = looked_at.cleaned_data.get("months", months)
        if "months" in looked_at.errors:
            form = looked_at
    if form is None:
        reason = looked_at.data.get("reason", "") if looked_at is not None else ""
        form = RetentionForm(initial={"months": shown, "reason": reason}, auto_id="retention-%s")
    due = retention.due_now(months=shown, at=timezone.now())
    return {
        "retention_form": form,
        "retention_months": months,
        "retention_shown": shown,
        "retention_due": due,
        "retention_any_due": any(amount.rows for _, amount in due),
        "retention_runs": RetentionRun.objects.select_related("by")[:RUNS_SHOWN],
    }
