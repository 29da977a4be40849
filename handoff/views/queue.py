"""The queue of one person: what is due next, with the acts for it."""

from __future__ import annotations

from uuid import uuid4

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import WORKS_LEADS, roles, scope_of, viewer
from alignment.models import Person, Role, User
from handoff.forms import DispositionForm
from handoff.queries import cycles, routing

PAGE = 50


@roles(*WORKS_LEADS)
def queue(request: HttpRequest) -> HttpResponse:
    """Own open MQLs by time left; managers and RevOps choose a person of their scope by `?person=`."""
    user = viewer(request)
    now = timezone.now()
    choices = _people_to_choose(user)
    person = _person(request, user)
    rows = cycles.queue(person.pk) if person else []
    start = _start(rows, request.GET.get("after", ""))
    shown = rows[start : start + PAGE]
    cards = [
        (row, uuid4(), DispositionForm(cycle=row.cycle, opportunities=row.opportunities)) for row in shown
    ]
    return render(
        request,
        "handoff/queue.html",
        {
            "person": person,
            "is_own": person is not None and person.user_id == user.pk,
            "people": _with(person, choices),
            "cards": cards,
            "total": len(rows),
            "overdue": sum(row.next_clock is not None and row.next_clock.due_at < now for row in rows),
            "cursor": shown[-1].cycle.pk if start + PAGE < len(rows) else None,
            "back": f"queue:{person.pk}" if person else "queue",
            "now": now,
        },
    )


def _people_to_choose(user: User) -> list[Person]:
    """Whose queues this login may open besides its own."""
    if user.has_role(Role.REVOPS):
        return list(routing.sellers())
    if user.has_role(Role.SALES_MANAGER):
        return list(routing.people_managed_by(user))
    return []


def _with(person: Person | None, choices: list[Person]) -> list[Person]:
    """The choices with the person who is shown; none where there is nothing to choose."""
    if not choices or person is None or person in choices:
        return choices
    return [person, *choices]


def _person(request: HttpRequest, user: User) -> Person | None:
    """Whose queue is shown: the one asked for, else the own; a person out of scope is not found."""
    asked = request.GET.get("person", "")
    if not asked:
        return Person.objects.filter(user=user).first()
    found = Person.objects.filter(pk=int(asked)).first() if asked.isdecimal() else None
    if found is None or not scope_of(user).holds(found):
        raise Http404("No such person in your scope.")
    return found


def _start(rows: list[cycles.QueueRow], after: str) -> int:
    """Index of the row that follows the MQL named `after`; 0 where that one is no longer in the queue."""
    return next((number + 1 for number, row in enumerate(rows) if str(row.cycle.pk) == after), 0)
