"""Routing: pools with shares and turns, the routing document, leave, recent decisions, and the acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import Scope, roles, scope_of, viewer
from alignment.models import Person, Role, User
from handoff.forms import FallbackForm, LeaveForm, MemberForm, PoolForm, WeightForm
from handoff.models import Leave, Pool, PoolMember
from handoff.queries import routing as queries
from handoff.queries.routing import MemberLine, PoolPart
from handoff.services import pools as services

SETS_UP = (Role.REVOPS, Role.SALES_MANAGER)
REFUSALS = (
    services.PoolExists,
    services.AlreadyMember,
    services.PersonInactive,
    services.WeightOutOfRange,
    services.LeaveIsOver,
    services.LeaveEndsTooEarly,
    ValidationError,
)


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
    away = _people_for_leave(user, sellers)
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


def _people_for_leave(user: User, sellers: list[Person]) -> list[Person]:
    """Whose leave this login enters: anybody's, the own people's, the own."""
    return sellers if user.has_role(Role.REVOPS) else queries.own_people(user)


def _alone(people: list[Person]) -> dict[str, str]:
    return {"person": str(people[0].pk)} if len(people) == 1 else {}


def _leaves(scope: Scope, at: datetime) -> list[Leave]:
    """Leaves that run or are to come, of people in scope."""
    rows = Leave.objects.filter(scope.q("person"), ends_at__gt=at).select_related("person__team")
    return list(rows.order_by("starts_at", "pk"))


# --- acts -----------------------------------------------------------------------------------------------


def _write(
    request: HttpRequest, write: Callable[[], str], form: Form | None = None, name: str = ""
) -> HttpResponse:
    """Run a change and go back to the page; a refusal shows the page with what was typed, as a conflict."""
    try:
        said = write()
    except REFUSALS as refusal:
        text = " ".join(refusal.messages) if isinstance(refusal, ValidationError) else str(refusal)
        if isinstance(refusal, (services.LeaveEndsTooEarly, services.LeaveIsOver)) and form is not None:
            form.add_error("ends_at", text)  # beside its field; the form opens where it stands
            return show_pools(request, status=409, forms={name: form})
        return show_pools(request, status=409, refusal=text, forms={name: form} if form else None)
    messages.success(request, said)
    return redirect("handoff:pools")


@require_POST
@roles(*SETS_UP)
def create_pool(request: HttpRequest) -> HttpResponse:
    form = PoolForm(request.POST, people=queries.sellers())
    if not form.is_valid():
        return show_pools(request, status=422, forms={"pool_form": form})

    def write() -> str:
        pool = services.create_pool(**form.cleaned_data, by=viewer(request), at=timezone.now())
        return f"{pool} is set up. Add the people who get its leads."

    return _write(request, write, form, "pool_form")


@require_POST
@roles(*SETS_UP)
def add_member(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool, pk=pk)
    form = MemberForm(request.POST, pool=pool, people=queries.sellers())
    if not form.is_valid():
        return show_pools(request, status=422, forms={f"member_form_{pk}": form})

    def write() -> str:
        member = services.add_member(pool=pool, **form.cleaned_data, by=viewer(request), at=timezone.now())
        return f"{member.person} gets leads of {pool} from now on."

    return _write(request, write, form, f"member_form_{pk}")


@require_POST
@roles(*SETS_UP)
def set_fallback(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool, pk=pk)
    form = FallbackForm(request.POST, pool=pool, people=queries.sellers())
    if not form.is_valid():
        return show_pools(request, status=422, forms={f"fallback_form_{pk}": form})

    def write() -> str:
        person = form.cleaned_data["person"]
        services.set_fallback(pool=pool, person=person, by=viewer(request), at=timezone.now())
        return f"When nobody in {pool} is eligible, {person or 'nobody'} gets the lead."

    return _write(request, write, form, f"fallback_form_{pk}")


@require_POST
@roles(*SETS_UP)
def set_weight(request: HttpRequest, pk: int) -> HttpResponse:
    member = _member(pk)
    form = WeightForm(request.POST, auto_id=f"member-{pk}-%s")
    if not form.is_valid():
        return show_pools(request, status=422, forms={f"weight_form_{pk}": form})

    def write() -> str:
        weight = form.cleaned_data["weight"]
        services.set_weight(member=member, weight=weight, by=viewer(request), at=timezone.now())
        return f"{member.person} has the weight {weight} in {member.pool} from the next lead on."

    return _write(request, write, form, f"weight_form_{pk}")


@require_POST
@roles(*SETS_UP)
def pause_member(request: HttpRequest, pk: int) -> HttpResponse:
    member = _member(pk)

    def write() -> str:
        services.pause_member(member=member, by=viewer(request), at=timezone.now())
        return f"{member.person} is paused in {member.pool}; leads go to the others."

    return _write(request, write)


@require_POST
@roles(*SETS_UP)
def resume_member(request: HttpRequest, pk: int) -> HttpResponse:
    member = _member(pk)

    def write() -> str:
        services.resume_member(member=member, by=viewer(request), at=timezone.now())
        return f"{member.person} gets leads of {member.pool} again, from the pool's present turn on."

    return _write(request, write)


@require_POST
@roles(*SETS_UP)
def remove_member(request: HttpRequest, pk: int) -> HttpResponse:
    member = PoolMember.objects.select_related("person__team", "pool").filter(pk=pk).first()
    if member is None:
        messages.info(request, "This member was removed already.")
        return redirect("handoff:pools")

    def write() -> str:
        services.remove_member(member=member, by=viewer(request), at=timezone.now())
        return f"{member.person} left {member.pool}; what was received stays in the ledger."

    return _write(request, write)


@require_POST
@roles(*SETS_UP, Role.REP)
def add_leave(request: HttpRequest) -> HttpResponse:
    user = viewer(request)
    people = _people_for_leave(user, list(queries.sellers()))
    form = LeaveForm(request.POST, people=people)
    if not form.is_valid():
        return show_pools(request, status=422, forms={"leave_form": form})

    def write() -> str:
        leave = services.add_leave(**form.cleaned_data, by=user, at=timezone.now())
        return f"Leave of {leave.person} is entered. {_what_leave_means(leave.person)}"

    return _write(request, write, form, "leave_form")


def _what_leave_means(person: Person) -> str:
    said = "New leads go to others meanwhile; no clock stops."
    count = queries.open_mqls_of(person)
    if not count:
        return said
    stay, them = ("MQL stays", "it") if count == 1 else ("MQLs stay", "them")
    pages = "its page" if count == 1 else "their pages"
    return f"{said} {count} open {stay} with {person}; hand {them} over on {pages}."


@require_POST
@roles(*SETS_UP, Role.REP)
def end_leave(request: HttpRequest, pk: int) -> HttpResponse:
    leave = Leave.objects.select_related("person__team").filter(scope_of(viewer(request)).q("person"), pk=pk)
    found = leave.first()
    if found is None:
        if Leave.objects.filter(pk=pk).exists():
            raise Http404("No such leave.")
        messages.info(request, "This leave was taken off already.")
        return redirect("handoff:pools")

    def write() -> str:
        services.end_leave(leave=found, by=viewer(request), at=timezone.now())
        return f"{found.person} is back."

    return _write(request, write)


def _member(pk: int) -> PoolMember:
    return get_object_or_404(PoolMember.objects.select_related("person__team", "pool"), pk=pk)
