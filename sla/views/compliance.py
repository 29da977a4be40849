"""How the agreement is kept: figures of a week, and the very clocks behind each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from alignment import charts
from alignment.access import SEES_FIGURES, SEES_RECORDS, Scope, roles, scope_of, viewer
from alignment.asked import asked
from alignment.business_time import Week
from alignment.models import Organisation, User
from alignment.paging import NoSuchPage, by_moment
from alignment.queries.inbox import processed_up_to
from alignment.sheets import csv_response
from sla.forms.compliance import GROUP_LABELS, DrillForm, WeekForm
from sla.models import ClockKind
from sla.queries import compliance, drilldown
from sla.queries.agreements import revoked_at
from sla.queries.arbitration import FILERS
from sla.queries.cases import open_case
from sla.queries.compliance import Figure
from sla.queries.disputes import NO_ADJUSTMENTS, Adjustments, adjusted
from sla.queries.drilldown import Drill
from sla.views import strip
from sla.views.cases import LEADERS

WEEKS_SHOWN = 12
MEANING = {
    ClockKind.ASSIGN: "From crossing the trigger until a named owner has the lead, by routing or set in the CRM.",
    ClockKind.FOLLOW_UP: "From assignment until the first attempt by sales, or the closing of the cycle. "
    "An MQL that nobody was assigned counts as missed.",
    ClockKind.DISPOSITION: "From assignment until a disposition with all that it requires.",
    ClockKind.ATTEMPT: "From one attempt to the next, until the agreed number, a two-way contact or the closing.",
}


@dataclass(frozen=True)
class Cell:
    """A figure with the addresses of its rows; without them for roles that see no records."""

    figure: Figure
    drill: Drill
    is_linked: bool
    rulings: Adjustments = NO_ADJUSTMENTS

    def _url(self, outcome: str) -> str:
        if not self.is_linked:
            return ""
        return f"{reverse('sla:compliance-rows')}?{urlencode(self.drill.by(outcome).query)}"

    @property
    def due_url(self) -> str:
        return self._url("due")

    @property
    def met_url(self) -> str:
        return self._url("met")

    @property
    def missed_url(self) -> str:
        return self._url("missed")

    @property
    def restated_url(self) -> str:
        return self._url("restated")

    @property
    def met_restated_url(self) -> str:
        return self._url("met_restated")

    @property
    def set_aside_url(self) -> str:
        return self._url("set_aside")

    @property
    def held_url(self) -> str:
        return self._url("held")

    @property
    def ruled_url(self) -> str:
        return self._url("ruled")

    @property
    def ruled_due_url(self) -> str:
        return self._url("ruled_due")

    @property
    def met_with_rulings(self) -> int:
        """Kept, or set aside by a ruling."""
        return self.figure.met_restated + self.rulings.set_aside

    @property
    def due_with_rulings(self) -> int:
        """With what is held: it counts as unmet until it is ruled on."""
        return self.figure.due + self.rulings.held

    @property
    def running_url(self) -> str:
        return self._url("running")


@roles(*SEES_FIGURES)
def overview(request: HttpRequest) -> HttpResponse:
    """A week's figures per promise, per rep, team or segment, and twelve weeks of one promise."""
    user, now = viewer(request), timezone.now()
    organisation = Organisation.get()
    form = WeekForm(request.GET)
    week = form.chosen_week(now, organisation.zone)
    group, kind = form.chosen("group", "rep"), form.chosen("kind", ClockKind.FOLLOW_UP)
    scope, is_linked = scope_of(user), user.has_role(*SEES_RECORDS)
    figures = compliance.by_kind(week, scope)
    rulings = adjusted(week.starts_at, week.ends_at, scope)
    added = rulings.by_kind()
    past = compliance.weeks(week, WEEKS_SHOWN, kind, scope)
    dirty = drilldown.dirty_weeks(past[0][0], week)
    this_week = Week.of(now, organisation.zone)
    promise = ClockKind(kind).label.lower()
    of_gate = strip.strip(week, at=now, is_linked=is_linked and scope.is_all)
    return render(
        request,
        "sla/compliance.html",
        {
            "now": now,
            "revoked": revoked_at(now),
            "week": week,
            "sunday": _sunday(week),
            "previous": week.previous(),
            "next": week.next(),
            "this_week": this_week,
            "is_this_week": week == this_week,
            "is_over": week.ends_at <= now,
            "is_settled": week.monday not in dirty,
            "processed_up_to": processed_up_to(at=now),
            "whose": _whose(user, scope),
            "cards": [
                (ClockKind(name), MEANING[ClockKind(name)],
                 Cell(figure, Drill(week, name), is_linked, added[name]))
                for name, figure in figures.items()
            ],
            "kinds": ClockKind.choices,
            "kind": kind,
            "promise": promise,
            "groups": [
                (found, [(ClockKind(name).label, Cell(figure, Drill(week, name, group, found.key), is_linked,
                                                      found.rulings[name]))
                         for name, figure in found.figures.items()])
                for found in compliance.by_group(week, scope, group, rulings)
            ],
            "nobody": drilldown.NOBODY[group],
            "group": group,
            "group_labels": GROUP_LABELS,
            "chart": charts.weeks(
                [charts.WeekBar(f"{w.monday.day} {w.monday:%b}", f.met, f.missed, f.running) for w, f in past],
                title=f"Clocks by the week in which they fell due: {promise}",
                desc="Each bar is a week, Monday to Sunday; its label is the Monday.",
            ),
            "past": [
                (w, Cell(f, Drill(w, kind), is_linked), w.monday not in dirty) for w, f in reversed(past)
            ],
            "is_linked": is_linked,
            "strip": of_gate,
            "too_few": of_gate.too_few if scope.is_all else "",
            "case": open_case() if user.has_role(*LEADERS) else None,
            "judged_by": compliance.judged_by(week, scope),
        },
    )  # fmt: skip


@roles(*SEES_RECORDS)
def rows(request: HttpRequest) -> HttpResponse:
    """The clocks behind one figure, by due time."""
    user, now = viewer(request), timezone.now()
    scope = scope_of(user)
    drill = _drill(request)
    found = drilldown.clocks(drill, scope)
    try:
        page = by_moment(found, "due_at", asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    count = found.count()
    if drill.is_of_gate:
        figure = strip.count_of(drill, at=now) if scope.is_all else count
    else:
        figure = drilldown.count_of(*drilldown.figure_of(drill, scope), drill.outcome)
    return render(
        request,
        "sla/compliance_rows.html",
        {
            "now": now,
            "drill": drill,
            "week": drill.week,
            "sunday": _sunday(drill.week),
            "kind": ClockKind(drill.kind),
            "meaning": MEANING[ClockKind(drill.kind)],
            "label": drilldown.label_of(drill, scope),
            "whose": _whose(user, scope),
            "page": page,
            "count": count,
            "figure": figure,
            "outcomes": drill.outcomes,
            "may_dispute": user.has_role(*FILERS),
            "outcome": drilldown.OUTCOMES[drill.outcome],
            "csv_query": urlencode(drill.query),
            "back_query": urlencode(
                {"week": drill.week.monday.isoformat()} | ({"group": drill.group} if drill.group else {})
            ),
        },
    )


@roles(*SEES_RECORDS)
def download(request: HttpRequest) -> HttpResponse:
    """The same clocks as a CSV file, all of them."""
    drill = _drill(request)
    found = drilldown.clocks(drill, scope_of(viewer(request)))
    name = f"compliance-{drill.kind}-{drill.week.monday.isoformat()}-{drill.outcome}.csv"
    return csv_response(name, drilldown.COLUMNS, drilldown.table(found))


def _drill(request: HttpRequest) -> Drill:
    form = DrillForm(request.GET)
    if not form.is_valid():
        raise Http404("This address names no figure of the compliance page.")
    return form.drill(Organisation.get().zone)


def _sunday(week: Week) -> date:
    return week.monday + timedelta(days=6)


def _whose(user: User, scope: Scope) -> str:
    """Whose MQLs the figures count, in words."""
    if scope.is_all:
        return "All teams"
    return "The teams you manage, and your own" if scope.teams else "Your own MQLs"
