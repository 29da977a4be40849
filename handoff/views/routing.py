"""Routing: pools with shares and turns, the routing document, leave, recent decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import Scope, roles, scope_of, viewer
from alignment.models import Person, Role, User
from handoff.forms import FallbackForm, LeaveForm, MemberForm, PoolForm, WeightForm
from handoff.models import Leave
from handoff.queries import routing as queries
from handoff.queries.routing import MemberLine, PoolPart

SETS_UP = (Role.REVOPS, Role.SALES_MANAGER)


@dataclass(frozen=True)
class MemberCard:
    """A member as the page shows it, with what this viewer may do to it."""

    line: MemberLine
    may_pause: bool
    weight_form: WeightForm | None


@dataclass(frozen=True)
class PoolCard:
    part: PoolPart
    members: list[MemberCard]
    member_form: MemberForm | None
    fallback_form: FallbackForm | None


@roles(*SETS_UP, Role.REP)
def pools(request: HttpRequest) -> HttpResponse:
    """Everything about who gets which leads; a rep reads the pools that the rep is in."""
    return show_pools(request)


def show_pools(
    request: HttpRequest, *, status: int = 200, refusal: str = "", forms: Mapping[str, Form] | None = None
) -> HttpResponse:
    """Render the page, with the refused form as it was typed: `forms` names it (pool_form, leave_form,
    member_form_3, fallback_form_3, weight_form_7)."""
    typed = forms or {}
    user, now = viewer(request), timezone.now()
    scope = scope_of(user)
    is_revops, is_rep = user.has_role(Role.REVOPS), user.has_role(Role.REP)
    parts = queries.pool_parts(at=now, member_user=user if is_rep else None)
    sellers = list(queries.sellers()) if is_revops else []
    away = people_for_leave(user, sellers)
    ours, by_crm = queries.sources_by_assigner()
    return render(
        request,
        "handoff/routing.html",
        {
            "cards": [_card(part, scope, sellers, is_revops, typed) for part in parts],
            "dead_ends": queries.dead_ends(parts),
            "has_default": any(not part.pool.segment for part in parts),
            "is_revops": is_revops,
            "is_rep": is_rep,
            "pool_form": typed.get("pool_form") or (PoolForm(people=sellers) if is_revops else None),
            "leave_form": typed.get("leave_form") or LeaveForm(people=away, initial=_alone(away)),
            "leaves": _leaves(scope, now),
            "assignments": queries.recent_assignments(scope),
            "sources_here": ours,
            "sources_by_crm": by_crm,
            "refusal": refusal,
            "now": now,
        },
        status=status,
    )


def _card(
    part: PoolPart, scope: Scope, sellers: list[Person], is_revops: bool, typed: Mapping[str, Form]
) -> PoolCard:
    pool = part.pool
    inside = {line.member.person_id for line in part.members}
    others = [person for person in sellers if person.pk not in inside]
    members = []
    for line in part.members:
        key = f"weight_form_{line.member.pk}"
        form: Any = typed.get(key) or WeightForm(
            initial={"weight": line.member.weight}, auto_id=f"member-{line.member.pk}-%s"
        )
        may_pause = is_revops or (line.member.person.team_id or 0) in scope.teams
        members.append(MemberCard(line, may_pause, form if is_revops else None))
    if not is_revops:
        return PoolCard(part, members, None, None)
    member_form: Any = typed.get(f"member_form_{pool.pk}") or MemberForm(pool=pool, people=others)
    fallback_form: Any = typed.get(f"fallback_form_{pool.pk}") or FallbackForm(
        pool=pool, people=sellers, initial={"person": str(pool.fallback_id or "")}
    )
    return PoolCard(part, members, member_form, fallback_form)


def people_for_leave(user: User, sellers: list[Person]) -> list[Person]:
    """Whose leave this login enters: anybody's, the own people's, the own."""
    return sellers if user.has_role(Role.REVOPS) else queries.own_people(user)


def _alone(people: list[Person]) -> dict[str, str]:
    return {"person": str(people[0].pk)} if len(people) == 1 else {}


def _leaves(scope: Scope, at: datetime) -> list[Leave]:
    """Leaves that run or are to come, of people in scope."""
    rows = Leave.objects.filter(scope.q("person"), ends_at__gt=at).select_related("person__team")
    return list(rows.order_by("starts_at", "pk"))
