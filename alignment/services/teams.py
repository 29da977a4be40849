"""Teams, and who works in them: name, function, calendar, managers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from alignment.models import Calendar, Function, Person, Role, Team, User
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history


class TeamExists(Exception):
    """A team has this name already."""


def create_team(
    *,
    name: str,
    function: Function | str = Function.SALES,
    calendar: Calendar | None = None,
    managers: Iterable[User] = (),
    reason: str = "team made",
    by: User | None,
    at: datetime,
) -> Team:
    """A team of one function. Raises OnlyRevOps, TeamExists, or ValidationError (name, function)."""
    require_revops(by, "Teams")
    team = Team(name=name.strip(), function=function, calendar=calendar)
    team.clean_fields()
    try:
        with transaction.atomic():
            save_with_history(team, reason=reason, by=by, at=at)
            team.managers.set(managers)
    except IntegrityError as problem:
        raise TeamExists(f"There is a team named “{team.name}”.") from problem
    return team


@transaction.atomic
def change_team(
    *,
    team: Team,
    name: str,
    function: Function | str,
    calendar: Calendar | None,
    managers: Iterable[User],
    reason: str = "",
    by: User | None,
    at: datetime,
) -> Team:
    """What the team is called, does and works by, and who manages it.

    Raises OnlyRevOps, TeamExists, or ValidationError (no name, no such function, somebody who is no manager).
    """
    require_revops(by, "Teams")
    chosen = list(managers)
    for manager in chosen:
        if not manager.has_role(Role.SALES_MANAGER):
            raise ValidationError({"managers": f"{manager} is no sales manager."})
    team = Team.objects.select_for_update(of=("self",), no_key=True).get(pk=team.pk)
    team.name, team.function, team.calendar = name.strip(), function, calendar
    team.clean_fields()
    said = f"managers: {', '.join(sorted(str(manager) for manager in chosen)) or 'none'}"
    try:
        with transaction.atomic():
            save_with_history(team, reason=reason or said, by=by, at=at)
    except IntegrityError as problem:
        raise TeamExists(f"There is a team named “{team.name}”.") from problem
    team.managers.set(chosen)
    return team


@transaction.atomic
def change_person(
    *,
    person: Person,
    name: str,
    email: str,
    function: Function | str,
    team: Team | None,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> Person:
    """Who somebody is and where they work; running clocks keep the team that they started with. Another name is one
    that no source changes again.

    Raises OnlyRevOps or ValidationError (no name, no such function, no e-mail address).
    """
    require_revops(by, "People")
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    if name.strip() != person.name:
        person.named_from = ""
    person.name, person.email, person.function = name.strip(), email.strip().lower(), function
    person.team = team
    person.clean_fields()
    save_with_history(person, reason=reason or f"team: {team or 'none'}", by=by, at=at)
    return person
