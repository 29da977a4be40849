"""Who may change what: refusals that writers share. `by` None stands for the product itself (set-up)."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied

from alignment.models import Person, Role, User


class OnlyRevOps(PermissionDenied):
    """This is set up by RevOps."""


class NotYourTeam(PermissionDenied):
    """Only RevOps and the managers of a person's team may do this for that person."""


def require_revops(by: User | None, what: str) -> None:
    """`what` is the plural subject of the sentence shown: "Calendars". Raises OnlyRevOps."""
    if by is not None and not by.has_role(Role.REVOPS):
        raise OnlyRevOps(f"{what} are set up by RevOps.")


def require_manager_of(person: Person, by: User | None, *, or_self: bool = False) -> None:
    """RevOps, a manager of the person's team, or with `or_self` the person. Raises NotYourTeam."""
    if by is None or by.has_role(Role.REVOPS) or (or_self and person.user_id == by.pk):
        return
    if person.team_id is None or not by.managed_teams.filter(pk=person.team_id).exists():
        raise NotYourTeam(f"Only RevOps and the managers of {person}'s team may change this.")
