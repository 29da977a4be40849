"""The queue: what is due next, of one person with the acts for it, or of the whole team."""

from __future__ import annotations

from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import WORKS_LEADS, Scope, roles, scope_of, viewer
from alignment.asked import asked, read_number
from alignment.models import Person, Role, User
from handoff.forms import DispositionForm
from handoff.queries import cycles, routing


@roles(*WORKS_LEADS)
def queue(request: HttpRequest) -> HttpResponse:
    """Open MQLs by time left: a rep's own; for managers and RevOps those of everybody in scope, or by
    `?person=` of one of them. `after` names the last MQL of the page before."""
    user = viewer(request)
    now = timezone.now()
    sees_team = user.has_role(Role.REVOPS, Role.SALES_MANAGER)
    choices = _people_to_choose(user) if sees_team else []
    person = _person(request, user, is_all_first=sees_team)
    is_team = person is None and sees_team
    page = None
    if person is not None or is_team:
        owner = person.pk if person else None
        after = asked(request, "after")
        page = cycles.queue_page(_scope(user, person), at=now, owner_id=owner, after=after)
    cards = []
    if page and not is_team:
        cards = [
            (row, uuid4(), DispositionForm(cycle=row.cycle, opportunities=row.opportunities))
            for row in page.rows
        ]
    return render(
        request,
        "handoff/queue.html",
        {
            "person": person,
            "is_own": person is not None and person.user_id == user.pk,
            "is_team": is_team,
            "sees_team": sees_team,
            "whole": "Everybody" if user.has_role(Role.REVOPS) else "The whole team",
            "people": _with(person, choices),
            "cards": cards,
            "page": page,
            "back": f"queue:{person.pk}" if person else "queue",
            "now": now,
        },
    )


def _scope(user: User, person: Person | None) -> Scope:
    """What the queue is cut from: one person who was found in scope, or the whole of it."""
    return scope_of(user) if person is None else Scope(person=person.pk)


def _people_to_choose(user: User) -> list[Person]:
    """Whose queues managers and RevOps may open, their own among them."""
    return list(routing.sellers()) if user.has_role(Role.REVOPS) else routing.own_people(user)


def _with(person: Person | None, choices: list[Person]) -> list[Person]:
    """The choices with the person who is shown; none where there is nothing to choose."""
    if not choices or person is None or person in choices:
        return choices
    return [person, *choices]


def _person(request: HttpRequest, user: User, *, is_all_first: bool) -> Person | None:
    """Whose queue is shown: the one asked for, else the own; a person out of scope is not found.

    None: nobody's, or with `is_all_first` that of everybody in scope unless one is asked for.
    """
    wanted = asked(request, "person")
    if not wanted:
        return None if is_all_first else Person.objects.filter(user=user).first()
    found = Person.objects.filter(pk=number).first() if (number := read_number(wanted)) else None
    if found is None or not scope_of(user).holds(found):
        raise Http404("No such person in your scope.")
    return found
