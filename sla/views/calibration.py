"""Calibration: proposed terms tried on the company's own past MQLs, scenarios saved, and brought into a draft."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from alignment import charts
from alignment.access import Scope, roles, scope_of, viewer
from alignment.artifacts.kinds import InvalidContent
from alignment.asked import posted
from alignment.models import Calendar, Organisation, Role, Team
from alignment.queries.inbox import processed_up_to
from alignment.services.artifacts import ChangedMeanwhile
from sla.forms.calibration import CalibrationForm
from sla.models import ClockKind, Scenario
from sla.queries import calibration as queries
from sla.queries.agreements import InForce, load_book
from sla.queries.calibration import Answer
from sla.queries.drafting import starting_content
from sla.queries.replay import KINDS, WHICH, Tally
from sla.queries.windows_met import SHARE
from sla.services import scenarios
from sla.services.drafts import NothingToStartFrom
from sla.services.elapsed import bring_up_to_date, needed_by
from sla.services.scenarios import NAME_LENGTH, draft_amendment, save_scenario
from sla.terms import InvalidTerms, Terms, Window
from sla.views.windows import Row, tier_rows, uses_of_form

READS = (Role.REVOPS, Role.CRO, Role.CMO, Role.SALES_MANAGER, Role.MARKETING, Role.FINANCE)
SHOWN = 20  # saved scenarios
LONGEST_QUERY = 8000  # characters of a proposal's address


@roles(*READS)
def page(request: HttpRequest) -> HttpResponse:
    """The proposal as the address says it, and what it would have come to; htmx asks for the answer alone."""
    user, now = viewer(request), timezone.now()
    today, scope = load_book().at(now), scope_of(user)
    form = _form(request.GET, today, now)
    found = _answer(form, today, scope, now)
    shown: dict[str, Any] = {
        "now": now,
        "form": form,
        "today": today,
        "is_revops": user.has_role(Role.REVOPS),
        "is_everybody": scope.is_all,
        "query": urlencode(form.data, doseq=True),
        "name_length": NAME_LENGTH,
    }
    if found is not None:
        shown |= _shown(found, scope)
    if request.headers.get("HX-Target") == "answer":
        return render(request, "sla/calibration/_answer.html", shown)
    shown |= {
        "rows": [_sliding(row) for row in tier_rows(form, uses_of_form(form, at=now))],
        "carried": [form[name] for name in _carried(form)],
        "saved": Scenario.objects.select_related("saved_by")[:SHOWN],
    }
    return render(
        request, "sla/calibration/page.html", shown, status=422 if form.is_bound and found is None else 200
    )


@require_POST
@roles(Role.REVOPS)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the proposal's figures as they are now; `act` "draft" brings its terms into a draft of the SLA at once."""
    user, now = viewer(request), timezone.now()
    today = load_book().at(now)
    query = posted(request, "query", longest=LONGEST_QUERY)
    form = _form(QueryDict(query), today, now)
    found = _answer(form, today, Scope(is_all=True), now)
    back = redirect(f"{reverse('sla:calibration')}?{query}")
    if found is None:
        messages.error(
            request, "Nothing is saved: some figures of the proposal cannot be read. Look at them below."
        )
        return back
    try:
        scenario = save_scenario(
            name=posted(request, "name"), document=form.document(), found=found, by=user, at=now
        )
    except (scenarios.NoName, InvalidTerms) as problem:
        messages.error(request, f"Nothing is saved. {problem}")
        return back
    messages.success(request, f"The scenario “{scenario.name}” is saved, with its figures as they are now.")
    if posted(request, "act") == "draft":
        return _draft(request, scenario, now)
    return redirect("sla:scenario", pk=scenario.pk)


@roles(*READS)
def scenario(request: HttpRequest, pk: int) -> HttpResponse:
    """A saved scenario: its terms and what it found then, of all teams and of nobody by name."""
    found = get_object_or_404(Scenario.objects.select_related("saved_by"), pk=pk)
    user = viewer(request)
    kinds = [(ClockKind(kind).label, *_of(found, kind)) for kind in KINDS]
    return render(
        request,
        "sla/calibration/scenario.html",
        {
            "scenario": found,
            "terms": Terms.from_json(found.terms),
            "last": found.end - timedelta(days=1),
            "which": WHICH[found.which],
            "kinds": kinds,
            "is_revops": user.has_role(Role.REVOPS),
            "calendars": dict(Calendar.objects.values_list("pk", "name")),
        },
    )


@require_POST
@roles(Role.REVOPS)
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Draft an amendment with the terms of a saved scenario, which becomes its evidence."""
    return _draft(request, get_object_or_404(Scenario, pk=pk), timezone.now())


MOST = {"minutes": 240, "hours": 72, "days": 14}
"""How far a slider goes, by unit, unless the figure is larger already."""


@dataclass(frozen=True)
class Sliding:
    """A tier's row with how far its sliders go."""

    row: Row
    most_follow_up: int
    most_disposition: int


def _sliding(row: Row) -> Sliding:
    return Sliding(row, _most(row.form.follow_up), _most(row.form.disposition))


def _most(window: Window | None) -> int:
    return max(MOST[window.unit], 2 * window.amount) if window else MOST["hours"]


def _carried(form: CalibrationForm) -> list[str]:
    """Fields of the terms that no figure here depends on: they go along as they are."""
    fixed = ["trigger_on", "trigger_value", "attempts", "gap_amount", "gap_unit", "warn_at_percent"]
    return fixed if form["trigger_on"].value() == "score" else [*fixed, "threshold"]


def _draft(request: HttpRequest, scenario: Scenario, now: datetime) -> HttpResponse:
    try:
        draft_amendment(scenario=scenario, by=viewer(request), at=now)
    except (InvalidTerms, InvalidContent, NothingToStartFrom, ChangedMeanwhile) as problem:
        messages.error(request, f"No draft was made. {problem}")
        return redirect("sla:scenario", pk=scenario.pk)
    messages.success(
        request,
        f"These terms are in the draft, with “{scenario.name}” as evidence. Nothing runs on them before both sign.",
    )
    return redirect("sla:agreement-draft")


def _form(given: QueryDict, today: InForce | None, now: datetime) -> CalibrationForm:
    """What an address says; where it says nothing, the draft's terms, or else those in force. Unbound only where there
    are neither."""
    content = starting_content(at=now) or {}
    try:
        terms: Terms | None = Terms.from_json(content.get("terms"))
    except InvalidTerms:
        terms = today.terms if today else None
    options: dict[str, Any] = {
        "terms": terms,
        "clauses": today.clauses if today else None,
        "teams": Team.objects.order_by("name"),
        "calendars": Calendar.objects.order_by("name"),
        "now": now,
        "zone": Organisation.get().zone,
    }
    if "tiers" in given:
        return CalibrationForm(given, **options)
    unbound = CalibrationForm(None, **options)
    return CalibrationForm(unbound.as_typed(), **options) if terms else unbound


def _answer(form: CalibrationForm, today: InForce | None, scope: Scope, now: datetime) -> Answer | None:
    """None where the proposal cannot be read; the form says why."""
    if not form.is_bound or not form.is_valid():
        return None
    document = form.document()
    try:
        terms = Terms.from_json(document)
    except InvalidTerms as problem:
        form.refuse(problem)
        return None
    bring_up_to_date(at=now, needed=needed_by(terms) | (needed_by(today.terms) if today else set()))
    return queries.answer(
        terms,
        today.terms if today else None,
        form.span(),
        which=form.cleaned_data["which"],
        clause=form.clause(),
        scope=scope,
        cut=processed_up_to(at=now),
    )


def _shown(found: Answer, scope: Scope) -> dict[str, Any]:
    """What the answer's template needs."""
    sides = [("Today's terms", found.today), ("Proposed terms", found.proposed)]
    weeks = queries.by_week(found)
    return {
        "answer": found,
        "last": found.span.end - timedelta(days=1),
        "which": WHICH[found.which],
        "promises": [
            (ClockKind(kind).label, found.today.kinds[kind].total if found.today else None,
             found.proposed.kinds[kind].total)
            for kind in KINDS
        ],
        "charts": [_chart(name, weeks, place) for place, (name, side) in enumerate(sides) if side],
        "weeks": weeks,
        "reps": queries.by_rep(found),
        "segments": queries.by_segment(found),
        "is_empty": not any(
            kind.total.due or kind.total.running or kind.total.held
            for side in (found.today, found.proposed)
            if side
            for kind in side.kinds.values()
        ),
        "whole": sum(each.fires is not None for each in found.proposed.judged),
        "judged": _beside(found.today.judged if found.today else [], found.proposed.judged),
        "volumes": _beside(found.today.volumes if found.today else [], found.proposed.volumes),
        "quantiles": queries.shortest_windows(found, scope),
        "share": SHARE,
        "arrived": (arrived := queries.when_they_arrive(found) if scope.is_all else None),
        "weekdays": charts.WEEKDAYS,
        "hours": [
            (
                f"{hour:02}",
                [(arrived.counts[day][hour], arrived.open_minutes[day][hour]) for day in range(7)],
            )
            for hour in range(24)
        ]
        if arrived
        else [],
        "heat": charts.heat(arrived.counts, arrived.open_minutes, title="MQLs by weekday and hour of arrival")
        if arrived
        else "",
    }  # fmt: skip


def _chart(name: str, weeks: list[tuple[date, Tally, Tally]], place: int) -> tuple[str, SafeString]:
    tallies = [(monday, (today, proposed)[place]) for monday, today, proposed in weeks]
    bars = [
        charts.WeekBar(f"{monday.day} {monday:%b}", tally.met, tally.missed, tally.running + tally.held)
        for monday, tally in tallies
    ]
    return name, charts.weeks(
        bars,
        title=f"First follow-ups by the week in which they fall due: {name.lower()}",
        desc="Each bar is a week, Monday to Sunday; its label is the Monday.",
    )


def _beside(today: list[Any], proposed: list[Any]) -> list[tuple[Any, Any]]:
    """Both sides of each period; None where there are no terms today."""
    by_period = {each.period: each for each in today}
    return [(by_period.get(each.period), each) for each in proposed]


def _of(found: Scenario, kind: str) -> tuple[dict[str, int] | None, dict[str, int]]:
    """A saved scenario's counts of a kind, today's and the proposed ones, with those due."""
    today = found.today.get("promises", {}).get(kind)
    return _due(today) if today else None, _due(found.found["promises"][kind])


def _due(counts: dict[str, int]) -> dict[str, int]:
    return {"held": 0} | counts | {"due": counts["met"] + counts["missed"]}
