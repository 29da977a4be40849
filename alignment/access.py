"""Who may see and do what. Roles open pages; scope narrows rows: a rep sees own MQLs, a manager the teams managed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from alignment.models import MqlCycle, Person, Role, User

P = ParamSpec("P")
EVERYONE = frozenset(Role)
SEES_ALL = frozenset({Role.REVOPS, Role.CRO, Role.CMO, Role.MARKETING})
SEES_FIGURES = frozenset({*SEES_ALL, Role.FINANCE, Role.SALES_MANAGER, Role.REP})
SEES_RECORDS = frozenset({*SEES_ALL, Role.SALES_MANAGER, Role.REP})
WORKS_LEADS = frozenset({Role.REP, Role.SALES_MANAGER, Role.REVOPS})


@dataclass(frozen=True)
class Scope:
    """Rows that a person may see: everything, the people of some teams, or their own."""

    is_all: bool = False
    teams: frozenset[int] = field(default_factory=frozenset)
    person: int | None = None

    def q(self, owner: str = "owner") -> Q:
        """Condition on a relation to Person: `owner` names it, as in `cycle__owner`."""
        if self.is_all:
            return Q()
        condition = Q(pk__in=[])
        if self.person is not None:
            condition |= Q(**{owner: self.person})
        if self.teams:
            condition |= Q(**{f"{owner}__team__in": self.teams})
        return condition

    def holds(self, owner: Person | None) -> bool:
        if self.is_all:
            return True
        return owner is not None and (owner.pk == self.person or (owner.team_id or 0) in self.teams)


def scope_of(user: User) -> Scope:
    """What this login may see of records and figures."""
    if user.has_role(*SEES_ALL, Role.FINANCE):
        return Scope(is_all=True)
    person = Person.objects.filter(user=user).values_list("pk", flat=True).first()
    if user.has_role(Role.SALES_MANAGER):
        teams = frozenset(user.managed_teams.values_list("pk", flat=True))
        return Scope(teams=teams, person=person)
    if user.has_role(Role.REP):
        return Scope(person=person)
    return Scope()


def may_work(user: User, cycle: MqlCycle) -> bool:
    """Log attempts and set dispositions: the owner, the managers of the owner's team, RevOps."""
    if user.has_role(Role.REVOPS):
        return True
    return user.has_role(*WORKS_LEADS) and scope_of(user).holds(cycle.owner)


_OPEN_TO = "open_to_roles"
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def roles(*allowed: Role) -> Callable[[View[P]], View[P]]:
    """Open a view to these roles only; others get 403."""

    def decorate(view: View[P]) -> View[P]:
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not viewer(request).has_role(*allowed):
                raise PermissionDenied("Your role has no part in this page.")
            return view(request, *args, **kwargs)

        wrapped = update_wrapper(guarded, view)
        wrapped.__dict__[_OPEN_TO] = frozenset(allowed)
        return cast("View[P]", wrapped)

    return decorate


def may_go(user: User, url: str) -> bool:
    """Whether the role of this login opens the page at an address of ours, so that a link to it is worth showing.

    What the page shows of its object is asked there; an address that is none of ours is open.
    """
    try:
        view = resolve(urlsplit(url).path).func
    except Resolver404:
        return True
    allowed: frozenset[Role] | None = getattr(view, _OPEN_TO, None)
    return allowed is None or user.has_role(*allowed)


def viewer(request: HttpRequest) -> User:
    """The login behind a request that passed the login middleware."""
    user: Any = request.user
    if not isinstance(user, User):
        raise PermissionDenied("Sign in first.")
    return user
