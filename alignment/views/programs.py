"""The program: its five steps with what blocks each gate, opening and changing it, its time on the calendars."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import EVERYONE, SEES_ALL, roles, viewer
from alignment.asked import asked
from alignment.forms.programs import CloseForm, ProgramChangeForm, ProgramForm
from alignment.gates.rail import Rail, rail_of
from alignment.gates.states import State
from alignment.models import Organisation, Program, Role
from alignment.paging import NoSuchPage, newest_first
from alignment.plan_calendar import Block, blocks, file_name
from alignment.queries import programs as queries
from alignment.queries.prerequisites import FIGURES, history, last_quarters, missing_of, months_of, unfilled
from alignment.services import programs as services
from alignment.services.organisation import NothingChanged

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


@roles(*READERS)
def index(request: HttpRequest) -> HttpResponse:
    """The program that is open, or what it takes to open one."""
    program = queries.current()
    if program is None:
        context = {"past": queries.past(), "is_revops": viewer(request).has_role(Role.REVOPS)}
        return render(request, "alignment/program_none.html", context)
    return render(request, "alignment/program.html", _context(request, program))


@roles(*READERS)
def past(request: HttpRequest, number: int) -> HttpResponse:
    """Any program by its number, closed ones too."""
    program = get_object_or_404(Program.objects.select_related("owner", "plan_taken_by"), number=number)
    return render(request, "alignment/program.html", _context(request, program))


@roles(*READERS)
def decisions(request: HttpRequest, number: int) -> HttpResponse:
    """What the gates of a program came to, the newest first, each with the evidence that it rests on; by key."""
    program = get_object_or_404(Program, number=number)
    try:
        page = newest_first(queries.decisions_of(program), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    rows = [(decision, _shown(decision.evidence)) for decision in page.rows]
    context = {"program": program, "decisions": rows, "cursor": page.cursor}
    return render(request, "alignment/program_decisions.html", context)


def _shown(evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry | {"as_of": datetime.fromisoformat(entry["as_of"])} for entry in evidence]


def _context(request: HttpRequest, program: Program) -> dict[str, Any]:
    user, now = viewer(request), timezone.now()
    zone = Organisation.get().zone
    is_open = program.closed_at is None
    months = _months(now, zone) if is_open else []
    rail, today = rail_of(program, at=now), now.astimezone(Organisation.get().tz).date()
    return {
        "now": now,
        "program": program,
        "rail": rail,
        "months": months,
        "is_history_short": any(not month.is_enough for _, row in months for month in row),
        "month_names": months_of(last_quarters(now, zone)) if is_open else [],
        "sees_records": user.has_role(*SEES_ALL),
        "blocks": against_today(blocks(program.starts_on, program.weeks), rail, today if is_open else None),
        "changes": queries.changes(program),
        "past": [other for other in queries.past() if other != program],
        "is_open": is_open,
        "is_revops": user.has_role(Role.REVOPS),
        "may_take_plan": is_open and user.has_role(Role.REVOPS, Role.CRO, Role.CMO),
    }


def against_today(planned: list[Block], rail: Rail, today: date | None) -> list[tuple[Block, bool, int]]:
    """Each block of the plan, whether today lies in it, and by how many days its step is behind: its gate is shut
    though its last day is over. What the track leaves out is never behind, nor is a closed program (`today` None)."""
    if today is None:
        return [(block, False, 0) for block in planned]
    waits = {
        stop.state.step for stop in rail.stops if stop.state.state != State.PASSED and stop.state.is_on_track
    }
    return [
        (
            block,
            block.first <= today <= block.last,
            max((today - block.last).days, 0) if block.step in waits else 0,
        )
        for block in planned
    ]


def _months(now: Any, zone: str) -> list[tuple[Any, Any]]:
    return [(figure, history(figure, at=now, zone=zone)) for figure in FIGURES.values()]


@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """Open a program."""
    form, status = ProgramForm(request.POST or None, initial={"owner": viewer(request)}), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.open_program(**form.cleaned_data, by=viewer(request), at=timezone.now())
            except services.ProgramIsOpen as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem)
            else:
                messages.success(request, "The program is open. What its first gate asks for stands below.")
                return redirect("alignment:program")
    return render(request, "alignment/program_form.html", {"form": form, "program": None}, status=status)


@roles(Role.REVOPS)
def change(request: HttpRequest) -> HttpResponse:
    """Change what is declared of the program that is open, or close it."""
    program = _current()
    form = ProgramChangeForm(request.POST or None, initial=ProgramChangeForm.initial_of(program))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.change_program(
                    program=program, **form.cleaned_data, by=viewer(request), at=timezone.now()
                )
            except (NothingChanged, services.ProgramIsClosed) as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem)
            else:
                messages.success(request, "The program is changed.")
                return redirect("alignment:program")
    context = {"form": form, "close_form": CloseForm(), "program": program}
    return render(request, "alignment/program_form.html", context, status=status)


@require_POST
@roles(Role.REVOPS)
def close(request: HttpRequest) -> HttpResponse:
    """Close the program that is open."""
    program, form = _current(), CloseForm(request.POST)
    if form.is_valid():
        try:
            services.close_program(
                program=program, **form.cleaned_data, by=viewer(request), at=timezone.now()
            )
        except services.ProgramIsClosed as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{program} is closed.")
        return redirect("alignment:program-past", number=program.number)
    open_form = ProgramChangeForm(initial=ProgramChangeForm.initial_of(program))
    context = {"form": open_form, "close_form": form, "program": program}
    return render(request, "alignment/program_form.html", context, status=422)


@require_POST
@roles(Role.REVOPS, Role.CRO, Role.CMO)
def plan_file(request: HttpRequest) -> HttpResponse:
    """The weeks of the program as a file for calendars."""
    program = _current()
    try:
        written = services.take_plan(program=program, by=viewer(request), at=timezone.now())
    except services.ProgramIsClosed as refusal:
        messages.error(request, str(refusal))
        return redirect("alignment:program")
    response = HttpResponse(written, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(program)}"'
    return response


@require_POST
@roles(Role.REVOPS)
def plan_mail(request: HttpRequest) -> HttpResponse:
    """Mail the weeks of the program to CRO, CMO and owner."""
    try:
        count = services.mail_plan(program=_current(), by=viewer(request), at=timezone.now())
    except ValidationError as problem:
        messages.error(request, " ".join(problem.messages))
    except services.ProgramIsClosed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The plan goes to {count} mailbox{'' if count == 1 else 'es'}.")
    return redirect("alignment:program")


@roles(*sorted(SEES_ALL))
def unfilled_records(request: HttpRequest, figure: str, month: str) -> HttpResponse:
    """The records of a month of history that lack something, by key."""
    now, zone = timezone.now(), Organisation.get().zone
    found = FIGURES.get(figure)
    first = next((day for day in months_of(last_quarters(now, zone)) if f"{day:%Y-%m}" == month), None)
    if found is None or first is None:
        raise Http404("No such month of history.")
    rows = unfilled(found, first, zone=zone)
    rows = rows.select_related("lead") if figure == "mql-to-sql" else rows
    try:
        page = newest_first(rows, asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    context = {
        "figure": found,
        "first": first,
        "rows": [(row, missing_of(found, row)) for row in page.rows],
        "cursor": page.cursor,
    }
    return render(request, "alignment/program_unfilled.html", context)


def _current() -> Program:
    program = queries.current()
    if program is None:
        raise Http404("No program is open.")
    return program
