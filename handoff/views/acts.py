"""What people do on an MQL: log an attempt, set a disposition, assign by hand. Refusals keep the form."""

from __future__ import annotations

from uuid import UUID, uuid5

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import WORKS_LEADS, may_work, roles, viewer
from alignment.asked import posted
from alignment.models import Disposition, DisqualificationReason, MqlCycle, Role
from handoff.forms import AssignForm, AttemptForm, DispositionForm
from handoff.queries import leads
from handoff.services import acts
from handoff.services.acts import CHANNELS, OUTCOMES
from handoff.views.leads import back_of, cycle_in_scope, people_to_assign, show_lead

AGAIN = "This was recorded already; nothing was added."


@require_POST
@roles(*WORKS_LEADS)
def log_attempt(request: HttpRequest, pk: int) -> HttpResponse:
    """One outbound attempt, now."""
    cycle = _workable(request, pk)
    form = AttemptForm(request.POST, auto_id="attempt-%s")
    if not form.is_valid():
        return show_lead(request, cycle.lead, status=422, attempt_form=form)
    # Two buttons of one page are two acts; the same button sent twice is one.
    act = uuid5(form.cleaned_data["act"], form.cleaned_data["attempt"])
    if leads.is_recorded(act):
        messages.info(request, AGAIN)
        return _back(request, cycle)
    try:
        acts.log_attempt(
            cycle=cycle,
            channel=form.channel,
            outcome=form.outcome,
            note=form.cleaned_data["note"],
            by=viewer(request),
            at=timezone.now(),
            act=act,
        )
    except acts.CycleIsOver as refusal:
        return show_lead(request, cycle.lead, status=409, refusal=str(refusal), attempt_form=form)
    messages.success(
        request,
        f"{cycle.lead.name}: {CHANNELS[form.channel].lower()}, {OUTCOMES[form.outcome].lower()}. Logged.",
    )
    return _back(request, cycle)


@require_POST
@roles(*WORKS_LEADS)
def dispose(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the disposition, with its reason or opportunity."""
    cycle = _workable(request, pk)
    form = DispositionForm(
        request.POST,
        cycle=cycle,
        opportunities=leads.opportunities(cycle.lead),
    )
    act = _act(request)
    if act is not None and leads.is_recorded(act):
        messages.info(request, AGAIN)
        return _back(request, cycle)
    if not form.is_valid():
        return show_lead(request, cycle.lead, status=422, disposition_form=form)
    disposition, reason = form.cleaned_data["disposition"], form.cleaned_data["reason"]
    try:
        acts.dispose(
            cycle=cycle,
            disposition=disposition,
            reason=reason,
            opportunity=form.chosen_opportunity,
            by=viewer(request),
            at=timezone.now(),
            act=form.cleaned_data["act"],
        )
    except (
        acts.CycleIsOver,
        acts.ReasonMissing,
        acts.TooFewAttempts,
        acts.OpportunityMissing,
    ) as refusal:
        return show_lead(request, cycle.lead, status=409, refusal=str(refusal), disposition_form=form)
    said = str(Disposition(disposition).label)
    if disposition in (Disposition.DISQUALIFIED, Disposition.RECYCLED):
        said += f", {DisqualificationReason(reason).label.lower()}"
    messages.success(request, f"{cycle.lead.name}: {said}.")
    return _back(request, cycle)


@require_POST
@roles(Role.REVOPS, Role.SALES_MANAGER)
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """Make somebody the owner: RevOps anybody in sales, a manager the people of the own teams."""
    user = viewer(request)
    cycle = cycle_in_scope(request, pk)
    form = AssignForm(request.POST, people=people_to_assign(user))
    if not form.is_valid():
        return show_lead(request, cycle.lead, status=422, assign_form=form)
    person = form.cleaned_data["person"]
    try:
        acts.assign_by_hand(
            cycle=cycle, person=person, by=user, at=timezone.now(), note=form.cleaned_data["note"]
        )
    except (acts.CycleIsOver, acts.PersonCannotOwn) as refusal:
        return show_lead(request, cycle.lead, status=409, refusal=str(refusal), assign_form=form)
    messages.success(request, f"{cycle.lead.name} now belongs to {person.name}.")
    return _back(request, cycle)


def _workable(request: HttpRequest, pk: int) -> MqlCycle:
    """A cycle in scope that this login may work on; raises Http404 or PermissionDenied."""
    cycle = cycle_in_scope(request, pk)
    if not may_work(viewer(request), cycle):
        raise PermissionDenied("Assign this MQL to somebody of your team first.")
    return cycle


def _act(request: HttpRequest) -> UUID | None:
    try:
        return UUID(posted(request, "act"))
    except ValueError:
        return None


def _back(request: HttpRequest, cycle: MqlCycle) -> HttpResponseRedirect:
    """To the page that the act came from: somebody's queue ("queue:12") or the lead."""
    where, _, person = back_of(request).partition(":")
    if where == "queue":
        return redirect(reverse("handoff:queue") + (f"?person={person}" if person else ""))
    return redirect("handoff:lead", pk=cycle.lead_id)
