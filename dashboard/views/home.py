"""The home page: what needs this person, how the agreement is kept, whether the machinery runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from alignment import charts
from alignment.access import SEES_FIGURES, SEES_RECORDS, Scope, scope_of, viewer
from alignment.business_time import Week
from alignment.gates.rail import rail_of
from alignment.models import Organisation, Person, Role, User
from alignment.queries.definition_pages import standings
from alignment.queries.inbox import processed_up_to
from alignment.queries.programs import current
from dashboard import queries
from handoff.queries import cycles
from sla.models import AdherenceReport, ClockKind
from sla.queries import compliance
from sla.queries.adherence.sales import with_rulings
from sla.queries.compliance import Figure

WEEKS = 8
SENT_BACK_WEEKS = 4
GROUPS_SHOWN = 8
UP_TO_DATE_WITHIN = timedelta(minutes=2)
UNITS = {
    "signatures": ("document", "documents"),
    "dead": ("event", "events"),
    "not-written-back": ("decision", "decisions"),
    "write-back-late": ("decision", "decisions"),
    "never-heard": ("endpoint", "endpoints"),
    "silent": ("endpoint", "endpoints"),
    "unknown-people": ("person", "people"),
    "rulings": ("", ""),  # its words name them
}
ABOUT = {
    ClockKind.ASSIGN: "From the crossing of the trigger to a named owner.",
    ClockKind.FOLLOW_UP: "From the assignment to the first attempt or the closing. An MQL that nobody was "
    "assigned counts as missed.",
    ClockKind.DISPOSITION: "From the assignment to a disposition with all that it requires.",
    ClockKind.ATTEMPT: "From one attempt to the next, as the cadence asks.",
}


def home(request: HttpRequest) -> HttpResponse:
    """Everybody's first page; what stands on it depends on the role."""
    user, now = viewer(request), timezone.now()
    if not user.has_role(*SEES_FIGURES):
        return render(request, "dashboard/home_board.html", {"now": now})
    steps = queries.first_steps(at=now) if user.has_role(Role.REVOPS) else []
    done = sum(step.is_done for step in steps)
    first_run = {"steps": steps if done < len(steps) else [], "done": done, "now": now}
    if queries.is_empty():
        to_do = [_shown(need) for need in queries.before_data(user, at=now)]
        first_run |= {"is_revops": user.has_role(Role.REVOPS), "to_do": to_do, **_program(user, now)}
        return render(request, "dashboard/home_first_run.html", first_run)
    scope = scope_of(user)
    week = Week.of(now, Organisation.get().zone)
    needs = queries.needs(user, scope, at=now)
    context = first_run | {
        "week": week,
        "whose": _whose(user, scope),
        "to_do": [_shown(need) for need in needs if not need.is_for_others],
        "to_know": [_shown(need) for need in needs if need.is_for_others],
        "figures": _figures(week, scope, is_linked=user.has_role(*SEES_RECORDS)),
        "is_settled": compliance.is_settled(week),
        "chart": _chart(week, scope),
        "agreement": queries.agreement_in_force(at=now),
        **_machinery(user, now),
        **_program(user, now),
        "is_revops": user.has_role(Role.REVOPS),
        "needs_first": user.has_role(Role.CRO, Role.CMO, Role.FINANCE),
        "definitions": standings(user) if user.has_role(Role.FINANCE) else [],
        "is_rep": user.has_role(Role.REP),
        "sees_records": user.has_role(*SEES_RECORDS),
        "reported": _reported(user),
    }
    return render(request, "dashboard/home.html", context | _by_role(user, scope, week, now=now))


def _reported(user: User) -> AdherenceReport | None:
    """The newest adherence report, for those who answer for what it says."""
    is_reader = user.has_role(Role.CRO, Role.CMO, Role.MARKETING)
    return AdherenceReport.objects.first() if is_reader else None


def _program(user: User, now: datetime) -> dict[str, Any]:
    """The rail, for those who run and sponsor the program."""
    if not user.has_role(Role.REVOPS, Role.CRO, Role.CMO):
        return {"rail": None, "may_open_program": False}
    program = current()
    rail = rail_of(program, at=now) if program is not None else None
    return {"rail": rail, "may_open_program": rail is None and user.has_role(Role.REVOPS)}


def _machinery(user: User, now: datetime) -> dict[str, Any]:
    """How far everything is processed. RevOps sees each loop, everybody else those alone that stand still."""
    loops, reached = queries.loops(at=now), processed_up_to(at=now)
    late = [loop for loop in loops if loop.is_late]
    return {
        "processed_up_to": reached,
        "loops": loops if user.has_role(Role.REVOPS) else late,
        "is_up_to_date": not late and reached >= now - UP_TO_DATE_WITHIN,
    }


def _by_role(user: User, scope: Scope, week: Week, *, now: datetime) -> dict[str, Any]:
    """What only some roles see: a rep the own queue, who leads sales the reps, marketing what came back."""
    found: dict[str, Any] = {"rows": None, "groups": None, "more_groups": 0, "groups_url": ""}
    found |= {"by_rep": False, "may_open_queues": False, "sent_back": None}
    if user.has_role(Role.REP):
        person = Person.objects.filter(user=user).first()
        found["rows"] = cycles.queue_page(scope, at=now, owner_id=person.pk, size=5).rows if person else []
        return found
    by_rep = user.has_role(Role.SALES_MANAGER, Role.REVOPS, Role.CRO)
    found["by_rep"] = by_rep
    found["may_open_queues"] = user.has_role(Role.SALES_MANAGER, Role.REVOPS)
    found |= _groups(week, scope, "rep" if by_rep else "segment")
    if user.has_role(Role.MARKETING, Role.CMO):
        found |= _marketing(scope, week)
    return found


def _groups(week: Week, scope: Scope, group: str) -> dict[str, Any]:
    """This week's reps or segments of which anything fell due, and how many more there are, and where."""
    rows = [
        (
            found,
            with_rulings(found.figures[ClockKind.FOLLOW_UP], found.rulings[ClockKind.FOLLOW_UP]),
            with_rulings(found.figures[ClockKind.DISPOSITION], found.rulings[ClockKind.DISPOSITION]),
        )
        for found in compliance.by_group(week, scope, group)
    ]
    rows = [row for row in rows if row[1].ruled_due or row[2].ruled_due]
    asked = urlencode({"week": week.monday.isoformat(), "group": group})
    return {
        "groups": rows[:GROUPS_SHOWN],
        "more_groups": len(rows[GROUPS_SHOWN:]),
        "groups_url": f"{reverse('sla:compliance')}?{asked}",
    }


def _marketing(scope: Scope, week: Week) -> dict[str, Any]:
    """What marketing delivered, and what sales sent back with which reason."""
    since = week
    for _ in range(SENT_BACK_WEEKS - 1):
        since = since.previous()
    sent = queries.sent_back(since.starts_at, scope)
    return {
        "sent_back": sent,
        "sent_back_since": since.monday,
        "sent_back_chart": charts.bars(sent.reasons, title="Sent back by sales, by reason"),
        "delivered": charts.bars(
            [(_name(w), count) for w, count in queries.mqls_delivered(week, WEEKS, scope)],
            title="MQLs by the week in which they crossed the trigger",
            desc="Each row is a week, named by its Monday.",
        ),
    }


def _figures(week: Week, scope: Scope, *, is_linked: bool) -> list[dict[str, Any]]:
    """One card for each promise of this week."""
    found = compliance.by_kind(week, scope)
    return [
        {
            "label": ClockKind(kind).label,
            "figure": figure,
            "about": f"{ABOUT[ClockKind(kind)]} Met ÷ due, of the clocks that fall due this week; running ones are "
            "left out. ‘Restated’ counts what late evidence proved to be met.",
            "sub": _sub(figure),
            "url": _rows_url(week, kind) if is_linked and figure.due else "",
        }
        for kind, figure in found.items()
    ]


def _sub(figure: Figure) -> str:
    said = f"as known; {figure.running:,} running"
    if figure.restated:
        said += f"; restated: {figure.met_restated:,} of {figure.due:,} met"
    return said


def _rows_url(week: Week, kind: str) -> str:
    asked = {"week": week.monday.isoformat(), "kind": kind, "outcome": "due"}
    return f"{reverse('sla:compliance-rows')}?{urlencode(asked)}"


def _chart(week: Week, scope: Scope) -> str:
    past = compliance.weeks(week, WEEKS, ClockKind.FOLLOW_UP, scope)
    return charts.weeks(
        [charts.WeekBar(_name(w), f.met, f.missed, f.running) for w, f in past],
        title="First follow-ups by the week in which they fell due",
        desc="Each bar is a week, Monday to Sunday, named by its Monday.",
    )


def _name(week: Week) -> str:
    return f"{week.monday.day} {week.monday:%b}"


def _whose(user: User, scope: Scope) -> str:
    if scope.is_all:
        return "everybody"
    return "your teams" if user.has_role(Role.SALES_MANAGER) else "your MQLs"


def _shown(need: queries.Need) -> dict[str, Any]:
    """A need with its words and the address of its rows."""
    one, many = UNITS.get(need.code, ("MQL", "MQLs"))
    unit = "" if need.count is None else one if need.count == 1 else many
    address = need.url or reverse(need.url_name, args=[need.argument] if need.argument else [])
    return {
        "count": need.count,
        "text": f"{unit} {need.text}".strip(),
        "url": f"{address}?{need.query}" if need.query else address,
        "is_urgent": need.is_urgent,
    }
