"""The page of one lead: who it is, who owns it and why, its clocks, what can be done, and what happened."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from alignment.access import SEES_RECORDS, may_work, roles, scope_of, viewer
from alignment.asked import asked, posted, read_number
from alignment.models import Lead, MqlCycle, Person, Role, User
from alignment.queries import erasure, identity
from alignment.queries.definitions import parts_of_lead
from handoff.forms import AssignForm, AttemptForm, DispositionForm
from handoff.queries import cycles, leads, routing, timeline
from handoff.queries.openings import openings
from sla.queries.arbitration import FILERS
from sla.queries.disputes import standing_of


@roles(*SEES_RECORDS)
def lead(request: HttpRequest, pk: int) -> HttpResponse:
    """One lead of the viewer's scope; others are not found."""
    found = get_object_or_404(
        cycles.visible_leads(scope_of(viewer(request))).select_related(
            "source", "account", "matched_account", "merged_into", "first_touch__campaign", "crm_owner"
        ),
        pk=pk,
    )
    return show_lead(request, found)


def show_lead(
    request: HttpRequest, lead: Lead, *, status: int = 200, refusal: str = "", **forms: Any
) -> HttpResponse:
    """Render a lead's page, with forms as they were typed where one of them was refused."""
    user, now = viewer(request), timezone.now()
    scope = scope_of(user)
    parts = leads.cycle_parts(lead)
    current = leads.current(parts)
    next_clock = leads.next_clock(current) if current else None
    opportunities = leads.opportunities(lead)
    context: dict[str, Any] = {
        "lead": lead,
        "current": current,
        "next_clock": next_clock,
        "opening": openings([next_clock], at=now).get(next_clock.pk) if next_clock else None,
        "earlier": [part for part in parts if part is not current],
        "opportunities": opportunities,
        "entries": timeline.timeline(lead),
        "origins": leads.provenance(lead),
        "merges": identity.live_merges(lead),
        "erasures": list(erasure.past().filter(lead=lead).order_by("-pk")),
        "account": identity.account_view(
            lead, cycles.visible_leads(scope), cycles.visible_opportunities(scope)
        ),
        "definition_parts": None if lead.merged_into_id else parts_of_lead(lead, at=now),
        "may_decide_identity": user.has_role(Role.REVOPS),
        "may_dispute": user.has_role(*FILERS),
        "arbitration": standing_of(lead, current.cycle if current else None),
        "may_work": False,
        "may_assign": False,
        "refusal": refusal,
        "back": back_of(request),
        "is_from_leads": asked(request, "from") == "leads",
        "attempt_form": None,
        "disposition_form": None,
        "assign_form": None,
        "now": now,
    }
    if current is not None and (current.cycle.is_open or current.cycle.lacks_tagging):
        _add_acts(context, user, current.cycle, opportunities, forms)
    return render(request, "handoff/lead.html", context, status=status)


def back_of(request: HttpRequest) -> str:
    """Which page an act came from and goes back to: "queue", somebody's as "queue:12", or "lead"."""
    where, _, person = posted(request, "back").partition(":")
    if where != "queue":
        return "lead"
    return f"queue:{person}" if read_number(person) else "queue"


def people_to_assign(user: User) -> list[Person]:
    """Who may be made an owner by this login: anybody in sales for RevOps, else the managed people."""
    if user.has_role(Role.REVOPS):
        return list(routing.sellers())
    if user.has_role(Role.SALES_MANAGER):
        return list(routing.people_managed_by(user))
    return []


def cycle_in_scope(request: HttpRequest, pk: int) -> MqlCycle:
    """The cycle, if it is in the viewer's scope; else it is not found."""
    found = cycles.visible(scope_of(viewer(request))).select_related(
        "lead__source",
        "lead__account",
        "lead__matched_account",
        "lead__first_touch__campaign",
        "lead__crm_owner",
        "owner__team",
    )
    cycle = found.filter(pk=pk).first()
    if cycle is None:
        raise Http404("No such MQL in your scope.")
    return cycle


def _add_acts(
    context: dict[str, Any], user: User, cycle: MqlCycle, opportunities: list[Any], typed: dict[str, Any]
) -> None:
    if may_work(user, cycle):
        context["may_work"] = True
        if cycle.is_open:
            context["attempt_form"] = typed.get("attempt_form") or AttemptForm(auto_id="attempt-%s")
        context["disposition_form"] = typed.get("disposition_form") or DispositionForm(
            cycle=cycle, opportunities=opportunities
        )
    people = people_to_assign(user)
    if people and cycle.is_open:
        others = [person for person in people if person.pk != cycle.owner_id]
        context["may_assign"] = True
        context["assign_form"] = typed.get("assign_form") or AssignForm(people=others)
