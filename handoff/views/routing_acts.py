"""Acts on the page of routing: pools, their members, leave."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, scope_of, viewer
from alignment.models import Person, Role
from handoff.forms import FallbackForm, LeaveForm, MemberForm, PoolForm, WeightForm
from handoff.models import Leave, Pool, PoolMember
from handoff.queries import routing as queries
from handoff.services import pools as services
from handoff.views.routing import SETS_UP, people_for_leave, show_pools

REFUSALS = (
    services.PoolExists,
    services.AlreadyMember,
    services.PersonInactive,
    services.WeightOutOfRange,
    services.LeaveIsOver,
    services.LeaveEndsTooEarly,
    ValidationError,
)


def _write(
    request: HttpRequest, write: Callable[[], str], form: Form | None = None, name: str = ""
) -> HttpResponse:
    """Run a change, where its form is valid, and go back to the page.

    Else the page is shown with what was typed: as a conflict where the change was refused.
    """
    if form is not None and not form.is_valid():
        return show_pools(request, status=422, forms={name: form})
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

    def write() -> str:
        pool = services.create_pool(**form.cleaned_data, by=viewer(request), at=timezone.now())
        return f"{pool} is set up. Add the people who get its leads."

    return _write(request, write, form, "pool_form")


@require_POST
@roles(*SETS_UP)
def add_member(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool, pk=pk)
    form = MemberForm(request.POST, pool=pool, people=queries.sellers())

    def write() -> str:
        member = services.add_member(pool=pool, **form.cleaned_data, by=viewer(request), at=timezone.now())
        return f"{member.person} gets leads of {pool} from now on."

    return _write(request, write, form, f"member_form_{pk}")


@require_POST
@roles(*SETS_UP)
def set_fallback(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool, pk=pk)
    form = FallbackForm(request.POST, pool=pool, people=queries.sellers())

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
    people = people_for_leave(user, list(queries.sellers()))
    form = LeaveForm(request.POST, people=people)

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
