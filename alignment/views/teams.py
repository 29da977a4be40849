"""Teams: name, function, calendar, managers."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.forms.people import TeamForm
from alignment.models import Role, Team
from alignment.services import teams as services


@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """A new team."""
    return _edit(request, None)


@roles(Role.REVOPS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """What a team is called, does and works by, and who manages it."""
    return _edit(request, get_object_or_404(Team, pk=pk))


def _edit(request: HttpRequest, team: Team | None) -> HttpResponse:
    user, now, status = viewer(request), timezone.now(), 200
    initial = (
        {
            "name": team.name,
            "function": team.function,
            "calendar": team.calendar_id,
            "managers": list(team.managers.values_list("pk", flat=True)),
        }
        if team
        else None
    )
    form = TeamForm(request.POST or None, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            try:
                if team is None:
                    team = services.create_team(**given, by=user, at=now)
                    messages.success(request, f"{team} is there. Put people into it next.")
                else:
                    services.change_team(team=team, **given, by=user, at=now)
                    messages.success(request, f"{given['name']} is changed.")
            except services.TeamExists as problem:
                form.add_error("name", str(problem))
                status = 409
            except ValidationError as problem:
                form.add_error(None, problem.messages)
            else:
                return redirect("alignment:people")
    return render(request, "alignment/team.html", {"form": form, "team": team}, status=status)
